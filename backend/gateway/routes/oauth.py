"""OAuth 2.1 for apps of third parties: the page, the endpoints apps call, and what wallets let them do."""

from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse

from backend.accounts.oauth.schemas import (
    AppReply,
    AppRequest,
    ApproveRequest,
    Asking,
    ConsentReply,
    ConsentRequest,
    DecidedReply,
    GrantReply,
    OAuthAnswer,
    ReviewReply,
)
from backend.accounts.principal import network_of
from backend.core.errors import (
    Conflict,
    InvalidCredential,
    InvalidSignature,
    MalformedRequest,
    NotFound,
    PortAbsent,
    RateLimited,
    ScopeMissing,
    Unprocessable,
)
from backend.gateway.asgi import read_body
from backend.gateway.limits import Quota
from backend.gateway.rights import Administrator, Client, Given
from backend.gateway.routes.pages import WEB, headers_of
from backend.gateway.schemas import RevokedReply, problems

FORM_LIMIT: Final = 16_384
DECISIONS: Final = Quota(requests=60)
"""Looks at requests and decisions a minute from one network: codes on screens cannot be guessed."""
EXCHANGES: Final = Quota(requests=600)
_PRIVATE: Final = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
_DECIDING, _EXCHANGING = 1, 2


def router() -> APIRouter:
    """The routes."""
    api = APIRouter(tags=["apps"])
    _add_page(api)
    _add_consent(api)
    _add_endpoints(api)
    _add_apps(api)
    _add_grants(api)
    return api


def _add_page(api: APIRouter) -> None:
    @api.get("/v1/oauth/authorize", include_in_schema=False)
    async def authorize(request: Request, given: Given) -> Response:
        found = await given.oauth.consent.judge(request.url.query)
        if not isinstance(found, OAuthAnswer):
            return FileResponse(WEB / "consent.html", headers=headers_of(given) | _PRIVATE)
        if found.location:
            return RedirectResponse(found.location, status_code=302, headers=_PRIVATE)
        told = found.body.get("error_description") or found.body.get("error")
        raise MalformedRequest(f"the app sent you here with a wrong request: {told}")

    @api.get("/device", include_in_schema=False)
    async def device_page(given: Given) -> Response:
        return FileResponse(WEB / "consent.html", headers=headers_of(given) | _PRIVATE)

    @api.get("/.well-known/oauth-authorization-server")
    async def metadata(given: Given) -> dict[str, Any]:
        """Where the OAuth endpoints are and what they support (RFC 8414)."""
        return given.oauth.metadata()


def _add_consent(api: APIRouter) -> None:
    asked = problems(MalformedRequest, NotFound, Unprocessable, RateLimited)

    @api.post("/v1/oauth/review", responses=asked)
    async def review(asking: Asking, given: Given, client: Client) -> ReviewReply:
        """What an app asks for, each scope explained: by the page's query, or the code on a screen."""
        await _slowly(given, client)
        return await given.oauth.consent.review(asking)

    @api.post("/v1/oauth/consent", responses=asked)
    async def consent(wanted: ConsentRequest, given: Given, client: Client) -> ConsentReply:
        """The EIP-4361 message that approves it within the limits named; the wallet signs it as it is."""
        await _slowly(given, client)
        return await given.oauth.consent.message(wanted)

    @api.post(
        "/v1/oauth/approve",
        responses={**asked, **problems(InvalidCredential, InvalidSignature, Conflict, PortAbsent)},
    )
    async def approve(wanted: ApproveRequest, given: Given, client: Client) -> DecidedReply:
        """Let an app in with the signed message; answers where the browser goes with the code."""
        await _slowly(given, client)
        return await given.oauth.consent.approve(wanted, client)

    @api.post("/v1/oauth/deny", responses=asked)
    async def deny(asking: Asking, given: Given, client: Client) -> DecidedReply:
        """Refuse an app."""
        await _slowly(given, client)
        return await given.oauth.consent.deny(asking)


