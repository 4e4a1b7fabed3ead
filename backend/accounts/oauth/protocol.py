"""The rules of OAuth 2.1, as `authlib` keeps them: facts in, an answer and what is to be written out. Pure.

The library asks while it works, and our stores are asked with await: so a request's rows are read first and
handed in as `Facts`, and what it decided is taken from the `Desk` afterwards, in the same transaction.
Public clients only, PKCE with S256 only, exact redirect URIs, refresh tokens that turn with every use.
"""

import secrets
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from authlib.oauth2.rfc6749 import AuthorizationServer, ClientMixin, OAuth2Error, OAuth2Payload, OAuth2Request
from authlib.oauth2.rfc6749.errors import InvalidRequestError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, RefreshTokenGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc8628 import DeviceCodeGrant

from backend.accounts.oauth.schemas import EXPLAINED, GRANT_TYPES, LOOPBACK, OAuthAnswer
from backend.accounts.principal import Scope

ACCESS_PREFIX: Final = "emo_"
REFRESH_PREFIX: Final = "emr_"
TOKEN_LENGTH: Final = len(ACCESS_PREFIX) + 43
ACCESS_SECONDS: Final = 3_600
REFRESH_SECONDS: Final = 30 * 86_400
"""A refresh token that is not used that long dies, though its grant would live on."""
POLL_SECONDS: Final = 5
_PUBLIC: Final = ["none"]
_MOST_FIELDS: Final = 30


class App(ClientMixin):  # type: ignore[misc]
    """A registered app as the library asks about it."""

    def __init__(self, row: Any) -> None:
        self.row = row
        self.client_id: str = row.client_id

    def get_client_id(self) -> str:
        """Its public name."""
        return self.client_id

    def get_default_redirect_uri(self) -> None:
        """None: a request says where it wants its answer."""

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """What was asked for, if the app registered all of it; None otherwise."""
        asked = (scope or "").split()
        return " ".join(asked) if asked and set(asked) <= set(self.row.scopes) else None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Whether it was registered, letter by letter; only the port of this machine is free (RFC 8252)."""
        known = set(self.row.redirect_uris)
        return redirect_uri in known or _without_port(redirect_uri) in {_without_port(uri) for uri in known}

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Public clients have no secret."""
        return method == "none"

    def check_response_type(self, response_type: str) -> bool:
        """Codes only."""
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        """Every kind of grant we have."""
        return grant_type in GRANT_TYPES


class Params(OAuth2Payload):  # type: ignore[misc]
    """Parameters of a request, each with all its values."""

    def __init__(self, text: str) -> None:
        self._lists: defaultdict[str, list[str]] = defaultdict(list)
        try:
            pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
        except ValueError:
            pairs = []
        for name, value in pairs:
            self._lists[name].append("" if "\0" in value else value)  # no database takes it

    @property
    def data(self) -> dict[str, str]:
        """The first value of each; an empty one counts as absent (RFC 6749, 3.1)."""
        return {name: values[0] for name, values in self._lists.items() if values[0]}

    @property
    def datalist(self) -> defaultdict[str, list[str]]:
        """All values of each."""
        return self._lists


class _Request(OAuth2Request):  # type: ignore[misc]
    def __init__(self, method: str, issuer: str, params: Params) -> None:
        super().__init__(
            method, "https://" + issuer.partition("://")[2]
        )  # who serves plain HTTP is settings'
        self.payload = params

    @property
    def form(self) -> dict[str, str]:
        return self.payload.data


@dataclass(frozen=True, slots=True)
class Facts:
    """Rows a request is about, read before; None where there is no such thing."""

    now: int
    app: Any = None
    code: Any = None
    refresh: Any = None
    device: Any = None
    device_grant: Any = None


