"""OAuth 2.1 for apps of third parties, from registration to the last token.

register: public clients; an address that is no exact https, loopback or app address is refused
authorize
├── unknown app or address: refused without a redirect
├── PKCE left out, `plain`, or a scope nobody registered: refused by redirect, with state and issuer
└── a port of this machine is free, everything else is compared letter by letter
consent
├── the message names app, scopes and limits; what is approved is what was signed, or nothing
├── a signature for signing in approves nothing, and a consent signs nobody in
└── a nonce approves once
token
├── a code replayed: refused, and everything it gave dies
├── another app's code, a wrong address, a wrong or missing verifier: refused, and the code is spent
├── a refresh token turns; the old one replayed ends the grant; a narrower scope stays narrower
├── a code is good for a minute, a token for an hour, nothing outlives the grant
└── however many exchange a code at once, one gets tokens
use
├── beyond scope or service: refused; the cap holds; use is counted under the grant
└── revoked by app, by wallet, by removing the app: dead
device
├── pending, slow_down, denied, expired; another app's code is refused
└── approved: tokens once
"""

import asyncio
import base64
import hashlib
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from pydantic import ValidationError

from backend.accounts.key_use import KeyUse
from backend.accounts.oauth.protocol import REFRESH_SECONDS
from backend.accounts.oauth.schemas import (
    DEVICE_GRANT,
    AppRequest,
    ApproveRequest,
    Asking,
    ConsentRequest,
    OAuthAnswer,
)
from backend.accounts.oauth.service import OAuth
from backend.accounts.oauth.tokens import DEVICE_SECONDS
from backend.accounts.principal import Principal, Scope
from backend.accounts.resolver import CredentialResolver
from backend.accounts.service import KeyService
from backend.accounts.sessions import SessionService
from backend.core.clock import ManualClock
from backend.core.errors import (
    InvalidCredential,
    InvalidNonce,
    InvalidSignature,
    MalformedRequest,
    NotFound,
    ScopeMissing,
    SpendCapReached,
)
from backend.core.units import MicroCredits, ServiceId
from backend.db.session import Store
from tests.backend.accounts.conftest import CLIENT, URI, presented, sign_in_text, signed

BACK = "https://app.example/back"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


@dataclass
class Stage:
    """An authorization server, an app, and a wallet that decides."""

    oauth: OAuth
    buyer: LocalAccount
    owner: Principal
    app: str
    other: str

    def query(self, **changed: str) -> str:
        said = {
            "response_type": "code",
            "client_id": self.app,
            "redirect_uri": BACK,
            "scope": "inference read",
            "state": "s1",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            **changed,
        }
        return urlencode({name: value for name, value in said.items() if value})

    async def approval(self, asking: Asking, **limits: Any) -> ApproveRequest:
        """What the page sends once the wallet has signed."""
        said = {**asking.model_dump(), **limits}
        message = (
            await self.oauth.consent.message(ConsentRequest(address=self.buyer.address, **said))
        ).message
        proof = signed(self.buyer, message)
        return ApproveRequest(message=message, signature=proof.signature, **said)

    async def code(self, *, limits: dict[str, Any] | None = None, **changed: str) -> str:
        asking = Asking(query=self.query(**changed))
        decided = await self.oauth.consent.approve(await self.approval(asking, **(limits or {})), CLIENT)
        return parse_qs(urlsplit(decided.redirect_to).query)["code"][0]

    async def exchange(self, code: str, **changed: str) -> OAuthAnswer:
        said = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": self.app,
            "redirect_uri": BACK,
            "code_verifier": VERIFIER,
            **changed,
        }
        form = urlencode({name: value for name, value in said.items() if value})
        return await self.oauth.tokens.exchange(form, CLIENT)

    async def refresh(self, token: str, **changed: str) -> OAuthAnswer:
        said = {"grant_type": "refresh_token", "refresh_token": token, "client_id": self.app, **changed}
        return await self.oauth.tokens.exchange(urlencode(said), CLIENT)

    async def tokens(self, *, limits: dict[str, Any] | None = None, **changed: str) -> dict[str, Any]:
        answer = await self.exchange(await self.code(limits=limits, **changed))
        assert answer.status == 200, answer
        return answer.body

    async def poll(self, device_code: str, **changed: str) -> OAuthAnswer:
        said = {"grant_type": DEVICE_GRANT, "device_code": device_code, "client_id": self.app, **changed}
        return await self.oauth.tokens.exchange(urlencode(said), CLIENT)


