"""An app of a third party over HTTP: from registering to calling a model in a wallet's name.

├── with a code: the page, the wallet's signature, tokens, a call, revocation
├── with a code on a screen
├── the page is shown for a right request alone, and cannot be framed
├── refusals have OAuth's shape at its endpoints
└── the metadata document leads to all of them
"""

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from eth_account.messages import encode_defunct

from backend.accounts.oauth.schemas import DEVICE_GRANT
from tests.backend.gateway.conftest import PASS, House, address_of, bearer
from tests.backend.market import SERVICE, holding

BACK = "https://app.example/back"
VERIFIER = "v" * 50


async def registered(house: House) -> str:
    session = bearer(await house.sign_in(house.provider))
    body = {"client_name": "Notes", "redirect_uris": [BACK], "scope": "inference read"}
    reply = await house.http.post("/v1/oauth/apps", json=body, headers=session)
    assert reply.status_code == 201, reply.text
    return str(reply.json()["client_id"])


def asked(client_id: str, **changed: str) -> str:
    digest = hashlib.sha256(VERIFIER.encode()).digest()
    said = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": BACK,
        "scope": "inference",
        "state": "s1",
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    return urlencode({**said, **changed})


async def approved(house: House, **asking: Any) -> str:
    """Where the page sends the browser once the buyer has signed."""
    wanted = {**asking, "address": house.buyer.address}
    message = (await house.http.post("/v1/oauth/consent", json=wanted)).json()["message"]
    signature = house.buyer.sign_message(encode_defunct(text=message)).signature.hex()
    body = {**asking, "message": message, "signature": signature}
    reply = await house.http.post("/v1/oauth/approve", json=body)
    assert reply.status_code == 200, reply.text
    return str(reply.json()["redirect_to"])


class TestApp:
    async def test_calls_with_a_code_until_it_is_revoked(self, house: House) -> None:
        await house.mine(holding(PASS, address_of(house.buyer)))
        app = await registered(house)
        page = await house.http.get(f"/v1/oauth/authorize?{asked(app)}")
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        assert page.headers["cache-control"] == "no-store"
        answer = parse_qs(urlsplit(await approved(house, query=asked(app), services=[SERVICE])).query)
        assert (answer["state"], answer["iss"]) == (["s1"], [house.url])
        form = {
            "grant_type": "authorization_code",
            "code": answer["code"][0],
            "client_id": app,
            "redirect_uri": BACK,
            "code_verifier": VERIFIER,
        }
        tokens = (await house.http.post("/v1/oauth/token", data=form)).json()
        assert (await house.chat(tokens["access_token"])).status_code == 200
        beyond = await house.http.get("/v1/keys", headers=bearer(tokens["access_token"]))
        assert (beyond.status_code, beyond.json()["code"]) == (403, "scope_missing")
        session = bearer(await house.sign_in(house.buyer))
        (grant,) = (await house.http.get("/v1/oauth/grants", headers=session)).json()
        gone = await house.http.delete(f"/v1/oauth/grants/{grant['id']}", headers=session)
        assert gone.json() == {"revoked": 1}
        assert (await house.chat(tokens["access_token"])).status_code == 401

    async def test_calls_with_a_code_on_a_screen(self, house: House) -> None:
        await house.mine(holding(PASS, address_of(house.buyer)))
        app = await registered(house)
        form = {"client_id": app, "scope": "inference"}
        told = (await house.http.post("/v1/oauth/device", data=form)).json()
        shown = await house.http.post("/v1/oauth/review", json={"user_code": told["user_code"]})
        assert shown.json()["client_name"] == "Notes"
        assert (await house.http.get(urlsplit(told["verification_uri"]).path)).status_code == 200
        assert await approved(house, user_code=told["user_code"]) == ""
        form = {"grant_type": DEVICE_GRANT, "device_code": told["device_code"], "client_id": app}
        tokens = (await house.http.post("/v1/oauth/token", data=form)).json()
        assert (await house.chat(tokens["access_token"])).status_code == 200
        ended = {"token": tokens["refresh_token"], "client_id": app}
        assert (await house.http.post("/v1/oauth/revoke", data=ended)).status_code == 200
        assert (await house.chat(tokens["access_token"])).status_code == 401

    async def test_a_wrong_request_gets_no_page(self, house: House) -> None:
        app = await registered(house)
        astray = await house.http.get(
            f"/v1/oauth/authorize?{asked(app, redirect_uri='https://evil.example/')}"
        )
        assert (astray.status_code, astray.json()["code"]) == (400, "malformed_request")
        plain = await house.http.get(f"/v1/oauth/authorize?{asked(app, code_challenge_method='plain')}")
        assert plain.status_code == 302
        assert parse_qs(urlsplit(plain.headers["location"]).query)["error"] == ["invalid_request"]

    async def test_a_refusal_goes_back_to_the_app(self, house: House) -> None:
        app = await registered(house)
        denied = (await house.http.post("/v1/oauth/deny", json={"query": asked(app)})).json()
        assert parse_qs(urlsplit(denied["redirect_to"]).query)["error"] == ["access_denied"]

    async def test_refusals_have_oauths_shape(self, house: House) -> None:
        for body in (b"", b"{}", b"\xff" * 10, b"x" * 20_000):
            reply = await house.http.post("/v1/oauth/token", content=body)
            assert 400 <= reply.status_code < 500
            assert reply.headers["content-type"] == "application/json"
            assert reply.json()["error"] in ("invalid_request", "unsupported_grant_type")

    async def test_the_metadata_leads_to_every_endpoint(self, house: House) -> None:
        found = (await house.http.get("/.well-known/oauth-authorization-server")).json()
        AuthorizationServerMetadata(found).validate()
        for name, url in found.items():
            if name.endswith("_endpoint"):
                assert (await house.http.get(url)).status_code != 404, name

    async def test_only_an_account_registers(self, house: House) -> None:
        body = {"client_name": "Notes", "redirect_uris": [BACK]}
        assert (await house.http.post("/v1/oauth/apps", json=body)).status_code == 401
        shown = await house.http.get(f"/v1/oauth/apps/{await registered(house)}")
        assert shown.json()["registered_by"] == house.provider.address
