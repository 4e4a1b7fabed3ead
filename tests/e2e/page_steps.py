"""What somebody does on the page, step by step, and what a program or an app does beside it."""

import asyncio
import base64
import hashlib
import re
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
from eth_account import Account
from eth_account.messages import encode_defunct
from playwright.async_api import Locator, Page, Route, expect

from backend.cli.demo.world import World
from contracts import artifacts
from tests.e2e.injected_wallet import NAME

AXE = Path(artifacts.__file__).parent / "node_modules" / "axe-core" / "axe.min.js"


def dialog(page: Page) -> Locator:
    return page.locator("dialog[open]")


async def agree(page: Page, action: str, *told: str) -> None:
    """Reads the explanation, then goes on. What an earlier step said is gone: `told` waits for this one."""
    button = dialog(page).get_by_role("button", name=action, exact=True)
    await expect(button).to_be_visible()
    for text in told:
        await expect(dialog(page)).to_contain_text(text)
    await page.locator("#status").evaluate("place => place.replaceChildren()")
    await button.click()


async def connect(page: Page, name: str = "Test wallet") -> None:
    await page.locator("#wallet").get_by_role("button", name="Connect a wallet").click()
    await dialog(page).get_by_role("button", name=name).click()


async def connected(page: Page) -> None:
    await expect(page.get_by_role("button", name="Leave")).to_be_visible()


async def with_money(page: Page) -> None:
    """Connects the injected wallet for the first time, and fills it."""
    await connect(page, NAME)
    await agree(page, "Switch network", "chain id 31337")
    await connected(page)
    await page.get_by_role("link", name="My access").click()
    await page.get_by_role("button", name="Give me test money").click()
    await agree(page, "Give it to me", "worth nothing")
    await expect(section(page, "Wallet")).to_contain_text("1,000")


async def told(page: Page, text: str) -> None:
    """Waits for the word at the foot of the page; every transaction ends with `Done.`."""
    await expect(page.locator("#status")).to_contain_text(text)


@asynccontextmanager
async def redrawn(page: Page, control: Locator, answer: str) -> AsyncIterator[None]:
    """The part that a control is in is on its way anew, as after an event; after the block it is replaced."""
    go, old = asyncio.Event(), await control.element_handle()

    async def held(route: Route) -> None:
        await go.wait()
        await route.continue_()

    await page.route(answer, held)
    await page.evaluate("import('/web/panel.js').then((panel) => panel.refresh())")
    yield
    go.set()
    await page.wait_for_function("control => !control.isConnected", arg=old)
    await page.unroute(answer)


def section(page: Page, title: str) -> Locator:
    return page.locator("section", has=page.get_by_role("heading", name=title, exact=True))


def plan(page: Page, title: str) -> Locator:
    return page.locator("li.plan", has=page.get_by_role("heading", name=title, exact=True))


async def find(page: Page, words: str, name: str) -> None:
    await page.get_by_role("link", name="Services", exact=True).click()
    await page.get_by_label("Words").fill(words)
    await page.get_by_role("button", name="Find").click()
    await page.get_by_role("link", name=name).click()


async def faults(page: Page) -> list[Any]:
    """What axe calls serious or critical, with the elements."""
    await page.evaluate(AXE.read_text(encoding="utf-8"))
    found = await page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    grave = [one for one in found["violations"] if one["impact"] in ("serious", "critical")]
    return [(one["id"], [node["html"][:150] for node in one["nodes"]]) for one in grave]


async def left_to_use(page: Page) -> float:
    told = section(page, "Passes, time and credits").locator("dd", has_text=re.compile(r"^[\d.]+ credits$"))
    return float((await told.first.inner_text()).split()[0])


async def calls(stage: World, key: str) -> None:
    body: dict[str, Any] = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 4}
    async with httpx.AsyncClient(timeout=60) as http:
        for _ in range(2):
            reply = await http.post(
                f"{stage.services.url}/v1/chat/completions",
                json={"model": stage.model, **body},
                headers={"authorization": f"Bearer {key}"},
            )
            assert reply.status_code == 200, reply.text


async def asked_by_an_app(url: str) -> tuple[str, str]:
    """The query of an app that was registered with a wallet's session, answered at /healthz; its verifier."""
    wallet = Account.create()
    async with httpx.AsyncClient(base_url=url) as http:
        said = (await http.get("/v1/auth/nonce")).json()
        message = (
            f"{said['domain']} wants you to sign in with your Ethereum account:\n{wallet.address}\n\n"
            f"{said['statement']}\n\nURI: {said['uri']}\nVersion: 1\nChain ID: {said['chain_id']}\n"
            f"Nonce: {said['nonce']}\nIssued At: {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}"
        )
        signature = wallet.sign_message(encode_defunct(text=message)).signature.hex()
        session = await http.post("/v1/auth/siwe", json={"message": message, "signature": signature})
        app = await http.post(
            "/v1/oauth/apps",
            json={"client_name": "Notes", "redirect_uris": [f"{url}/healthz"]},
            headers={"authorization": f"Bearer {session.json()['token']}"},
        )
    verifier = secrets.token_urlsafe(32)
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode()
    query = urlencode(
        {
            "response_type": "code",
            "client_id": app.json()["client_id"],
            "redirect_uri": f"{url}/healthz",
            "scope": "inference",
            "state": "s1",
            "code_challenge": digest.rstrip("="),
            "code_challenge_method": "S256",
        }
    )
    return query, verifier
