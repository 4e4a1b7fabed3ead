"""GET /v1/provider/services/{id}/analytics: for the owner alone; calls that were served stand in it."""

from tests.backend.gateway.conftest import House, bearer, engine, gateway_settings, house, paid_key
from tests.backend.market import SERVICE

__all__ = ["engine", "gateway_settings", "house", "paid_key"]

PATH = f"/v1/provider/services/{SERVICE}/analytics"


class TestAnalytics:
    async def test_shows_the_owner_what_was_served(self, house: House, paid_key: str) -> None:
        assert (await house.chat(paid_key)).status_code == 200
        session = bearer(await house.sign_in(house.provider))
        found = (await house.http.get(f"{PATH}?by=plan", headers=session)).json()
        (row,) = found["rows"]
        assert (row["calls"], row["failed"]) == (1, 0)
        assert int(row["charged_micro_credits"]) > 0
        assert found["latency"]["p50"] is not None

    async def test_is_nobody_elses(self, house: House) -> None:
        stranger = bearer(await house.sign_in(house.buyer))
        assert (await house.http.get(PATH, headers=stranger)).status_code == 403
        assert (await house.http.get(PATH)).status_code == 401
        session = bearer(await house.sign_in(house.provider))
        assert (await house.http.get(f"{PATH}?from=soon", headers=session)).status_code == 400
        assert (await house.http.get(f"{PATH}?by=week", headers=session)).status_code == 422
