"""Signing in with a wallet (EIP-4361)."""

from typing import Final

from fastapi import APIRouter, Response

from backend.accounts.principal import network_of
from backend.accounts.schemas import NonceReply, SessionReply, SignInRequest
from backend.core.errors import (
    InvalidCredential,
    InvalidNonce,
    MalformedRequest,
    PortAbsent,
    RateLimited,
    Unprocessable,
    WalletRequired,
)
from backend.gateway.alerting import note_refusal
from backend.gateway.limits import Quota
from backend.gateway.rights import Bearer, Client, Given, Wallet
from backend.gateway.schemas import problems

SIGN_INS: Final = Quota(requests=60)
"""Sign-ins a minute from one network: parsing a message costs 20 ms."""


def router() -> APIRouter:
    """The routes."""
    api = APIRouter(prefix="/v1/auth", tags=["sign-in"])

    @api.get("/nonce")
    async def nonce(given: Given, response: Response) -> NonceReply:
        """What to put into the sign-in message. A nonce is good once and for a few minutes."""
        response.headers["cache-control"] = "no-store"
        return given.sessions.nonce()

    @api.post(
        "/siwe",
        responses=problems(
            MalformedRequest, InvalidCredential, InvalidNonce, Unprocessable, RateLimited, PortAbsent
        ),
    )
    async def siwe(request: SignInRequest, given: Given, client: Client, response: Response) -> SessionReply:
        """Open a session with a signed EIP-4361 message; send its token as `Authorization: Bearer`."""
        slot = await given.sign_ins.take((0, network_of(client).encode()), SIGN_INS, 0)
        await slot.release(0)
        response.headers["cache-control"] = "no-store"
        try:
            return await given.sessions.sign_in(request, client)
        except InvalidCredential as error:
            await note_refusal(given.alerting.alerts, request.message, client, error)
            raise

    @api.post("/logout", status_code=204, responses=problems(InvalidCredential, WalletRequired))
    async def logout(principal: Wallet, token: Bearer, given: Given, client: Client) -> None:
        """End the session that asks; keys are revoked with DELETE /v1/keys."""
        await given.sessions.sign_out(token, principal, client)
        given.resolver.forget()

    return api
