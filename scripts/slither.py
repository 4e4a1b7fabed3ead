"""Runs Slither on the contracts as they are deployed; every finding has a reason in `contracts/slither.toml`.

python -m scripts.slither
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from scripts.campaigns import ROOT, CampaignError, forge, forge_program

REASONS = ROOT / "slither.toml"


@dataclass(frozen=True, order=True)
class Finding:
    """A detector's name, and the function or variable it points at, such as `AccessToken.buy`."""

    check: str
    where: str


@dataclass(frozen=True)
class Reasons:
    """What is right as it is: whole detectors, and single findings."""

    detectors: frozenset[str]
    findings: frozenset[Finding]

    @classmethod
    def read(cls, text: str) -> Reasons:
        """Parses `slither.toml`; every reason must be given."""
        content = tomllib.loads(text)
        entries = [entry for entry in content["finding"] if entry["why"]]
        return cls(
            frozenset(name for name, why in content["detectors"].items() if why),
            frozenset(Finding(entry["check"], entry["where"]) for entry in entries),
        )

    def unexplained(self, found: Iterable[Finding]) -> list[Finding]:
        """Findings without a reason."""
        return sorted(one for one in set(found) - self.findings if one.check not in self.detectors)

    def idle(self, found: Iterable[Finding]) -> list[str]:
        """Reasons without a finding."""
        checks = {one.check for one in found}
        gone = [f"{one.check} in {one.where}" for one in sorted(self.findings - set(found))]
        return gone + sorted(self.detectors - checks)


def findings_in(answer: dict[str, Any]) -> dict[Finding, str]:
    """Slither's description of each finding in its JSON."""
    return {
        Finding(found["check"], _place(found["elements"][0])): str(found["description"])
        for found in answer["results"].get("detectors", [])
    }


def _place(element: dict[str, Any]) -> str:
    parent = element.get("type_specific_fields", {}).get("parent", {})
    if parent.get("type") == "function":
        return _place(parent)
    return f"{parent['name']}.{element['name']}" if parent.get("type") == "contract" else str(element["name"])


def run() -> dict[Finding, str]:
    """Compiles the sources and runs Slither on them. Raises CampaignError where either fails."""
    shutil.rmtree(ROOT / ".forge" / "slither", ignore_errors=True)
    forge(["build"], profile="slither")
    with TemporaryDirectory() as folder:
        target = Path(folder) / "slither.json"
        # Slither asks forge where things are.
        path = f"{forge_program().parent}{os.pathsep}{os.environ.get('PATH', '')}"
        program = Path(sys.executable).with_name("slither.exe" if os.name == "nt" else "slither")
        done = subprocess.run(
            [str(program), ".", "--config-file", "slither.config.json", "--json", str(target)],
            cwd=ROOT,
            env={**os.environ, "PATH": path, "FOUNDRY_PROFILE": "slither"},
            capture_output=True,
            text=True,
            check=False,
        )
        if not target.is_file():
            raise CampaignError(f"slither left with status {done.returncode}:\n{done.stderr[-4_000:]}")
        answer = json.loads(target.read_text(encoding="utf-8"))
    if not answer["success"]:
        raise CampaignError(f"slither: {answer['error']}")
    return findings_in(answer)


def main() -> int:
    """Entry point; exit code 1 where a finding has no reason, or a reason no finding."""
    reasons = Reasons.read(REASONS.read_text(encoding="utf-8"))
    try:
        found = run()
    except CampaignError as error:
        print(error, file=sys.stderr)
        return 1
    unexplained, idle = reasons.unexplained(found), reasons.idle(found)
    for one in unexplained:
        print(f"not explained in contracts/slither.toml: {found[one]}")
    for text in idle:
        print(f"explained in contracts/slither.toml but not found any more: {text}")
    print(f"slither: {len(found)} findings, {len(unexplained)} not explained, {len(idle)} reasons left over")
    return 1 if unexplained or idle else 0


if __name__ == "__main__":
    raise SystemExit(main())
