"""The OpenAPI document holds: what it says is what the running gateway does.

├── schemathesis, with a session and with no credential: within bounds, no 5xx, no undocumented status, media
│   type or shape, on every route
├── every documented example of a model route is served
└── every refusal has the shape of its route
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from backend.gateway.error_replies import is_model_route, is_oauth_route
from tests.backend.gateway.conftest import METERED, MODEL, PASS, House, address_of, bearer
from tests.backend.market import holding, tab

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
ENDLESS = "/v1/activity/stream"
pytestmark = pytest.mark.timeout(400)


class TestSchemathesis:
    @pytest.fixture
    def gateway_settings(self) -> dict[str, Any]:
        return {"max_lag_seconds": 100_000}  # nobody mines while it runs

    @pytest.mark.integration
    async def test_finds_nothing_without_a_credential(self, house: House, tmp_path: Path) -> None:
        """Every route, the endless one alone left out: who proves nothing is refused as the document says."""
        said = await run(
            *("run", f"{house.url}/openapi.json", "--checks", CHECKS, "--exclude-path", ENDLESS),
            *("--exclude-path", "/readyz", "--max-examples", "1", "--seed", "1"),
            *("--phases", "examples,fuzzing", "--workers", "1", "--no-color"),
            "--suppress-health-check=filter_too_much",
            at=tmp_path,
        )
        assert said[0] == 0, said[1][-40_000:]

    @pytest.mark.integration
    async def test_finds_nothing(self, house: House, tmp_path: Path) -> None:
        await house.mine(holding(PASS, address_of(house.buyer)), tab(METERED, 10, address_of(house.buyer)))
        token = await house.sign_in(house.buyer)
        said = await run(
            *("run", f"{house.url}/openapi.json", "--checks", CHECKS, "--exclude-path", ENDLESS),
            *(
                "--exclude-path",
                "/v1/auth/logout",
                "--exclude-path",
                "/readyz",
                "--exclude-path",
                "/v1/account",
            ),
            *("-H", f"Authorization: Bearer {token}", "--max-examples", "4", "--seed", "1"),
            *("--phases", "examples,coverage,fuzzing", "--workers", "1", "--no-color"),
            "--suppress-health-check=filter_too_much",
            at=tmp_path,
        )
        assert said[0] == 0, said[1][-40_000:]


class TestExamples:
    async def test_are_served(self, house: House, pass_key: str) -> None:
        document = (await house.http.get("/openapi.json")).json()
        found = {
            path: example
            for path, entry in document["paths"].items()
            if is_model_route(path) and "post" in entry
            for example in every(entry["post"]["requestBody"], "example")
        }
        assert len(found) == 6
        for path, example in found.items():
            assert example["model"] == MODEL
            reply = await house.http.post(path, json=example, headers=bearer(pass_key))
            assert reply.status_code == 200, reply.text

    async def test_every_problem_has_one_shape(self, house: House) -> None:
        document = (await house.http.get("/openapi.json")).json()
        for path, entry in document["paths"].items():
            for operation in entry.values():
                refusals = [answer for status, answer in operation["responses"].items() if status >= "400"]
                assert refusals
                if path != "/readyz":
                    plain = is_model_route(path) or is_oauth_route(path)
                    shape = "application/json" if plain else "application/problem+json"
                    assert all(list(answer["content"]) == [shape] for answer in refusals), path


async def run(*arguments: str, at: Path) -> tuple[int, str]:
    """The tool in a process of its own: the gateway answers it from this one."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "schemathesis.cli", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=at,
    )
    said, _ = await process.communicate()
    return int(process.returncode or 0), said.decode("utf-8", "replace")


def every(document: Any, name: str) -> Any:
    """Values of a key anywhere in a document."""
    if isinstance(document, dict):
        for key, value in document.items():
            if key == name:
                yield value
            yield from every(value, name)
    elif isinstance(document, list):
        for value in document:
            yield from every(value, name)
