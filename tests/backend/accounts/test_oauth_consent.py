"""OAuth for apps of third parties: registering, asking, and the wallet's consent.

register: public clients; an address that is no exact https, loopback or app address is refused
authorize
├── unknown app or address: refused without a redirect
├── PKCE left out, `plain`, or a scope nobody registered: refused by redirect, with state and issuer
└── a port of this machine is free, everything else is compared letter by letter
consent
├── the message names app, scopes and limits; what is approved is what was signed, or nothing
├── a signature for signing in approves nothing, and a consent signs nobody in
└── a nonce approves once
"""

from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from pydantic import ValidationError

from backend.accounts.oauth.schemas import (
    AppRequest,
    ApproveRequest,
    Asking,
    OAuthAnswer,
)
from backend.accounts.principal import Principal
from backend.accounts.sessions import SessionService
from backend.core.errors import (
    InvalidCredential,
    InvalidNonce,
    InvalidSignature,
    MalformedRequest,
    NotFound,
)
from tests.backend.accounts.conftest import CLIENT, URI, sign_in_text, signed
from tests.backend.accounts.oauth_stage import BACK, Stage, resolver, stage

__all__ = ["resolver", "stage"]


class TestRegister:
    @pytest.mark.parametrize(
        "uri",
        [
            "https://app.example/back",
            "https://app.example/back?x=1",
            "http://127.0.0.1/back",
            "http://[::1]:8080/back",
            "http://localhost:3000/back",
            "com.example.app:/back",
        ],
    )
    def test_takes_an_exact_address(self, uri: str) -> None:
        assert AppRequest(client_name="a", redirect_uris=[uri]).redirect_uris == [uri]

    @pytest.mark.parametrize(
        "uri",
        [
            "http://app.example/back",
            "https://app.example/back#x",
            "https://*.example/back",
            "https://user@app.example/back",
            "https:///back",
            "javascript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "//app.example/back",
            "https://app.example/ back",
            'https://app.example/"',
            "http://127.0.0.1.evil.example/back",
            "http://localhost.evil.example/back",
            "",
        ],
    )
    def test_refuses_any_other(self, uri: str) -> None:
        with pytest.raises(ValidationError):
            AppRequest(client_name="a", redirect_uris=[uri])

    @pytest.mark.parametrize("scope", ["keys", "inference keys", "", "inference inference", "everything"])
    def test_refuses_scopes_that_no_app_gets(self, scope: str) -> None:
        with pytest.raises(ValidationError):
            AppRequest(client_name="a", scope=scope)

    async def test_lists_and_removes_ones_own_alone(self, stage: Stage, owner: Principal) -> None:
        stranger = Principal(owner.chain_id, type(owner.address)(b"\x33" * 20), "session", "bb")
        with pytest.raises(NotFound):
            await stage.oauth.apps.remove(stranger, stage.app, CLIENT)
        await stage.oauth.apps.remove(owner, stage.app, CLIENT)
        assert [one.client_id for one in await stage.oauth.apps.all_of(owner)] == [stage.other]


