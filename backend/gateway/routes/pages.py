"""The page for people: plain files, no build step. The wallet module comes from npm, pinned."""

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from fastapi import APIRouter, FastAPI
from fastapi.responses import FileResponse, Response
from fastapi.staticfiles import StaticFiles

from backend.core.errors import NotFound
from backend.gateway.deps import Services
from backend.gateway.rights import Given
from contracts import artifacts

WEB: Final = Path(__file__).parent.parent / "web"
WALLET_MODULE: Final = Path(artifacts.__file__).parent / "node_modules" / "ethers" / "dist" / "ethers.min.js"
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'{node}; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""Nothing inline and no other host, but for a devnet's node, which its test wallet speaks to."""


def router() -> APIRouter:
    """The page itself and its wallet module."""
    api = APIRouter()

    @api.get("/", include_in_schema=False)
    async def page(given: Given) -> Response:
        return FileResponse(WEB / "index.html", headers=headers_of(given))

    @api.get("/web/ethers.js", include_in_schema=False)
    async def wallet_module() -> Response:
        if not WALLET_MODULE.is_file():
            raise NotFound("the page's wallet module is not installed: run `npm ci` in contracts/")
        return FileResponse(WALLET_MODULE, media_type="text/javascript")

    return api


def headers_of(given: Services) -> dict[str, str]:
    """What a page is sent with."""
    node = given.deps.settings.wallet_rpc_url if given.deps.deployment.devnet else ""
    return {
        "Content-Security-Policy": policy(node),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def policy(node: str) -> str:
    """The page's content security policy; `node` is the URL of a devnet's node, or nothing."""
    place = urlsplit(node)
    return POLICY.format(node=f" {place.scheme}://{place.netloc}" if place.netloc else "")


def mount_files(api: FastAPI) -> None:
    """The page's own files, under `/web/`; after the routes, which go first."""
    api.mount("/web", StaticFiles(directory=WEB), name="web")
