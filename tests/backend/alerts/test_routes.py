"""/v1/alerts over HTTP

given a web hook on this machine: a code arrives there signed, and then a sale of the account's service
given a sign-in meant for another place and a replayed one: the account they were tried as is told
given a key without the right, an unknown kind or a wrong channel: refused
"""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from aiohttp import web
from apprise import Apprise
from eth_account.messages import encode_defunct

from backend.alerts.ports import Message, NoSender
from backend.alerts.senders import AppriseSender, SenderByScheme, WebhookSender
from backend.alerts.targets import Target, read_target
from backend.client.webhooks import MemorySeen, check_webhook
from backend.core.clock import SystemClock
from backend.core.errors import Unprocessable, UpstreamError
from backend.net.client import HttpClient
from backend.net.guard import DEVNET, PUBLIC_ONLY
from tests.backend.gateway.conftest import TIMED, House, address_of, bearer, engine, gateway_settings, house
from tests.backend.market import access, wall_clock

__all__ = ["engine", "gateway_settings", "house"]


class Hook:
    """A web hook that keeps what it gets."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.status = 200
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.got.append((dict(request.headers), await request.read()))
        return web.Response(status=self.status)


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    found = Hook()
    app = web.Application()
    app.router.add_post("/hook", found.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    found.url = f"http://127.0.0.1:{port}/hook"
    yield found
    await runner.cleanup()


class TestWebhook:
    async def test_is_signed_for_the_receiver(self, hook: Hook) -> None:
        secret = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIzNDU="
        target, message = Target("webhook", hook.url, ""), Message("alert_1", "sale", 5, "Sale", "text")
        async with HttpClient(DEVNET) as http:
            await WebhookSender(http, SystemClock()).send(target, secret, message)
            hook.status = 500
            with pytest.raises(UpstreamError):
                await WebhookSender(http, SystemClock()).send(target, secret, message)
        headers, body = hook.got[0]
        assert check_webhook(headers, body, [secret], wall_clock(), MemorySeen()) == "alert_1"
        assert orjson.loads(body)["type"] == "alert.sale"


class Post(asyncio.Protocol):
    """A mail server of a few lines (RFC 5321) that keeps what it gets."""

    def __init__(self, got: list[str]) -> None:
        self._got = got
        self._data: list[str] | None = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._say("220 here")

    def data_received(self, data: bytes) -> None:
        for line in data.decode().split("\r\n")[:-1]:
            self._line(line)

    def _line(self, line: str) -> None:
        if self._data is not None:
            self._data.append(line)
            if line == ".":
                self._got.append("\n".join(self._data))
                self._data = None
                self._say("250 kept")
        elif line.upper() == "DATA":
            self._data = []
            self._say("354 go on")
        else:
            self._got.append(line)
            self._say("221 bye" if line.upper() == "QUIT" else "250 ok")

    def _say(self, text: str) -> None:
        self._transport.write(f"{text}\r\n".encode())


class TestApprise:
    async def test_mails_by_the_operators_server(self) -> None:
        got: list[str] = []
        server = await asyncio.get_running_loop().create_server(lambda: Post(got), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        sender = AppriseSender(f"mailto://127.0.0.1:{port}/?from=shop@here.example&mode=insecure")
        target = Target("mail", "mailto:owner@shop.example", "")
        await sender.send(target, "", Message("alert_1", "sale", 5, "A sale", "Somebody bought"))
        server.close()
        await server.wait_closed()
        assert any(line.lower().startswith("rcpt to:<owner@shop.example>") for line in got)
        assert any("Somebody bought" in line for line in got)

    async def test_says_that_there_is_no_server(self) -> None:
        target = Target("mail", "mailto:owner@shop.example", "")
        with pytest.raises(Unprocessable, match="EMPORION_MAIL_URL"):
            await AppriseSender().send(target, "", Message("a", "sale", 5, "", ""))
        with pytest.raises(Unprocessable):
            await NoSender().send(target, "", Message("a", "sale", 5, "", ""))

    @pytest.mark.parametrize(
        ("text", "service"),
        [
            ("slack://T12345678/B12345678/abcdefghijklmnopqrstuvwx", "Slack"),
            ("discord://123456789012345678/" + "a" * 68, "Discord"),
            ("tgram://123456789:" + "A" * 35 + "/-1001234", "Telegram"),
        ],
    )
    def test_takes_the_targets_we_read(self, text: str, service: str) -> None:
        sender = Apprise()
        assert sender.add(read_target(text, PUBLIC_ONLY).text)
        assert [str(one.service_name) for one in sender] == [service]

    async def test_tells_a_target_that_does_not_take_it(self) -> None:
        target = Target("slack", "slack://nothing", "")
        both = SenderByScheme(NoSender(), AppriseSender())
        with pytest.raises(UpstreamError, match="slack"):
            await both.send(target, "", Message("a", "sale", 5, "", ""))


class TestRoutes:
    async def test_show_and_keep_what_is_wanted(self, house: House) -> None:
        session = bearer(await house.sign_in(house.buyer))
        shown = (await house.http.get("/v1/alerts", headers=session)).json()
        assert {kind["enabled"] for kind in shown["kinds"]} == {False}
        wanted = {
            "kinds": {"access_ending": {"threshold": "7200"}, "sale": {}},
            "quiet_hours": {"start": "22:00", "end": "06:00"},
        }
        kept = (await house.http.put("/v1/alerts", json=wanted, headers=session)).json()
        assert kept["quiet_hours"] == wanted["quiet_hours"]
        on = {kind["kind"]: kind["threshold"] for kind in kept["kinds"] if kind["enabled"]}
        assert on == {"access_ending": "7200", "sale": "1"}
        await house.mine(access(TIMED, wall_clock() + 3_600, address_of(house.buyer)))
        await house.services.alerting.worker.step()
        shown = (await house.http.get("/v1/alerts", headers=session)).json()
        assert [told["kind"] for told in shown["recent"]] == ["access_ending"]

    @pytest.mark.parametrize(
        ("path", "body", "status"),
        [
            ("", {"kinds": {"rain": {}}}, 422),
            ("", {"kinds": {"sale": {"threshold": "-1"}}}, 422),
            ("", {"kinds": {"sale": {"channels": ["0123456789abcdef"]}}}, 422),
            ("", {"kinds": {}, "quiet_hours": {"start": "25:00", "end": "06:00"}}, 422),
            ("/channels", {"target": "json://10.0.0.1/"}, 422),
            ("/channels", {"target": "https://10.0.0.1/"}, 502),
            ("/channels", {"target": "mailto:owner@shop.example"}, 422),
            ("/channels/0123456789abcdef/confirm", {"code": "12345678"}, 404),
        ],
    )
    async def test_refuse_what_cannot_be(
        self, house: House, path: str, body: dict[str, Any], status: int
    ) -> None:
        session = bearer(await house.sign_in(house.buyer))
        send = house.http.post if path else house.http.put
        reply = await send(f"/v1/alerts{path}", json=body, headers=session)
        assert reply.status_code == status, reply.text

    async def test_need_the_right_to_manage_keys(self, house: House) -> None:
        key = bearer(await house.key(scopes=["read"]))
        assert (await house.http.get("/v1/alerts", headers=key)).status_code == 200
        assert (await house.http.put("/v1/alerts", json={"kinds": {}}, headers=key)).status_code == 403
        assert (await house.http.get("/v1/alerts")).status_code == 401


class TestSignIns:
    async def test_are_told_when_they_fail(self, house: House) -> None:
        session = bearer(await house.sign_in(house.buyer))
        kinds = {"failed_log_in": {"threshold": "1"}, "replayed_nonce": {}}
        await house.http.put("/v1/alerts", json={"kinds": kinds}, headers=session)
        message, signature = await signed(house)
        elsewhere = message.replace("127.0.0.1", "phishing.example", 1)
        bodies = [{"message": text, "signature": signature} for text in (message, message, elsewhere)]
        replies = [await house.http.post("/v1/auth/siwe", json=body) for body in bodies]
        assert [reply.status_code for reply in replies] == [200, 401, 401]
        shown = (await house.http.get("/v1/alerts", headers=session)).json()
        assert {told["kind"] for told in shown["recent"]} == {"failed_log_in", "replayed_nonce"}


async def signed(house: House) -> tuple[str, str]:
    """A sign-in message of the buyer and its signature."""
    said = (await house.http.get("/v1/auth/nonce")).json()
    message = (
        f"{said['domain']} wants you to sign in with your Ethereum account:\n{house.buyer.address}\n\n"
        f"{said['statement']}\n\nURI: {said['uri']}\nVersion: 1\nChain ID: {said['chain_id']}\n"
        f"Nonce: {said['nonce']}\nIssued At: {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}"
    )
    return message, house.buyer.sign_message(encode_defunct(text=message)).signature.hex()