def _add_endpoints(api: APIRouter) -> None:
    @api.post("/v1/oauth/token", openapi_extra=_form("grant_type", "client_id"), responses=_told())
    async def token(request: Request, given: Given, client: Client) -> Response:
        """Exchange a code, a refresh token or a device code for an access token (form-encoded)."""
        await _take(given, client, _EXCHANGING, EXCHANGES)
        return _answer(await given.oauth.tokens.exchange(await _body(request), client))

    @api.post("/v1/oauth/revoke", openapi_extra=_form("token", "client_id"), responses=_told())
    async def revoke(request: Request, given: Given, client: Client) -> Response:
        """End a token (RFC 7009); a refresh token takes all of its grant along."""
        await _take(given, client, _EXCHANGING, EXCHANGES)
        answer = await given.oauth.tokens.revoke(await _body(request), client)
        given.resolver.forget()
        return _answer(answer)

    @api.post("/v1/oauth/device", openapi_extra=_form("client_id", "scope"), responses=_told())
    async def device(request: Request, given: Given, client: Client) -> Response:
        """A code for a screen, for apps without a browser (RFC 8628)."""
        await _slowly(given, client)
        return _answer(await given.oauth.tokens.device(await _body(request)))


def _add_apps(api: APIRouter) -> None:
    always = (InvalidCredential, ScopeMissing, Unprocessable)

    @api.post("/v1/oauth/apps", status_code=201, responses=problems(*always, Conflict))
    async def register(
        wanted: AppRequest, principal: Administrator, given: Given, client: Client
    ) -> AppReply:
        """Register an app as a public client (RFC 7591); its redirect addresses are taken exactly."""
        return await given.oauth.apps.register(principal, wanted, client)

    @api.get("/v1/oauth/apps", responses=problems(*always))
    async def apps(principal: Administrator, given: Given) -> list[AppReply]:
        """Apps this account registered."""
        return await given.oauth.apps.all_of(principal)

    @api.get("/v1/oauth/apps/{client_id}", responses=problems(NotFound))
    async def app(client_id: str, given: Given) -> AppReply:
        """An app, for anybody who is asked to let it in."""
        return await given.oauth.apps.one(_plain(client_id))

    @api.delete("/v1/oauth/apps/{client_id}", status_code=204, responses=problems(*always, NotFound))
    async def remove(client_id: str, principal: Administrator, given: Given, client: Client) -> None:
        """Remove an app; what wallets let it do ends with it."""
        await given.oauth.apps.remove(principal, _plain(client_id), client)
        given.resolver.forget()


def _add_grants(api: APIRouter) -> None:
    always = (InvalidCredential, ScopeMissing, Unprocessable)

    @api.get("/v1/oauth/grants", responses=problems(*always))
    async def grants(principal: Administrator, given: Given) -> list[GrantReply]:
        """What this account let apps do, also what is over."""
        return await given.oauth.apps.grants(principal)

    @api.delete("/v1/oauth/grants/{grant_id}", responses=problems(*always, NotFound))
    async def revoke_grant(
        grant_id: str, principal: Administrator, given: Given, client: Client
    ) -> RevokedReply:
        """Take back what an app was let do; its tokens are refused everywhere within a second."""
        count = await given.oauth.apps.revoke(principal, _plain(grant_id), client)
        given.resolver.forget()
        return RevokedReply(revoked=count)

    @api.delete("/v1/oauth/grants", responses=problems(*always))
    async def revoke_grants(principal: Administrator, given: Given, client: Client) -> RevokedReply:
        """Take back what every app was let do."""
        count = await given.oauth.apps.revoke(principal, None, client)
        given.resolver.forget()
        return RevokedReply(revoked=count)


async def _slowly(given: Given, client: str) -> None:
    await _take(given, client, _DECIDING, DECISIONS)


async def _take(given: Given, client: str, kind: int, quota: Quota) -> None:
    """Raises RateLimited."""
    slot = await given.sign_ins.take((kind, network_of(client).encode()), quota, 0)
    await slot.release(0)


async def _body(request: Request) -> str:
    return (await read_body(request.scope, request.receive, FORM_LIMIT)).decode("utf-8", "replace")


def _answer(said: OAuthAnswer) -> Response:
    return JSONResponse(said.body, said.status, {**said.headers, **_PRIVATE})


def _plain(text: str) -> str:
    """An id from a path. Raises NotFound for what cannot be one."""
    if not text.replace("_", "").isascii() or not text.replace("_", "").isalnum() or len(text) > 40:
        raise NotFound("there is no such app or grant")
    return text


def _form(*required: str) -> dict[str, Any]:
    fields = {name: {"type": "string"} for name in required}
    schema = {"type": "object", "required": list(required), "properties": fields}
    return {
        "requestBody": {
            "required": True,
            "content": {"application/x-www-form-urlencoded": {"schema": schema}},
        }
    }


def _told() -> dict[int | str, dict[str, Any]]:
    return problems(MalformedRequest, InvalidCredential, RateLimited)
