"""The page for people: plain files, no build step. The wallet module comes from npm, pinned."""

from pathlib import Path
from typing import Final

from fastapi import APIRouter, FastAPI
from fastapi.responses import FileResponse, Response
from fastapi.staticfiles import StaticFiles

from backend.core.errors import NotFound
from contracts import artifacts

WEB: Final = Path(__file__).parent.parent / "web"
WALLET_MODULE: Final = Path(artifacts.__file__).parent / "node_modules" / "ethers" / "dist" / "ethers.min.js"
POLICY: Final = (
    "default-src 'self'; connect-src *; img-src 'self' data: https:; style-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


def router() -> APIRouter:
    """The page itself and its wallet module."""
    api = APIRouter()

    @api.get("/", include_in_schema=False)
    async def page() -> Response:
        return FileResponse(WEB / "index.html", headers={"Content-Security-Policy": POLICY})

    @api.get("/web/ethers.js", include_in_schema=False)
    async def wallet_module() -> Response:
        if not WALLET_MODULE.is_file():
            raise NotFound("the page's wallet module is not installed: run `npm ci` in contracts/")
        return FileResponse(WALLET_MODULE, media_type="text/javascript")

    return api


def mount_files(api: FastAPI) -> None:
    """The page's own files, under `/web/`; after the routes, which go first."""
    api.mount("/web", StaticFiles(directory=WEB), name="web")
