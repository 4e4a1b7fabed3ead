"""`emporion buyer` beside buying and using up, against a running devnet.

status
├── a pass, a period, credits in wallet and tab: access, what is left, what can be had back
└── a withdrawal: when it is ready; taken back, the credits give access again
rate
├── by who paid and used, with words that the gateway keeps under the hash on chain
└── by who did not, or with six stars: refused before anything is kept
daily-limit, give
└── of an empty tab only; units move and access with them, soulbound ones do not
keys, rotate, rollback, revoke
└── the old secret works for the overlap, the new one until it is revoked; one id or --all
"""

import os
import urllib.error
import urllib.request

import pytest

from backend.core.units import checksum, keccak
from backend.signing.keys import LocalKey
from tests.e2e.terminal import does, eventually, funded, get, plan_of, refuses
from tests.emporion_command import run_emporion

pytestmark = [
    pytest.mark.devnet,
    pytest.mark.model,
    pytest.mark.integration,
    pytest.mark.timeout(240),
    pytest.mark.usefixtures("second_terminal"),
]


def holdings() -> dict[str, dict[str, object]]:
    return {one["kind"]: one for one in does("buyer", "status")["holdings"]}


class TestStatus:
    def test_tells_access_credits_and_what_goes_back(self, monkeypatch: pytest.MonkeyPatch) -> None:
        funded(monkeypatch)
        assert does("buyer", "status")["holdings"] == []
        assert "nothing bought yet" in run_emporion("buyer", "status").err
        tab, day = plan_of("smollm2", "metered"), plan_of("smollm2", "timed")
        for order in ((plan_of("smollm2", "pass"),), (day,), (day, "1", "--hold"), (tab, "100")):
            does("buyer", "buy", *order)
        does("buyer", "buy", tab, "10", "--hold")
        assert eventually(lambda: holdings().get("metered", {}).get("units") == "10")
        held = holdings()
        assert (held["pass"]["access"], held["pass"]["refundable"]) == ("while it is held", "0 tUSD")
        assert str(held["timed"]["access"]).startswith("until 20")
        assert (held["timed"]["units"], held["timed"]["refundable_base_units"]) == ("1", "2000000")
        assert (held["metered"]["in_tab"], held["metered"]["left"]) == ("100", "100")
        assert held["metered"]["refundable"] == "1.1 tUSD"
        assert held["metered"]["withdrawal"] is None

        ready = does("buyer", "withdraw", tab, "--request")["ready_at"]
        assert eventually(lambda: holdings()["metered"]["withdrawal"] in (f"ready {ready}", "ready now"))
        assert holdings()["metered"]["refundable"] == "1.1 tUSD"
        assert does("buyer", "withdraw", tab, "--cancel")["ready_at"] is None
        assert eventually(lambda: holdings()["metered"]["withdrawal"] is None)
        assert (
            "one of --request and --cancel" in refuses("buyer", "withdraw", tab, "--request", "--cancel").err
        )


class TestRate:
    def test_keeps_the_words_under_the_hash_on_chain(self, monkeypatch: pytest.MonkeyPatch) -> None:
        wallet = funded(monkeypatch)
        plan = plan_of("smollm2-embeddings", "pass")
        said = refuses("buyer", "rate", plan, "4", "--text", "Never tried.")
        assert "has not paid for a unit of plan" in said.err
        does("buyer", "buy", plan)
        done = does("buyer", "rate", plan, "4", "--text", "Quick and right.")
        assert done["rating"] == 4

        def mine() -> list[dict[str, object]]:
            reviews = get("/v1/services/2/reviews")["reviews"]
            return [one for one in reviews if one["account"] == wallet]

        assert eventually(lambda: len(mine()) == 1)
        assert (mine()[0]["rating"], mine()[0]["content_hash"]) == (4, done["text"])
        with urllib.request.urlopen(
            f"{os.environ['EMPORION_PUBLIC_URL']}/v1/metadata/{done['text']}", timeout=10
        ) as answer:
            kept = answer.read()
        assert "0x" + keccak(kept).hex() == done["text"]
        assert b"Quick and right." in kept
        assert does("buyer", "rate", plan, "5")["text"] is None
        assert eventually(lambda: mine()[0]["rating"] == 5)
        assert run_emporion("buyer", "rate", plan, "6").status == 2