@pytest.fixture
async def stage(
    store: Store, clock: ManualClock, sessions: SessionService, buyer: LocalAccount, owner: Principal
) -> Stage:
    oauth = OAuth(store, clock, sessions, URI)
    wanted = AppRequest(client_name="Notes & more", redirect_uris=[BACK], scope="inference read")
    apps = [(await oauth.apps.register(owner, wanted, CLIENT)).client_id for _ in range(2)]
    return Stage(oauth, buyer, owner, *apps)


@pytest.fixture
def resolver(
    keys: KeyService, sessions: SessionService, clock: ManualClock, stage: Stage
) -> CredentialResolver:
    return CredentialResolver(keys, sessions, "dev", clock, apps=stage.oauth.tokens)


async def refused(resolver: CredentialResolver, token: str) -> bool:
    resolver.forget()
    with pytest.raises(InvalidCredential):
        await resolver.resolve(presented(token))
    return True


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


class TestToken:
    async def test_code_replay_is_refused_and_kills_what_it_gave(
        self, stage: Stage, resolver: CredentialResolver
    ) -> None:
        code = await stage.code()
        first = await stage.exchange(code)
        assert await resolver.resolve(presented(first.body["access_token"]))
        again = await stage.exchange(code)
        assert (again.status, again.body["error"]) == (400, "invalid_grant")
        assert await refused(resolver, first.body["access_token"])
        assert (await stage.refresh(first.body["refresh_token"])).body["error"] == "invalid_grant"

    async def test_code_injection_by_another_app_is_refused(self, stage: Stage) -> None:
        code = await stage.code()
        stolen = await stage.exchange(code, client_id=stage.other)
        assert (stolen.status, stolen.body["error"]) == (400, "invalid_grant")
        assert (await stage.exchange(code)).status == 400  # spent: whoever stole it may have more

    WRONG: ClassVar[list[dict[str, str]]] = [
        {"redirect_uri": "https://app.example/other"},
        {"redirect_uri": ""},
        {"code_verifier": "w" * 43},
        {"code_verifier": ""},
        {"code_verifier": CHALLENGE},
        {"client_id": ""},
        {"client_secret": "guess"},
        {"grant_type": "password"},
        {"grant_type": "client_credentials"},
    ]

    async def test_redirect_mismatch_and_wrong_verifiers_are_refused(self, stage: Stage) -> None:
        for changed in self.WRONG:
            answer = await stage.exchange(await stage.code(), **changed)
            assert answer.status in (400, 401), changed
            assert "error" in answer.body

    async def test_a_code_lives_a_minute(self, stage: Stage, clock: ManualClock) -> None:
        code = await stage.code()
        await clock.advance(60)
        assert (await stage.exchange(code)).body["error"] == "invalid_grant"

    async def test_one_of_many_at_once_gets_tokens(self, stage: Stage) -> None:
        code = await stage.code()
        answers = await asyncio.gather(*(stage.exchange(code) for _ in range(5)))
        assert sorted(answer.status for answer in answers) == [200, 400, 400, 400, 400]

    async def test_a_refresh_token_turns(self, stage: Stage, resolver: CredentialResolver) -> None:
        first = await stage.tokens()
        second = (await stage.refresh(first["refresh_token"])).body
        assert second["refresh_token"] != first["refresh_token"]
        assert await resolver.resolve(presented(second["access_token"]))

    async def test_refresh_replay_ends_the_grant(self, stage: Stage, resolver: CredentialResolver) -> None:
        first = await stage.tokens()
        second = (await stage.refresh(first["refresh_token"])).body
        assert (await stage.refresh(first["refresh_token"])).body["error"] == "invalid_grant"
        assert await refused(resolver, second["access_token"])
        assert (await stage.refresh(second["refresh_token"])).status == 400

    async def test_a_refresh_by_another_app_is_refused(self, stage: Stage) -> None:
        first = await stage.tokens()
        assert (await stage.refresh(first["refresh_token"], client_id=stage.other)).status == 400
        assert (await stage.refresh(first["refresh_token"])).status == 200

    async def test_a_scope_narrows_and_never_widens(self, stage: Stage, resolver: CredentialResolver) -> None:
        first = await stage.tokens()
        narrow = (await stage.refresh(first["refresh_token"], scope="read")).body
        found = await resolver.resolve(presented(narrow["access_token"]))
        assert found.scopes == {Scope.READ}
        wide = await stage.refresh(narrow["refresh_token"], scope="read inference")
        assert wide.body["error"] == "invalid_scope"

    async def test_nothing_outlives_the_grant(
        self, stage: Stage, resolver: CredentialResolver, clock: ManualClock
    ) -> None:
        short = await stage.tokens(limits={"expires_in": 600})
        long = await stage.tokens()
        await clock.advance(600)
        assert await refused(resolver, short["access_token"])
        assert (await stage.refresh(short["refresh_token"])).status == 400
        assert await resolver.resolve(presented(long["access_token"]))
        await clock.advance(3_000)
        assert await refused(resolver, long["access_token"])
        await clock.advance(REFRESH_SECONDS)
        assert (await stage.refresh(long["refresh_token"])).status == 400

    async def test_what_is_no_request_is_told_so(self, stage: Stage) -> None:
        for form in (
            "",
            "grant_type=%ff",
            "x" * 5_000,
            "grant_type=authorization_code&" * 2,
            "&" * 100,
            "ç=1&ç=2",
        ):
            answer = await stage.oauth.tokens.exchange(form, CLIENT)
            assert answer.status == 400
            assert answer.body["error"] in ("invalid_request", "unsupported_grant_type")


