"""The page's files

GET /
├── is sent with a policy that allows this host alone, and nothing inline
└── on a devnet that names its node, allows that too
GET /web/ethers.js
└── is the pinned module, or says how to install it
every module of the page
└── is served as a script, and imports nothing of elsewhere
"""

import re

import pytest

from backend.gateway.routes import pages
from backend.gateway.routes.pages import WEB, policy
from tests.backend.gateway.conftest import House, engine, gateway_settings, house

__all__ = ["engine", "gateway_settings", "house"]

IMPORT = re.compile(r"""\bfrom\s+["']([^"']+)["']|\bimport\(["']([^"']+)["']\)""")


class TestPolicy:
    def test_allows_this_host_alone(self) -> None:
        parts = dict(part.strip().split(" ", 1) for part in policy("").split(";"))
        assert parts["default-src"] == "'none'"
        assert parts["script-src"] == parts["style-src"] == parts["connect-src"] == "'self'"
        assert "unsafe" not in policy("")

    def test_allows_a_devnets_node(self) -> None:
        assert "connect-src 'self' http://127.0.0.1:8545;" in policy("http://127.0.0.1:8545/path?x=1")


class TestFiles:
    async def test_page_is_sent_with_the_policy(self, house: House) -> None:
        reply = await house.http.get("/")
        assert reply.status_code == 200
        assert reply.headers["content-security-policy"] == policy("")
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert "<script>" not in reply.text
        assert "style=" not in reply.text

    async def test_wallet_module_is_served_or_asked_for(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        reply = await house.http.get("/web/ethers.js")
        assert reply.status_code == 200
        assert reply.headers["content-type"].startswith("text/javascript")
        monkeypatch.setattr(pages, "WALLET_MODULE", WEB / "absent.js")
        missing = await house.http.get("/web/ethers.js")
        assert missing.status_code == 404
        assert "npm ci" in missing.text

    async def test_modules_import_nothing_of_elsewhere(self, house: House) -> None:
        served = {f"/web/{path.name}" for path in WEB.glob("*.js")} | {"/web/ethers.js"}
        for path in sorted(WEB.glob("*.js")):
            named = {one or other for one, other in IMPORT.findall(path.read_text(encoding="utf-8"))}
            assert named <= served, f"{path.name} imports {named - served}"
        reply = await house.http.get("/web/main.js")
        assert reply.headers["content-type"].startswith("text/javascript")
