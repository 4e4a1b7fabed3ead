"""Runs the invariant campaigns of `contracts/forge`, one for each numbered law, and counts their calls.

    python -m scripts.campaigns [small | check | deep] [--seed N] [--law N] [--artifacts FOLDER] [--json FILE]

Every law has a campaign of its own with a seed of its own: forge walks the same calls for every invariant of
a run, so that one run for all of them would try a thirteenth as much. `small` is such a run, for its speed.
`deep` draws fresh seeds.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1] / "contracts"
PROFILES = ("small", "check", "deep")
LAWS = 13
SAME_SEED = 0x0E3


class CampaignError(RuntimeError):
    """Forge did not do what it was told; the message is its own."""


@dataclass(frozen=True)
class Campaign:
    """What one invariant did: `calls` is the number of actions after each of which it was asked."""

    name: str
    passed: bool
    reason: str
    runs: int
    calls: int
    seed: int


def forge_program() -> Path:
    """The forge that npm installed."""
    return ROOT / "node_modules" / ".bin" / ("forge.cmd" if os.name == "nt" else "forge")


def forge(arguments: Sequence[str], *, profile: str, artifacts: str = "artifacts") -> str:
    """What forge prints. Raises CampaignError where it cannot; a failed test is no error here."""
    compiler = "./solc-node.cmd" if os.name == "nt" else "./solc-node.js"
    environment = {**os.environ, "FOUNDRY_PROFILE": profile, "CAMPAIGN_ARTIFACTS": artifacts}
    done = subprocess.run(
        [str(forge_program()), *arguments, "--use", compiler, "--offline"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0 and not done.stdout.startswith("{"):
        raise CampaignError(f"forge {' '.join(arguments)}:\n{done.stdout}{done.stderr}")
    return done.stdout


def build() -> None:
    """Compiles handlers and laws where they changed, so that campaigns that run side by side find them."""
    forge(["build"], profile="small")


def run_law(law: int, profile: str, seed: int, artifacts: str = "artifacts") -> Campaign:
    """Runs the campaign of one law."""
    selected = ["--match-contract", "^Laws$", "--match-test", f"invariant_Law{law:02}_"]
    output = forge(
        ["test", *selected, "--fuzz-seed", str(seed), "--json"], profile=profile, artifacts=artifacts
    )
    found = campaigns_in(json.loads(output), seed)
    if len(found) != 1:
        raise CampaignError(f"law {law} has {len(found)} invariants named after it, not one")
    return found[0]


def scenes() -> dict[str, str]:
    """Why each test beside the laws failed, by name, empty where it passed: the long walk, and collusions."""
    output = forge(["test", "--no-match-contract", "^Laws$", "--json"], profile="small")
    results = [item for suite in json.loads(output).values() for item in suite["test_results"].items()]
    return {
        name.removesuffix("()"): "" if result["status"] == "Success" else str(result["reason"])
        for name, result in results
    }


def campaigns_in(answer: dict[str, Any], seed: int) -> list[Campaign]:
    """The invariants in forge's JSON."""
    results = [item for suite in answer.values() for item in suite["test_results"].items()]
    return [_campaign(name, result, seed) for name, result in results if "Invariant" in result["kind"]]


def _campaign(name: str, result: dict[str, Any], seed: int) -> Campaign:
    kind, passed = result["kind"]["Invariant"], result["status"] == "Success"
    reason = str(result["reason"] or "")
    if not passed:
        reason += f"\n{json.dumps(result['counterexample'], indent=1)}"
    return Campaign(name.removesuffix("()"), passed, reason, kind["runs"], kind["calls"], seed)


def run_together(profile: str, seed: int, artifacts: str = "artifacts") -> list[Campaign]:
    """Runs one campaign for all laws: quick, and the same calls for each."""
    output = forge(
        ["test", "--match-contract", "^Laws$", "--fuzz-seed", str(seed), "--json"],
        profile=profile,
        artifacts=artifacts,
    )
    return campaigns_in(json.loads(output), seed)


def run_all(profile: str, seed: int, laws: Sequence[int], artifacts: str = "artifacts") -> Iterator[Campaign]:
    """Runs the campaigns, as many at a time as there are processors, and gives each when it is done."""
    build()
    if profile == "small" and len(laws) == LAWS:
        yield from run_together(profile, seed, artifacts)
        return
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        yield from pool.map(lambda law: run_law(law, profile, seed + law, artifacts), laws)


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; exit code 1 where a law was broken."""
    parser = argparse.ArgumentParser(prog="python -m scripts.campaigns", description="Attack the laws.")
    parser.add_argument("profile", nargs="?", choices=PROFILES, default="check")
    parser.add_argument("--seed", type=int, help="repeats a campaign; the law's number is added")
    parser.add_argument("--law", type=int, action="append", help="only this one; may be repeated")
    parser.add_argument("--artifacts", default="artifacts", help="deploy these, below contracts/")
    parser.add_argument("--json", type=Path, help="write the figures there")
    options = parser.parse_args(arguments)
    fresh = secrets.randbelow(2**32) if options.profile == "deep" else SAME_SEED
    seed = fresh if options.seed is None else options.seed
    print(f"campaigns: profile {options.profile}, seed {seed}", flush=True)
    try:
        laws = options.law or range(1, LAWS + 1)
        found = [told(one) for one in run_all(options.profile, seed, laws, options.artifacts)]
    except CampaignError as error:
        print(error, file=sys.stderr)
        return 1
    broken = sum(not one.passed for one in found)
    print(
        f"campaigns: {len(found) - broken} laws kept, {broken} broken, {sum(c.calls for c in found):,} calls"
    )
    if options.json:
        options.json.write_text(json.dumps([asdict(one) for one in found], indent=1) + "\n", encoding="utf-8")
    return 1 if broken else 0


def told(one: Campaign) -> Campaign:
    """Prints a line for a campaign, and where it failed why."""
    print(f"{'kept  ' if one.passed else 'BROKEN'} {one.name:<52}{one.runs:>6} runs{one.calls:>9,} calls")
    print(end="" if one.passed else f"{one.reason}\n", flush=True)
    return one


if __name__ == "__main__":
    raise SystemExit(main())