class TestAuthorize:
    ASTRAY: ClassVar[list[dict[str, str]]] = [
        {"client_id": "app_nobody"},
        {"client_id": "app_\0"},
        {"client_id": ""},
        {"redirect_uri": "https://evil.example/back"},
        {"redirect_uri": BACK + "/"},
        {"redirect_uri": BACK + "?x=1"},
        {"redirect_uri": ""},
        {"redirect_uri": BACK + '"'},
        {"redirect_uri": BACK + "é"},
    ]

    async def test_redirect_mismatch_leads_nowhere(self, stage: Stage) -> None:
        for changed in self.ASTRAY:
            answer = await stage.oauth.consent.judge(stage.query(**changed))
            assert isinstance(answer, OAuthAnswer), changed
            assert (answer.status >= 400, answer.location) == (True, "")

    TOLD: ClassVar[list[tuple[dict[str, str], str]]] = [
        ({"code_challenge": "", "code_challenge_method": ""}, "invalid_request"),
        ({"code_challenge_method": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"scope": "inference provider"}, "invalid_scope"),
        ({"scope": "keys"}, "invalid_scope"),
        ({"scope": ""}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
    ]

    async def test_pkce_downgrade_and_wide_scopes_are_told_to_the_app(self, stage: Stage) -> None:
        for changed, error in self.TOLD:
            answer = await stage.oauth.consent.judge(stage.query(**changed))
            assert isinstance(answer, OAuthAnswer), changed
            told = parse_qs(urlsplit(answer.location).query)
            assert answer.location.startswith(BACK + "?")
            assert (told["error"], told["state"], told["iss"]) == ([error], ["s1"], [URI])

    async def test_a_repeated_parameter_is_refused(self, stage: Stage) -> None:
        answer = await stage.oauth.consent.judge(stage.query() + "&scope=read")
        assert isinstance(answer, OAuthAnswer)

    async def test_ports_of_this_machine_are_free(self, stage: Stage, owner: Principal) -> None:
        wanted = AppRequest(client_name="Native", redirect_uris=["http://127.0.0.1/back"])
        native = (await stage.oauth.apps.register(owner, wanted, CLIENT)).client_id
        said = {"client_id": native, "scope": "inference"}
        free = await stage.oauth.consent.judge(
            stage.query(redirect_uri="http://127.0.0.1:51004/back", **said)
        )
        assert not isinstance(free, OAuthAnswer)
        for wrong in ("http://127.0.0.1:51004/other", "http://127.0.0.2:1/back", "https://127.0.0.1:1/back"):
            answer = await stage.oauth.consent.judge(stage.query(redirect_uri=wrong, **said))
            assert isinstance(answer, OAuthAnswer)


class TestConsent:
    async def test_explains_every_scope(self, stage: Stage) -> None:
        shown = await stage.oauth.consent.review(Asking(query=stage.query()))
        assert (shown.client_name, shown.answers_to) == ("Notes & more", "app.example")
        assert [one.scope for one in shown.scopes] == ["inference", "read"]
        assert all(one.explanation.endswith(".") for one in shown.scopes)
        assert parse_qs(urlsplit(shown.deny_to).query)["error"] == ["access_denied"]

    async def test_the_message_names_all_that_is_approved(self, stage: Stage) -> None:
        limits = {"daily_cap": 5_000, "services": [3, 1], "expires_in": 600}
        message = (await stage.approval(Asking(query=stage.query()), **limits)).message
        for line in (
            f"- {URI}/v1/oauth/apps/{stage.app}",
            "- urn:emporion:app:Notes%20%26%20more",
            "- urn:emporion:scope:inference",
            "- urn:emporion:services:1,3",
            "- urn:emporion:micro-credits-a-day:5000",
            "- urn:emporion:ends-after-seconds:600",
        ):
            assert line in message.split("\n")

    async def test_approves_what_was_signed_or_nothing(self, stage: Stage) -> None:
        limits = {"daily_cap": 5_000, "services": [1], "expires_in": 600}
        other = stage.query(code_challenge="x" * 43)
        spoilt: list[dict[str, Any]] = [{"daily_cap": 9_999}, {"services": []}, {"expires_in": 86_400}]
        for changed in [*spoilt, {"query": other}]:
            given = await stage.approval(Asking(query=stage.query()), **limits)
            with pytest.raises(InvalidSignature):
                await stage.oauth.consent.approve(given.model_copy(update=changed), CLIENT)
        assert await stage.oauth.apps.grants(stage.owner) == []

    async def test_a_sign_in_approves_nothing_and_a_consent_signs_nobody_in(
        self, stage: Stage, sessions: SessionService, buyer: LocalAccount
    ) -> None:
        message = sign_in_text(buyer.address, sessions.nonce().nonce)
        proof = signed(buyer, message)
        given = ApproveRequest(query=stage.query(), message=message, signature=proof.signature)
        with pytest.raises(InvalidSignature):
            await stage.oauth.consent.approve(given, CLIENT)
        consent = await stage.approval(Asking(query=stage.query()))
        with pytest.raises(InvalidCredential, match="consent"):
            await sessions.sign_in(signed(buyer, consent.message), CLIENT)

    async def test_a_nonce_approves_once(self, stage: Stage) -> None:
        given = await stage.approval(Asking(query=stage.query()))
        await stage.oauth.consent.approve(given, CLIENT)
        with pytest.raises(InvalidNonce):
            await stage.oauth.consent.approve(given, CLIENT)

    async def test_a_request_that_is_wrong_is_told(self, stage: Stage) -> None:
        with pytest.raises(MalformedRequest, match="app's request"):
            await stage.oauth.consent.review(Asking(query=stage.query(code_challenge_method="plain")))
        with pytest.raises(MalformedRequest, match="one of them"):
            await stage.oauth.consent.review(Asking())


async def test_a_stranger_cannot_sign_for_the_wallet(stage: Stage) -> None:
    given = await stage.approval(Asking(query=stage.query()))
    stranger = Account.from_key("0x" + "22" * 32)
    forged = given.model_copy(update={"signature": signed(stranger, given.message).signature})
    with pytest.raises(Exception, match="contract wallets"):
        await stage.oauth.consent.approve(forged, CLIENT)
