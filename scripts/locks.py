"""Make the lock files again: `python scripts/run.py lock [--upgrade]`.

Every lock holds versions, markers and hashes for all supported systems, and no address: it works behind any
mirror. The dev lock contains the runtime lock, version by version.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from scripts import npm_lock
from scripts.environment import AGAIN, Environment
from scripts.progress import run, told


@dataclass(frozen=True)
class Lock:
    """A lock file and what of pyproject.toml goes into it."""

    file: str
    selection: tuple[str, ...]


LOCKS = (
    Lock("requirements-setup.lock", ("--group", "setup")),
    Lock("requirements.lock", ("pyproject.toml",)),
    Lock(
        "requirements-traces.lock",
        ("pyproject.toml", "--extra", "traces", "--constraint", "requirements.lock"),
    ),
    Lock("requirements-dev.lock", ("pyproject.toml", "--group", "dev", "--constraint", "requirements.lock")),
    Lock("requirements-model.lock", ("--group", "model", "--no-deps")),
    Lock("requirements-litellm.lock", ("--group", "litellm")),
    Lock("examples/langchain/requirements.lock", ("examples/langchain/requirements.in",)),
    Lock("examples/ray_serve/requirements.lock", ("examples/ray_serve/requirements.in",)),
)
NPM_FOLDERS = ("contracts", "examples/typescript")
STYLE = (
    "--universal",
    "--python-version=3.11",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--no-header",
    "--no-annotate",
    "--quiet",
)


def write(environment: Environment, arguments: Sequence[str]) -> int:
    """Write every lock; versions stay unless they no longer fit or `--upgrade` is among the arguments.

    Raises:
        SetupError: no set of versions fits, or the registry does not answer.
    """
    uv = str(environment.program("uv"))
    for lock in LOCKS:
        with told(f"Locking {lock.file}"):
            command = [uv, "pip", "compile", *STYLE, *lock.selection, *arguments, "--output-file", lock.file]
            run(command, cwd=environment.root, fix=AGAIN)
    for folder in NPM_FOLDERS:
        with told(f"Locking {folder}/package-lock.json"):
            npm_lock.write(environment.root / folder)
    return 0
