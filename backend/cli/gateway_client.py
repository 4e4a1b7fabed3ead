"""The gateway as the command line calls it: sign in with a wallet, make keys, bring documents, ask."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, Self

import orjson
from yarl import URL

from backend.client.sign_in import sign_in_message
from backend.core.deployment import DeployedCurrency
from backend.core.errors import EmporionError, UpstreamError, UpstreamUnavailable
from backend.core.units import Hash32, checksum, hex_of, keccak
from backend.metadata.documents import read_document
from backend.net.client import HttpClient
from backend.net.guard import OPERATOR
from backend.signing.http_messages import personal_message
from backend.signing.keys import Signer

INDEX_SECONDS: Final = 30.0
"""How long an event may take to reach the gateway's index."""
_PAUSE: Final = 0.1
_MOST: Final = 64 * 1024 * 1024


class GatewayRefused(EmporionError):
    """The gateway answered with an error; its words, its code, its status."""

    code = "gateway_refused"

    def __init__(self, status: int, code: str, message: str, body: Mapping[str, Any]) -> None:
        super().__init__(f"the gateway answered {status} {code}: {message}", status=status, code=code)
        self.answer_status = status
        self.answer_code = code
        self.body = body


class GatewayClient:
    """One gateway, and the session of one wallet once it has signed in."""

    def __init__(self, http: HttpClient, base_url: str) -> None:
        self._http = http
        self.base_url = base_url.rstrip("/")
        self._token = ""

    @classmethod
    @asynccontextmanager
    async def at(cls, base_url: str) -> AsyncIterator[Self]:
        """A client with connections of its own."""
        async with HttpClient(OPERATOR) as http:
            yield cls(http, base_url)

    async def ask(
        self, method: str, path: str, json: Any = None, *, body: bytes | None = None, token: str | None = None
    ) -> Any:
        """One request; its JSON. Raises GatewayRefused, UpstreamUnavailable."""
        raw = await self._raw(method, path, json, body, token)
        return orjson.loads(raw) if raw else None

    async def document(self, content_hash: Hash32) -> dict[str, Any]:
        """A document by its hash, held against it, so that the gateway is not believed. Raises Unprocessable
        where it is another or no document of ours.
        """
        raw = await self._raw("GET", f"/v1/metadata/{hex_of(content_hash)}", None, None, None)
        return read_document(raw, content_hash).checked.model_dump(mode="json", exclude_none=True)

    async def _raw(self, method: str, path: str, json: Any, body: bytes | None, token: str | None) -> bytes:
        headers = {"Accept": "application/json"}
        if bearer := self._token if token is None else token:
            headers["Authorization"] = f"Bearer {bearer}"
        if json is not None:
            headers["Content-Type"], body = "application/json", orjson.dumps(json)
        url = URL(self.base_url + path)
        try:
            async with self._http.stream(method, url, headers=headers, body=body) as reply:
                raw = await reply.read(_MOST)
        except UpstreamError as error:
            raise UpstreamUnavailable(
                f"no gateway answers at {self.base_url} ({error.message}); start it with `emporion up`, "
                "or name another by --gateway or EMPORION_PUBLIC_URL"
            ) from error
        if reply.status >= 400:
            raise _refusal(reply.status, raw)
        return raw

    async def put_once_indexed(self, path: str, wanted: Any) -> None:
        """PUT what needs an event that was just mined: a 404 is asked again until it is indexed."""
        for _ in range(int(INDEX_SECONDS / _PAUSE)):
            try:
                await self.ask("PUT", path, wanted)
                return
            except GatewayRefused as error:
                if error.answer_status != 404:
                    raise
            await asyncio.sleep(_PAUSE)
        await self.ask("PUT", path, wanted)

    async def sign_in(self, wallet: Signer) -> dict[str, Any]:
        """Sign in with Ethereum (EIP-4361); later requests carry the session."""
        nonce = await self.ask("GET", "/v1/auth/nonce", token="")
        message = sign_in_message(nonce, checksum(wallet.address))
        signature = hex_of(wallet.sign_data(personal_message(message.encode())))
        session: dict[str, Any] = await self.ask(
            "POST", "/v1/auth/siwe", {"message": message, "signature": signature}, token=""
        )
        self._token = str(session["token"])
        return session

    async def currencies(self) -> list[DeployedCurrency]:
        """The table of currencies of the gateway's chain."""
        deployment = await self.ask("GET", "/v1/deployment?abi=false")
        return [DeployedCurrency(**line) for line in deployment["chains"][0]["currencies"]]

    async def make_key(self, name: str, **limits: Any) -> dict[str, Any]:
        """A new API key of the signed-in wallet; its text is in `key`, shown this once."""
        made: dict[str, Any] = await self.ask("POST", "/v1/keys", {"name": name, **limits})
        return made

    async def put_document(self, document: Mapping[str, Any]) -> tuple[Hash32, str]:
        """Store a document under its hash; gives the hash and its URL."""
        body = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
        content_hash = keccak(body)
        path = f"/v1/metadata/{hex_of(content_hash)}"
        await self.ask("PUT", path, body=body)
        return content_hash, self.base_url + path


def _refusal(status: int, raw: bytes) -> GatewayRefused:
    """The gateway's error, from either of its two envelopes."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        body = {}
    if not isinstance(body, dict):
        body = {}
    inner = body.get("error")
    told: Mapping[str, Any] = inner if isinstance(inner, dict) else body
    code = str(told.get("code") or "unknown")
    message = str(told.get("message") or told.get("detail") or raw[:200].decode("utf-8", "replace"))
    return GatewayRefused(status, code, message + _places(told), body)


def _places(told: Mapping[str, Any]) -> str:
    """What is wrong where, if the gateway says."""
    details = told.get("details")
    problems = details.get("problems") if isinstance(details, dict) else None
    if not isinstance(problems, list):
        return ""
    return "".join(f"; {one.get('path')}: {one.get('problem')}" for one in problems if isinstance(one, dict))
