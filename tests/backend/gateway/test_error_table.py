"""The error table of the code, every row met for real over HTTP.

each row of `all_errors`
├── is provoked in `error_rows` or `error_rows_of_ours`, or said in `error_ways` to be met by no request
└── in OpenAI's envelope wherever a model's route can answer it, in RFC 9457's wherever another can
what is answered
├── status, code, envelope, request id; retryable or not; 503 says when to come back
├── what is ours to hide shows nothing
└── Cache-Control, WWW-Authenticate, Content-Range, Retry-After, RateLimit where they belong
what no request can meet
└── is raised nowhere in the packages that answer requests
"""

import ast
import io
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from backend.core.errors import EmporionError, all_errors
from backend.core.logs import configure_logs
from backend.db import engines
from backend.gateway.error_replies import INTERNAL, error_type
from tests.backend.gateway import error_rows, error_rows_of_ours
from tests.backend.gateway.conftest import House, build
from tests.backend.gateway.error_ways import ROWS, UNANSWERED, Row

BACKEND = Path(__file__).parents[3] / "backend"
ANSWERING = ("gateway", "accounts", "catalog", "entitlement", "feed", "metadata", "alerts", "net")
"""Not `inference`: it raises SettingsError for secrets it cannot open, and leaves such an upstream out."""


class TestTable:
    def test_has_no_row_that_is_not_met(self) -> None:
        assert {row.ask.__module__ for row in ROWS} == {error_rows.__name__, error_rows_of_ours.__name__}
        met = {row.kind for row in ROWS}
        assert not met & UNANSWERED.keys()
        assert met | UNANSWERED.keys() == set(all_errors())

    def test_codes_are_of_one_error_each(self) -> None:
        codes = [kind.code for kind in all_errors()]
        assert len(codes) == len(set(codes))

    def test_is_not_raised_where_it_is_said_not_to_be_met(self) -> None:
        unmet = {kind.__name__ for kind in UNANSWERED}
        found = [
            f"{path.relative_to(BACKEND)}:{node.lineno}"
            for package in ANSWERING
            for path in (BACKEND / package).rglob("*.py")
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)
            if ast.unparse(node.exc.func).rpartition(".")[2] in unmet
        ]
        assert not found


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
class TestRow:
    @pytest.fixture(autouse=True)
    def logs(self) -> Iterator[None]:
        """As in a process of ours."""
        configure_logs("error", stream=io.StringIO())
        yield
        structlog.reset_defaults()

    @pytest.fixture(autouse=True)
    def impatience(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Half a minute is waited for another writer, and as long again by who comes behind."""
        monkeypatch.setattr(engines, "BUSY_SECONDS", 3)

    @pytest.fixture
    def gateway_settings(self, row: Row, request: pytest.FixtureRequest) -> dict[str, Any]:
        stored = {"database_url": request.getfixturevalue("new_postgres_url")} if row.database else {}
        return {**row.settings, **stored}

    @pytest.fixture
    async def house(
        self, stores_home: Path, gateway_settings: dict[str, Any], row: Row
    ) -> AsyncIterator[House]:
        async with AsyncExitStack() as stack:
            yield await build(stack, stores_home, gateway_settings, None, **row.ports())

    async def test_is_answered(self, house: House, row: Row) -> None:
        reply = await row.ask(house)
        told = in_openai_shape(reply) if row.shape == "openai" else in_problem_shape(reply, row.kind)
        assert (reply.status_code, told["code"]) == (row.kind.status, row.kind.code), reply.text
        assert told["request_id"] == reply.headers["x-request-id"]
        assert not [name for name in row.headers if name not in reply.headers]
        if row.kind.status == 402:
            assert reply.headers["cache-control"] == "no-store"
            assert told["details"]["offers"]
        if row.kind.status == 429 or (row.kind.status == 503 and row.kind.retryable):
            assert int(reply.headers["retry-after"]) >= 1
        if row.kind.status == 500:
            assert (told["message"], told["details"]) == (INTERNAL, {})


def in_openai_shape(reply: httpx.Response) -> dict[str, Any]:
    assert reply.headers["content-type"] == "application/json"
    (told,) = reply.json().values()
    assert set(told) == {"message", "type", "param", "code", "request_id", "details"}
    assert told["type"] == error_type(reply.status_code)
    return dict(told)


def in_problem_shape(reply: httpx.Response, kind: type[EmporionError]) -> dict[str, Any]:
    assert reply.headers["content-type"] == "application/problem+json"
    told = reply.json()
    assert told["type"] == f"urn:emporion:error:{told['code']}"
    assert (told["status"], told["retryable"]) == (reply.status_code, kind.retryable)
    assert told["title"]
    return {**told, "message": told["detail"]}
