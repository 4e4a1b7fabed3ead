"""The parts of OAuth put together: apps, consent, tokens; and the document that says where they are."""

from typing import Any

from backend.accounts.oauth.apps import AppService
from backend.accounts.oauth.consent import ConsentService
from backend.accounts.oauth.schemas import EXPLAINED, GRANT_TYPES
from backend.accounts.oauth.tokens import TokenService
from backend.accounts.sessions import SessionService
from backend.core.clock import Clock
from backend.db.session import Store


class OAuth:
    """An authorization server for public clients; `issuer` is our URL, without a slash at the end."""

    def __init__(self, store: Store, clock: Clock, sessions: SessionService, issuer: str) -> None:
        self.issuer = issuer
        self.apps = AppService(store, clock)
        self.consent = ConsentService(store, clock, sessions, issuer)
        self.tokens = TokenService(store, clock, issuer)

    def metadata(self) -> dict[str, Any]:
        """Where everything is and what is supported (RFC 8414)."""
        at = f"{self.issuer}/v1/oauth"
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{at}/authorize",
            "token_endpoint": f"{at}/token",
            "revocation_endpoint": f"{at}/revoke",
            "registration_endpoint": f"{at}/apps",
            "device_authorization_endpoint": f"{at}/device",
            "scopes_supported": [scope.value for scope in EXPLAINED],
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": list(GRANT_TYPES),
            "token_endpoint_auth_methods_supported": ["none"],
            "revocation_endpoint_auth_methods_supported": ["none"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        }