@dataclass(slots=True)
class Credential:
    """A code, refresh token or device as the library asks about it."""

    client_id: str
    scopes: list[str]
    account: bytes
    redirect_uri: str = ""
    code_challenge: str = ""
    code_challenge_method: str = "S256"
    expired: bool = False

    def get_redirect_uri(self) -> str:
        """Where the code went."""
        return self.redirect_uri

    def get_scope(self) -> str:
        """What it is good for."""
        return " ".join(self.scopes)

    def get_client_id(self) -> str:
        """Whose it is."""
        return self.client_id

    def check_client(self, app: App) -> bool:
        """Whether it is this app's."""
        return self.client_id == app.client_id

    def is_expired(self) -> bool:
        """Whether a device waited too long."""
        return self.expired

    def get_user_code(self) -> str:
        """Not needed: the device's row is known already."""
        return ""


class Desk(AuthorizationServer):  # type: ignore[misc]
    """The library's server over one request's facts; keeps what it decided."""

    def __init__(self, facts: Facts) -> None:
        super().__init__(scopes_supported=[scope.value for scope in EXPLAINED])
        self.facts = facts
        self.issued: dict[str, Any] | None = None
        self.register_token_generator("default", self._tokens)
        self.register_grant(_Code, [_Pkce(required=True)])
        self.register_grant(_Refresh)
        self.register_grant(_Device)

    def query_client(self, client_id: str) -> App | None:
        """The app, if it is the one that was looked up."""
        row = self.facts.app
        return App(row) if row is not None and row.client_id == client_id else None

    def save_token(self, token: dict[str, Any], request: OAuth2Request) -> None:
        """Remember what is to be written."""
        self.issued = token

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens."""

    def create_oauth2_request(self, request: OAuth2Request) -> OAuth2Request:
        """Ours is one already."""
        return request

    def handle_response(self, status: int, body: Any, headers: Any) -> OAuthAnswer:
        """As our routes send it."""
        return OAuthAnswer(status, dict(body or {}), dict(headers))

    def _tokens(self, *, scope: str, **_kwargs: Any) -> dict[str, Any]:
        return {
            "token_type": "Bearer",
            "access_token": ACCESS_PREFIX + secrets.token_urlsafe(32),
            "expires_in": ACCESS_SECONDS,
            "refresh_token": REFRESH_PREFIX + secrets.token_urlsafe(32),
            "scope": scope,
        }


class _Code(AuthorizationCodeGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = _PUBLIC

    def query_authorization_code(self, code: str, client: App) -> Credential | None:
        row, now = self.server.facts.code, self.server.facts.now
        if row is None or row.used_at is not None or now >= row.expires_at or row.revoked_at is not None:
            return None
        if row.client_id != client.client_id:
            return None
        return Credential(row.client_id, row.granted, row.account, row.redirect_uri, row.challenge)

    def delete_authorization_code(self, authorization_code: Credential) -> None:
        """It is spent by being presented, before anything is checked."""

    def authenticate_user(self, authorization_code: Credential) -> bytes:
        return authorization_code.account


class _Pkce(CodeChallenge):  # type: ignore[misc]
    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]  # noqa: RUF012 - the library's own

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        """Left out, both would mean no PKCE, and the method alone `plain`: neither exists here."""
        said = grant.request.payload.data
        if not said.get("code_challenge") or said.get("code_challenge_method") != "S256":
            raise InvalidRequestError("code_challenge with code_challenge_method=S256 is needed")
        super().validate_code_challenge(grant, redirect_uri)


class _Refresh(RefreshTokenGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = _PUBLIC
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> Credential | None:
        row, now = self.server.facts.refresh, self.server.facts.now
        if row is None or row.used_at is not None or row.revoked_at is not None or row.kind != "refresh":
            return None
        if now >= min(row.expires_at, row.grant_ends):
            return None
        return Credential(row.client_id, row.scopes, row.account)

    def authenticate_user(self, refresh_token: Credential) -> bytes:
        return refresh_token.account

    def revoke_old_credential(self, refresh_token: Credential) -> None:
        """Written with what it was exchanged for."""


class _Device(DeviceCodeGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = _PUBLIC

    def query_device_credential(self, device_code: str) -> Credential | None:
        row, grant = self.server.facts.device, self.server.facts.device_grant
        if row is None or row.redeemed_at is not None:
            return None
        account = b"" if grant is None else grant.account
        return Credential(row.client_id, row.scopes, account, expired=self.server.facts.now >= row.expires_at)

    def query_user_grant(self, user_code: str) -> tuple[bytes, bool] | None:
        row, grant = self.server.facts.device, self.server.facts.device_grant
        if row.denied_at is not None or (grant is not None and grant.revoked_at is not None):
            return b"\x00", False
        return None if grant is None else (grant.account, True)

    def should_slow_down(self, credential: Credential) -> bool:
        polled = self.server.facts.device.polled_at
        return polled is not None and self.server.facts.now - polled < POLL_SECONDS


@dataclass(frozen=True, slots=True)
class Asked:
    """An app's request, found to be in order."""

    app: Any
    scopes: tuple[Scope, ...]
    redirect_uri: str = ""
    state: str = ""
    challenge: str = ""
    device_hash: bytes = b""


