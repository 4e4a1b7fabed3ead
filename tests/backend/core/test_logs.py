"""Logs.

redact
├── given a field named like a secret: it should hide the value
├── given a key, a bearer token or a password in a URL inside a text: it should hide that part
└── given anything else: it should leave it
configure_logs
├── given json: it should write one object a line with event, level and fields
└── given a crash: no local value of any frame, no secret of its message, in both styles, and at once
"""

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from backend.core.logs import REDACTED, configure_logs, get_logger, redact


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    yield
    structlog.reset_defaults()


class TestRedact:
    @pytest.mark.parametrize(
        "name", ["password", "api_key", "Authorization", "session_token", "prompt", "master_key"]
    )
    def test_given_a_secret_field_hides_it(self, name: str) -> None:
        assert redact(None, "info", {"event": "a.b", name: "value"})[name] == REDACTED

    @pytest.mark.parametrize("text", ["emp_live_ab_cd", "Bearer abc.def", "postgres://user:pass@host/x"])
    def test_given_a_secret_inside_a_text_hides_it(self, text: str) -> None:
        shown = redact(None, "info", {"event": "a.b", "note": f"got {text}"})["note"]
        assert REDACTED in shown
        assert not any(part in shown for part in ("ab_cd", "abc.def", "pass@"))

    def test_given_anything_else_leaves_it(self) -> None:
        fields = {"event": "indexer.reorg.rewound", "depth": 3, "tokens_in": 7, "url": "http://127.0.0.1:1"}
        assert redact(None, "info", dict(fields)) == fields


class TestConfigureLogs:
    def test_given_json_writes_an_object_a_line(self) -> None:
        out = io.StringIO()
        configure_logs("info", "json", out)
        get_logger("indexer").info("indexer.reorg.rewound", depth=3)
        get_logger("indexer").debug("indexer.quiet")
        (line,) = out.getvalue().splitlines()
        shown = json.loads(line)
        assert (shown["event"], shown["depth"], shown["level"]) == ("indexer.reorg.rewound", 3, "info")
        assert shown["component"] == "indexer"

    @pytest.mark.parametrize("style", ["console", "json"])
    def test_given_a_crash_writes_no_local_value(self, style: Any) -> None:
        """Prompts, answers and keys are locals of the frames that crash."""
        out = io.StringIO()
        configure_logs("info", style, out)

        def crash(said_by_the_caller: str) -> None:
            raise ValueError(f"postgres://user:{'2'.join('hr')}@host/x does not answer")

        try:
            crash("nobody may read".upper())
        except ValueError:
            get_logger("gateway").exception("gateway.request.crashed")
        shown = out.getvalue()
        assert "does not answer" in shown
        assert "in crash" in shown
        assert "NOBODY MAY READ" not in shown
        assert "h2r@" not in shown