class TestUse:
    async def test_a_token_used_beyond_its_scope_is_refused(
        self, stage: Stage, resolver: CredentialResolver, keys: KeyService
    ) -> None:
        tokens = await stage.tokens(limits={"services": [7]}, scope="inference")
        found = await resolver.resolve(presented(tokens["access_token"]))
        assert (found.address, found.credential) == (stage.owner.address, "app")
        found.require_scope(Scope.INFERENCE)
        found.require_service(ServiceId(7))
        for beyond in (Scope.READ, Scope.PROVIDER, Scope.KEYS):
            with pytest.raises(ScopeMissing):
                found.require_scope(beyond)
        with pytest.raises(ScopeMissing):
            found.require_service(ServiceId(8))
        with pytest.raises(ScopeMissing):
            await keys.revoke(found, None, CLIENT)

    async def test_a_refresh_token_or_code_is_no_credential(
        self, stage: Stage, resolver: CredentialResolver
    ) -> None:
        assert await refused(resolver, (await stage.tokens())["refresh_token"])
        assert await refused(resolver, await stage.code())

    async def test_the_cap_holds_and_use_is_counted(
        self, stage: Stage, resolver: CredentialResolver, store: Store, clock: ManualClock
    ) -> None:
        tokens = await stage.tokens(limits={"daily_cap": 100})
        found = await resolver.resolve(presented(tokens["access_token"]))
        use = KeyUse(store, clock)
        assert await use.set_aside(found, MicroCredits(100))
        with pytest.raises(SpendCapReached):
            await use.set_aside(found, MicroCredits(1))
        use.count(found, CLIENT)
        await use.flush()
        (grant,) = await stage.oauth.apps.grants(stage.owner)
        assert grant.last_used_at == clock.now()

    @pytest.mark.parametrize("how", ["app", "wallet", "removed", "all"])
    async def test_a_revoked_token_dies(self, stage: Stage, resolver: CredentialResolver, how: str) -> None:
        tokens = await stage.tokens()
        assert await resolver.resolve(presented(tokens["access_token"]))
        (grant,) = await stage.oauth.apps.grants(stage.owner)
        if how == "app":
            form = urlencode({"token": tokens["refresh_token"], "client_id": stage.app})
            assert (await stage.oauth.tokens.revoke(form, CLIENT)).status == 200
            assert (await stage.oauth.tokens.revoke(form, CLIENT)).status == 200
        elif how == "removed":
            await stage.oauth.apps.remove(stage.owner, stage.app, CLIENT)
        else:
            assert (
                await stage.oauth.apps.revoke(stage.owner, grant.id if how == "wallet" else None, CLIENT) == 1
            )
        assert await refused(resolver, tokens["access_token"])
        assert (await stage.refresh(tokens["refresh_token"])).status == 400

    async def test_another_app_cannot_revoke(self, stage: Stage, resolver: CredentialResolver) -> None:
        tokens = await stage.tokens()
        form = urlencode({"token": tokens["access_token"], "client_id": stage.other})
        assert (await stage.oauth.tokens.revoke(form, CLIENT)).body["error"] == "invalid_grant"
        assert await resolver.resolve(presented(tokens["access_token"]))
        unknown = urlencode({"token": "emo_nothing", "client_id": stage.app})
        assert (await stage.oauth.tokens.revoke(unknown, CLIENT)).status == 200

    async def test_everything_is_in_the_one_audit_trail(self, stage: Stage, keys: KeyService) -> None:
        code = await stage.code()
        await stage.exchange(code)
        await stage.exchange(code)
        trail = [line.action for line in await keys.audit(stage.owner, None, 10)]
        assert trail == [
            "app.replayed",
            "app.token-issued",
            "app.approved",
            "app.registered",
            "app.registered",
        ]