def review(facts: Facts, query: str, issuer: str) -> Asked | OAuthAnswer:
    """Judge what an app asks of the authorization endpoint: what it is, or the answer that refuses it.

    A refusal is a redirect only where app and address are known to belong together.
    """
    params = Params(query)
    request, desk = _Request("GET", issuer, params), Desk(facts)
    try:
        grant = desk.get_consent_grant(request)
    except ValueError:  # the library wants to repeat a value that no error may hold
        return desk.handle_error_response(request, _unreadable())  # type: ignore[no-any-return]
    except OAuth2Error as error:
        answer = desk.handle_error_response(request, error)
        return _with_issuer(answer, issuer)
    said = params.data
    return Asked(
        app=facts.app,
        scopes=tuple(Scope(name) for name in request.scope.split()),
        redirect_uri=grant.redirect_uri,
        state=said.get("state", ""),
        challenge=said["code_challenge"],
    )


def redirect_of(asked: Asked, issuer: str, **said: str) -> str:
    """Where the browser goes with an answer; with the state, and who answers (RFC 9207)."""
    state = {"state": asked.state} if asked.state else {}
    glue = "&" if urlsplit(asked.redirect_uri).query else "?"
    return f"{asked.redirect_uri}{glue}{urlencode({**said, **state, 'iss': issuer})}"


def exchange(facts: Facts, form: Params, issuer: str) -> tuple[OAuthAnswer, dict[str, Any] | None]:
    """Answer the token endpoint: the answer, and the tokens it issued, if any."""
    desk, request = Desk(facts), _Request("POST", issuer, form)
    if repeated := [name for name, values in form.datalist.items() if len(values) > 1]:
        error = InvalidRequestError(f"{_plain(repeated[0])} is repeated")
        return desk.handle_error_response(request, error), None
    try:
        answer: OAuthAnswer = desk.create_token_response(request)
    except ValueError:
        answer = desk.handle_error_response(request, _unreadable())
    return answer, desk.issued if answer.status == 200 else None


def _with_issuer(answer: OAuthAnswer, issuer: str) -> OAuthAnswer:
    if not answer.location:
        return answer
    headers = {**answer.headers, "Location": f"{answer.location}&{urlencode({'iss': issuer})}"}
    return OAuthAnswer(answer.status, answer.body, headers)


def _unreadable() -> OAuth2Error:
    return InvalidRequestError("a parameter is not one of a registered app")


def _without_port(uri: str) -> str:
    """An address on this machine without its port; any other as it is."""
    parts = urlsplit(uri)
    host = parts.netloc.rpartition(":")[0] if not parts.netloc.endswith("]") else parts.netloc
    host = host or parts.netloc
    if parts.scheme != "http" or host not in LOOPBACK or parts.fragment:
        return uri
    return parts._replace(netloc=host).geturl()


def _plain(text: str) -> str:
    """What of a name an error of OAuth may hold."""
    return "".join(
        letter for letter in text[:40] if letter.isascii() and (letter.isalnum() or letter in "_-")
    )