class TestTab:
    def test_daily_limit_is_set_while_it_is_empty(self, monkeypatch: pytest.MonkeyPatch) -> None:
        funded(monkeypatch)
        plan = plan_of("smollm2", "metered")
        done = does("buyer", "daily-limit", plan, "25", "--vouchers")
        assert (done["daily_limit"], done["vouchers"]) == (25, True)
        again = does("buyer", "daily-limit", plan, "30")
        assert (again["daily_limit"], again["vouchers"]) == (30, True)
        does("buyer", "buy", plan, "100")
        assert "only while it is empty" in refuses("buyer", "daily-limit", plan, "0").err
        assert eventually(lambda: holdings().get("metered", {}).get("daily_limit") == 30)


class TestGive:
    def test_units_go_to_another_wallet(self, monkeypatch: pytest.MonkeyPatch) -> None:
        funded(monkeypatch)
        plan, friend = plan_of("smollm2", "pass"), checksum(LocalKey.create().address)
        does("buyer", "buy", plan)
        given = does("buyer", "give", plan, "1", friend.lower())
        assert (given["to"], given["units"]) == (friend, 1)
        assert eventually(lambda: [one["units"] for one in get(f"/v1/accounts/{friend}")["plans"]] == ["1"])
        assert "the contract refused" in refuses("buyer", "give", plan, "1", friend).err
        assert "0x12" in refuses("buyer", "give", plan, "1", "0x12").err


def opens(secret: str) -> bool:
    """Whether the gateway takes an API key."""
    asked = urllib.request.Request(
        os.environ["EMPORION_PUBLIC_URL"] + "/v1/models", headers={"Authorization": f"Bearer {secret}"}
    )
    try:
        with urllib.request.urlopen(asked, timeout=10) as answer:
            status = answer.status
    except urllib.error.HTTPError as error:
        status = error.code
    assert status in (200, 401)
    return bool(status == 200)


class TestKeys:
    def test_are_listed_rotated_and_revoked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        funded(monkeypatch)
        made = does(
            "buyer", "key", "--name", "laptop", "--daily-cap", "5", "--expires", "30d", "--service", "1"
        )
        (listed,) = does("buyer", "keys")
        assert (listed["id"], listed["name"], listed["daily_cap"]) == (made["id"], "laptop", 5_000_000)
        assert listed["services"] == [1]
        assert "laptop" in run_emporion("buyer", "keys").out
        fresh = does("buyer", "rotate", made["id"], "--overlap", "1h")
        assert fresh["old_secret_until"].endswith("UTC")
        assert opens(fresh["key"])
        assert opens(made["key"])
        assert does("buyer", "rollback", made["id"]) == {"rolled_back": made["id"]}
        assert eventually(lambda: not opens(fresh["key"]))
        assert opens(made["key"])
        last = does("buyer", "rotate", made["id"])
        assert last["old_secret_until"] is None
        assert eventually(lambda: not opens(made["key"]))
        assert does("buyer", "revoke", made["id"]) == {"revoked": 1}
        assert eventually(lambda: not opens(last["key"]))
        assert does("buyer", "keys") == []
        assert len(does("buyer", "keys", "--all")) == 1

    def test_revoking_names_one_or_all(self, monkeypatch: pytest.MonkeyPatch) -> None:
        funded(monkeypatch)
        for _ in range(2):
            does("buyer", "key")
        assert "or all of them by --all" in refuses("buyer", "revoke").err
        assert does("buyer", "revoke", "--all") == {"revoked": 2}
