"""An authorization server with two apps, and a wallet that decides."""

import base64
import hashlib
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from eth_account.signers.local import LocalAccount

from backend.accounts.oauth.schemas import (
    DEVICE_GRANT,
    AppRequest,
    ApproveRequest,
    Asking,
    ConsentRequest,
    OAuthAnswer,
)
from backend.accounts.oauth.service import OAuth
from backend.accounts.principal import Principal
from backend.accounts.resolver import CredentialResolver
from backend.accounts.service import KeyService
from backend.accounts.sessions import SessionService
from backend.core.clock import ManualClock
from backend.db.session import Store
from tests.backend.accounts.conftest import CLIENT, URI, signed

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
