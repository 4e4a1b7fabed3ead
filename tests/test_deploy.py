"""What deploy/ says is true of the program.

compose.yaml
├── is of the Compose Specification's schema; mistakes are found
├── names settings that exist, and files that are there
├── its environments, filled in, are settings that are not refused; each part has what it needs
├── asks for every secret, and has a default for none; only nginx is reachable from outside
├── lets Prometheus find each part that has figures, and only figures that exist raise an alert of the runbook
├── runs commands that exist, and lets them drain
└── gives nginx the addresses that the gateways trust and have
the nginx configuration
└── is taken by nginx, with its part for TLS
Dockerfile
└── copies what is there, and .dockerignore lets it through
"""

import json
import os
import re
import secrets
import subprocess
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema.validators import validator_for
from prometheus_client import CollectorRegistry, generate_latest

from backend.cli.serving import DRAIN_SECONDS
from backend.core.settings import PREFIX, Settings, load_settings
from backend.gateway.metrics import GAUGES, Metrics
from backend.metrics.page import MetricsPage
from backend.settlement.metrics import SettlementMetrics
from scripts.reference import commands
from tests.compose_file import COMPOSE, DEPLOY, GATEWAYS, PARTS, ROOT, VARIABLE, filled
from tests.own_servers import nginx_command, prepare_nginx, prepare_tls

PUBLISHED = files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
SCHEMA = validator_for(published := json.loads(PUBLISHED.read_text(encoding="utf-8")))(published)
KNOWN = {PREFIX + name.upper() for name in Settings.model_fields}
OURS_ALONE = {"EMPORION_NAME", "EMPORION_DEPLOYMENT_RECORD", "EMPORION_METER_KEYSTORE_FILE"}
"""Names of compose.yaml itself, which the program never sees."""
EXAMPLE = dict(
    line.split("=", 1)
    for line in (DEPLOY / "env.example").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
)
FILLED = {
    "EMPORION_NAME": "gateway.example.org",
    "EMPORION_RPC_URLS": "https://node.example.org",
    "EMPORION_MASTER_KEY": secrets.token_hex(32),
    "EMPORION_KEYSTORE_PASSWORD": "correct horse",
    "POSTGRES_PASSWORD": "p",
    "REDIS_PASSWORD": "r",
}


def variables() -> Iterator[tuple[str, str]]:
    for found in VARIABLE.finditer((DEPLOY / "compose.yaml").read_text(encoding="utf-8")):
        yield found[1], found[2] or ""


