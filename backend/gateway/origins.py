"""Pages of other origins: which may call, and which may sign their users in."""

from typing import Final
from urllib.parse import urlsplit

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from backend.core.settings import Settings
from backend.gateway.answers import EXPOSED

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
ACCEPTED: Final = (
    "authorization",
    "content-type",
    "x-api-key",
    "emporion-plan",
    "emporion-min-block",
    "emporion-voucher",
    "idempotency-key",
    "signature",
    "signature-input",
    "content-digest",
    "range",
    "if-range",
)
PREFLIGHT_SECONDS: Final = 600


def sign_in_domains(settings: Settings) -> tuple[str, ...]:
    """The gateway's own domain first, then those of the pages named in EMPORION_CORS_ORIGINS."""
    named = [urlsplit(origin).netloc for origin in settings.cors_origins if origin != "*"]
    return (settings.sign_in_domain, *(name for name in named if name))


def with_cors(app: ASGIApp, settings: Settings) -> ASGIApp:
    """Answer other origins as configured; no credentials, since ours travel in headers a page sets itself.

    Callers that name no origin, as SDKs do, pass beside it.
    """
    if not settings.cors_origins:
        return app
    for_pages = CORSMiddleware(
        app,
        allow_origins=settings.cors_origins,
        allow_methods=METHODS,
        allow_headers=[*ACCEPTED, *_SDK_HEADERS],
        expose_headers=EXPOSED,
        max_age=PREFLIGHT_SECONDS,
    )

    async def chosen(scope: Scope, receive: Receive, send: Send) -> None:
        from_page = scope["type"] == "http" and any(name == b"origin" for name, _ in scope["headers"])
        await (for_pages if from_page else app)(scope, receive, send)

    return chosen


_SDK_HEADERS: Final = (
    "openai-organization",
    "openai-project",
    "x-stainless-arch",
    "x-stainless-async",
    "x-stainless-helper-method",
    "x-stainless-lang",
    "x-stainless-os",
    "x-stainless-package-version",
    "x-stainless-retry-count",
    "x-stainless-runtime",
    "x-stainless-runtime-version",
    "x-stainless-timeout",
)
"""What OpenAI's own browser client sends along."""
