"""The developer targets: what each one is for and what it runs."""

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from scripts import checks, locks
from scripts.environment import ROOT, Environment, prepare
from scripts.progress import SetupError, say
from scripts.services import tell_servers

Arguments = Sequence[str]


@dataclass(frozen=True)
class Target:
    """A name on the command line."""

    help: str
    work: Callable[[Environment, Arguments], int]
    dev: bool = True
    """Whether it needs the tools for tests and checks."""
    standing: bool = True
    """Whether it needs the set-up at all."""


def start(
    environment: Environment, program: str, *arguments: str, env: Mapping[str, str] | None = None
) -> int:
    """Run a program of the environment in the project's folder and give back its status.

    Ctrl-C goes to the program, which knows how to stop; this process waits for it.
    """
    command = [str(environment.program(program)), *arguments]
    with subprocess.Popen(command, cwd=environment.root, env=env) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue


def emporion(*fixed: str) -> Callable[[Environment, Arguments], int]:
    """A target that is a command of `emporion`."""
    return lambda environment, arguments: start(environment, "emporion", *fixed, *arguments)


def module(name: str, *fixed: str) -> Callable[[Environment, Arguments], int]:
    """A target that is a module with a command line of its own."""
    return lambda environment, arguments: start(environment, "python", "-m", name, *fixed, *arguments)


PARTS, WHOLE = ("-m", "not integration"), ("-m", "integration")
STEALING = ("--dist", "worksteal")
A_FILE_EACH = ("--dist", "loadfile", "--no-loadscope-reorder")
"""The tests of the whole that are in one file share the world that they start."""


def test(environment: Environment, arguments: Arguments) -> int:
    """Run the tests of the parts; with arguments, which go to pytest, those they pick among all tests."""
    return _pytest(environment, arguments or PARTS, STEALING)


def integration(environment: Environment, arguments: Arguments) -> int:
    """Run the tests of the whole; arguments go to pytest."""
    return _pytest(environment, [*WHOLE, *arguments], A_FILE_EACH)


def _pytest(environment: Environment, arguments: Arguments, shared: Arguments) -> int:
    """On all processors, the work `shared` in that way; a `-n` among the arguments is honoured.

    There are two processes more than processors, as much of the tests waits for chains and servers. Compiled
    modules are kept, whatever the environment says: every process would compile all of them anew.
    """
    tell_servers()
    spread = (
        []
        if any(argument.startswith(("-n", "--pdb", "--dist")) for argument in arguments)
        else ["-n", str((os.cpu_count() or 1) + 2), *shared]
    )
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return start(environment, "python", "-m", "pytest", *spread, *arguments, env=env)


def deep(environment: Environment, arguments: Arguments) -> int:
    """Run the tests of random inputs with thousands of fresh ones each; takes as long as it takes.

    With arguments, which go to pytest, those tests alone; else Halmos and the deep campaigns too.
    """
    status = _pytest(
        environment, ["--hypothesis-profile=deep", "--timeout=3600", "-m", "hypothesis", *arguments], STEALING
    )
    if arguments:
        return status
    longer = (("scripts.halmos", "all"), ("scripts.campaigns", "deep"))
    return max(status, *(start(environment, "python", "-m", *command) for command in longer))


def coverage(environment: Environment, arguments: Arguments) -> int:
    """Run all tests and print the share of lines and branches it comes by, package by package."""
    status = _pytest(environment, ["--cov", "--cov-report=", *arguments], A_FILE_EACH)
    return start(environment, "python", "-m", "scripts.covered") or status


def nothing(_environment: Environment, _arguments: Arguments) -> int:
    """The set-up is all there is to do."""
    say("Emporion is set up: .venv/ and contracts/node_modules/ are current.")
    return 0


def clean(environment: Environment, _arguments: Arguments) -> int:
    """Remove caches and everything the set-up made; state in EMPORION_HOME stays."""
    names = (
        ".venv",
        ".setup",
        ".pytest_cache",
        ".mypy_cache",
        ".ruff_cache",
        ".hypothesis",
        "contracts/node_modules",
        "contracts/.forge",
    )
    for name in names:
        folder = environment.root / name
        if folder.exists():
            say(f"removing {name}")
            shutil.rmtree(folder)
    return 0


TARGETS = {
    "demo": Target(
        "watch the whole economy work on this machine (--report FILE for JSON)", emporion("demo"), dev=False
    ),
    "devnet": Target(
        "a development chain with everything deployed, indexed and served", emporion("devnet"), dev=False
    ),
    "test": Target("the tests of the parts; with arguments, which go to pytest, of everything", test),
    "integration": Target("the tests of the whole: processes, browsers, replicas, tools", integration),
    "deep": Target("random inputs by the thousand: tests, Halmos, the deep campaigns", deep),
    "coverage": Target("all tests, and the share of each package that it comes by", coverage),
    "check": Target("formatting, types, architecture, Slither, Halmos and the campaigns", checks.check),
    "contracts": Target("compile the contracts and write contracts/artifacts/", module("contracts.compile")),
    "gas": Target("measure gas, rewrite tests/contracts/gas.json, print the table", module("scripts.gas")),
    "bench": Target(
        "the gateway beside others, writes docs/benchmarks.* (or names of parts)", module("scripts.bench")
    ),
    "bench-indexer": Target(
        "our indexer and Ponder on the same chain, in turns (--small, --json FILE)",
        module("scripts.bench_indexer"),
    ),
    "simulate": Target(
        "a thousand seeded lives of the indexer (--seeds N, --jobs N; --kills N)", module("scripts.simulate")
    ),
    "docs": Target("refresh the generated tables in docs/", module("scripts.tables")),
    "lock": Target("make the lock files again (--upgrade for newer versions)", locks.write, dev=False),
    "setup": Target("only the set-up", nothing),
    "clean": Target("remove the environment, the toolchain and caches", clean, standing=False),
}


def usage() -> str:
    """The list of targets, one a line."""
    lines = [f"  {name:<13} {target.help}" for name, target in TARGETS.items()]
    return "\n".join(["usage: python scripts/run.py TARGET [arguments]", "", *lines])


def main(arguments: Arguments) -> int:
    """Set up what the target needs and run it; the status is the target's, or 2 for a target nobody knows."""
    if not arguments or arguments[0] in ("help", "-h", "--help"):
        print(usage())
        return 0
    target = TARGETS.get(arguments[0])
    if target is None:
        say(f"there is no target {arguments[0]!r}\n\n{usage()}")
        return 2
    try:
        environment = prepare(dev=target.dev) if target.standing else Environment(ROOT)
        return target.work(environment, arguments[1:])
    except SetupError as error:
        say(f"\nStopped: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