class TestCompose:
    def test_is_of_the_published_schema(self) -> None:
        assert not [f"{list(wrong.absolute_path)}: {wrong.message}" for wrong in SCHEMA.iter_errors(COMPOSE)]

    @pytest.mark.parametrize("wrong", [{"comand": []}, {"ports": [{"publish": 1}]}, {"restart": 5}])
    def test_with_a_mistake_is_found(self, wrong: dict[str, Any]) -> None:
        services = {**COMPOSE["services"], "settle": {**COMPOSE["services"]["settle"], **wrong}}
        assert list(SCHEMA.iter_errors({**COMPOSE, "services": services}))

    @pytest.mark.parametrize("name", PARTS)
    def test_settings_are_not_refused(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        for variable in [one for one in os.environ if one.startswith(PREFIX)]:
            monkeypatch.delenv(variable)
        given = PARTS[name]["environment"]
        assert set(given) <= KNOWN
        for variable, value in given.items():
            monkeypatch.setenv(variable, filled(value, FILLED))
        settings = load_settings()
        assert not settings.devnet
        assert not settings.is_sqlite
        if name != "index":
            assert settings.master_secret()
            assert settings.meter_keystore is not None

    def test_asks_for_secrets_and_has_none(self) -> None:
        found = dict(variables())
        assert set(found) == set(EXAMPLE)
        assert not any(EXAMPLE.values())
        optional = {name for name, mark in found.items() if mark == ":-"}
        assert optional == {"EMPORION_WS_URL", "EMPORION_TRACES_URL"}
        assert {name for name in EXAMPLE if name.startswith(PREFIX)} - KNOWN == OURS_ALONE

    def test_is_reached_by_nginx_alone(self) -> None:
        ports = {name: part["ports"] for name, part in COMPOSE["services"].items() if "ports" in part}
        assert ports == {"nginx": ["443:443"], "prometheus": ["127.0.0.1:9090:9090"]}
        assert COMPOSE["services"]["prometheus"]["profiles"] == ["watch"]

    def test_runs_commands_that_exist(self) -> None:
        known = {entry.name for entry in commands()}
        assert {f"emporion {part['command'][0]}" for part in PARTS.values()} <= known
        assert all(int(part["stop_grace_period"].rstrip("s")) > DRAIN_SECONDS for part in PARTS.values())

    def test_addresses_are_those_trusted(self) -> None:
        services = COMPOSE["services"]
        proxy = services["nginx"]["networks"]["inside"]["ipv4_address"]
        upstreams = {services["nginx"]["environment"][f"GATEWAY_{number}"] for number in (1, 2, 3)}
        assert len(GATEWAYS) == 3
        for name, part in GATEWAYS.items():
            given = part["environment"]
            assert given["EMPORION_TRUSTED_PROXIES"] == proxy
            assert f"{name}:{given['EMPORION_GATEWAY_PORT']}" in upstreams
        assert len({part["networks"]["inside"]["ipv4_address"] for part in GATEWAYS.values()} | {proxy}) == 4

    def test_files_are_there(self) -> None:
        mounts = [mount for part in COMPOSE["services"].values() for mount in part.get("volumes", [])]
        files = [mount.split(":")[0] for mount in mounts if mount.startswith("./")]
        assert files
        assert all((DEPLOY / file).is_file() for file in files)
        told = {name for part in COMPOSE["services"].values() for name in part.get("secrets", [])}
        assert told == set(COMPOSE["secrets"])


class TestPrometheus:
    def test_looks_at_each_part_that_has_figures(self) -> None:
        (job,) = loaded("prometheus.yml")["scrape_configs"]
        (wanted,) = job["static_configs"]
        given = {name: part["environment"].get("EMPORION_METRICS_PORT") for name, part in PARTS.items()}
        assert set(wanted["targets"]) == {f"{name}:{port}" for name, port in given.items() if port}
        assert {name for name, port in given.items() if port} == {*GATEWAYS, "settle"}
        assert loaded("prometheus.yml")["rule_files"] == ["alerts.yml"]

    def test_knows_figures_that_exist(self) -> None:
        registry = CollectorRegistry()
        Metrics(registry)
        SettlementMetrics(registry)
        MetricsPage(registry, GAUGES, nothing)
        known = set(re.findall(r"^# TYPE (\w+)", generate_latest(registry).decode(), re.MULTILINE))
        used = set(re.findall(r"\b(?:emporion|gen_ai)_\w+", " ".join(one["expr"] for one in alerts())))
        assert used
        assert used <= known

    def test_raises_the_signs_of_the_runbook(self) -> None:
        text = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
        signs = text.partition("## Signs")[2]
        assert set(re.findall(r"^\| `([A-Z]\w+)`", signs, re.MULTILINE)) == {one["alert"] for one in alerts()}


async def nothing() -> dict[str, float]:
    return {}


def loaded(name: str) -> Any:
    return yaml.safe_load((DEPLOY / "prometheus" / name).read_text(encoding="utf-8"))


def alerts() -> list[dict[str, str]]:
    (group,) = loaded("alerts.yml")["groups"]
    return list(group["rules"])


class TestNginx:
    def test_takes_the_configuration_with_tls(self, tmp_path: Path) -> None:
        prepare_tls(tmp_path, "gateway.example.org")
        prepare_nginx(tmp_path, "127.0.0.1:443 ssl", ["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"])
        tried = subprocess.run([*nginx_command(tmp_path), "-t"], capture_output=True, text=True, check=False)
        assert tried.returncode == 0, tried.stderr
        assert "[warn]" not in tried.stderr


class TestDockerfile:
    def test_copies_what_is_there(self) -> None:
        lines = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines()
        sources = [
            source
            for line in lines
            if line.startswith("COPY ") and "--from" not in line
            for source in line.split()[1:-1]
        ]
        allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[0] == "!"]
        assert {"backend", "indexer", "contracts/artifacts"} <= set(sources)
        for source in sources:
            assert list(ROOT.glob(source)), source
            assert source in allowed, source