class TestDevice:
    async def started(self, stage: Stage, scope: str = "inference") -> dict[str, Any]:
        answer = await stage.oauth.tokens.device(urlencode({"client_id": stage.app, "scope": scope}))
        assert answer.status == 200
        return answer.body

    async def test_waits_until_the_wallet_approves_and_answers_once(
        self, stage: Stage, resolver: CredentialResolver, clock: ManualClock
    ) -> None:
        told = await self.started(stage)
        assert (await stage.poll(told["device_code"])).body["error"] == "authorization_pending"
        assert (await stage.poll(told["device_code"])).body["error"] == "slow_down"
        typed = Asking(user_code=told["user_code"].lower().replace("-", " "))
        assert (await stage.oauth.consent.review(typed)).client_name == "Notes & more"
        decided = await stage.oauth.consent.approve(await stage.approval(typed), CLIENT)
        assert decided.redirect_to == ""
        await clock.advance(5)
        answer = await stage.poll(told["device_code"])
        assert (await resolver.resolve(presented(answer.body["access_token"]))).scopes == {Scope.INFERENCE}
        assert (await stage.poll(told["device_code"])).status == 400
        with pytest.raises(NotFound):
            await stage.oauth.consent.review(typed)

    async def test_is_denied_or_expires(self, stage: Stage, clock: ManualClock) -> None:
        denied = await self.started(stage)
        await stage.oauth.consent.deny(Asking(user_code=denied["user_code"]))
        assert (await stage.poll(denied["device_code"])).body["error"] == "access_denied"
        late = await self.started(stage)
        await clock.advance(DEVICE_SECONDS)
        assert (await stage.poll(late["device_code"])).body["error"] == "expired_token"
        with pytest.raises(NotFound):
            await stage.oauth.consent.review(Asking(user_code=late["user_code"]))

    async def test_another_apps_device_code_is_refused(self, stage: Stage) -> None:
        told = await self.started(stage)
        answer = await stage.poll(told["device_code"], client_id=stage.other)
        assert (answer.status, answer.body["error"]) == (400, "unauthorized_client")
        assert (await stage.poll("nothing")).status == 400

    async def test_refuses_scopes_the_app_did_not_register(self, stage: Stage) -> None:
        for form in ({"client_id": stage.app, "scope": "provider"}, {"client_id": stage.app}, {}):
            assert (await stage.oauth.tokens.device(urlencode(form))).status == 400


class TestForget:
    async def test_keeps_what_lives(self, stage: Stage, clock: ManualClock) -> None:
        tokens = await stage.tokens()
        assert await stage.oauth.tokens.forget_expired() == 0
        await clock.advance(86_400 + 3_600 + 1)
        assert await stage.oauth.tokens.forget_expired() == 2  # the code and the access token
        assert (await stage.refresh(tokens["refresh_token"])).status == 200


async def test_a_stranger_cannot_sign_for_the_wallet(stage: Stage) -> None:
    given = await stage.approval(Asking(query=stage.query()))
    stranger = Account.from_key("0x" + "22" * 32)
    forged = given.model_copy(update={"signature": signed(stranger, given.message).signature})
    with pytest.raises(Exception, match="contract wallets"):
        await stage.oauth.consent.approve(forged, CLIENT)
