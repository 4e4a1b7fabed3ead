"""OAuth for apps of third parties: tokens, their use, their end, and devices.

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
from typing import Any, ClassVar
from urllib.parse import urlencode

import pytest

from backend.accounts.key_use import KeyUse
from backend.accounts.oauth.protocol import REFRESH_SECONDS
from backend.accounts.oauth.schemas import (
    Asking,
)
from backend.accounts.oauth.tokens import DEVICE_SECONDS
from backend.accounts.principal import Scope
from backend.accounts.resolver import CredentialResolver
from backend.accounts.service import KeyService
from backend.core.clock import ManualClock
from backend.core.errors import (
    InvalidCredential,
    NotFound,
    ScopeMissing,
    SpendCapReached,
)
from backend.core.units import MicroCredits, ServiceId
from backend.db.session import Store
from tests.backend.accounts.conftest import CLIENT, presented
from tests.backend.accounts.oauth_stage import CHALLENGE, Stage, resolver, stage

__all__ = ["resolver", "stage"]


async def refused(resolver: CredentialResolver, token: str) -> bool:
    resolver.forget()
    with pytest.raises(InvalidCredential):
        await resolver.resolve(presented(token))
    return True


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
