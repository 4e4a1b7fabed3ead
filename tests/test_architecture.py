"""The rules of the house hold in this tree, and each check finds a violation planted in another.

the project
└── every rule: no violation; what is broken is named by file, line and rule
each check, on a planted tree
├── a violation is found, at its line
└── what is allowed passes
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.architecture import arrows, dependencies, habits, sizes, texts
from tests.architecture.sources import Violation

Check = Callable[[Path], list[Violation]]
ROOT = Path(__file__).resolve().parent.parent


def found_by(finder: habits.Finder, *trees: str) -> Check:
    return lambda root: habits.check(root, finder, *trees)


CHECKS: dict[str, Check] = {
    "arrows": arrows.check_arrows,
    "owners": arrows.check_owners,
    "dependencies": dependencies.check_dependencies,
    "environment": found_by(habits.environment_reads),
    "commit": found_by(habits.commits),
    "queries": found_by(habits.queries),
    "exceptions": found_by(habits.bare_exceptions),
    "import": found_by(habits.built_at_import),
    "storage": found_by(habits.stored_fractions),
    "patching": found_by(habits.patched_modules, "tests"),
    "function size": sizes.check_functions,
    "function share": sizes.check_share,
    "file size": sizes.check_files,
    "names": sizes.check_names,
    "promises": texts.check_promises,
    "reverts": texts.check_reverts,
}

LONG = "def long() -> None:\n" + "    pass\n" * 50
PLANTED = [
    ("arrows", "backend/gateway/routes/chat.py", "import os\nfrom backend.chain import client\n", 2),
    ("arrows", "backend/catalog/service.py", "from ..meter import service\n", 1),
    ("arrows", "backend/client/api.py", "from backend.core import settings\n", 1),
    (
        "arrows",
        "backend/meter/x.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import indexer\n",
        3,
    ),
    (
        "arrows",
        "indexer/loop.py",
        "def f():\n    import importlib\n    importlib.import_module('backend.cli.main')\n",
        3,
    ),
    ("arrows", "backend/novelty/service.py", "", 1),
    ("arrows", "contracts/artifacts.py", "import scripts.run\n", 1),
    ("owners", "contracts/artifacts.py", "import solcx\n", 1),
    ("owners", "backend/accounts/service.py", "import siwe\n", 1),
    ("owners", "backend/inference/upstream.py", "import aiohttp\n", 1),
    ("owners", "backend/feed/service.py", "from urllib.request import urlopen\n", 1),
    ("dependencies", "backend/net/client.py", "import json\nimport aiohttp\n", 2),
    ("dependencies", "tests/test_x.py", "def f():\n    from nobodys.package import x\n", 2),
    ("environment", "backend/cli/main.py", "import os\n\nHOME = os.environ['HOME']\n", 3),
    ("environment", "indexer/loop.py", "from os import getenv\n", 1),
    ("commit", "backend/meter/service.py", "async def f(s):\n    await s.commit()\n", 2),
    ("queries", "backend/meter/service.py", "from sqlmodel import select\n", 1),
    ("exceptions", "backend/meter/service.py", "raise Exception('no')\n", 1),
    ("exceptions", "backend/meter/service.py", "def f():\n    raise NotImplementedError\n", 2),
    ("import", "backend/gateway/app.py", "from fastapi import FastAPI\n\napp = FastAPI()\n", 3),
    ("storage", "backend/db/tables/meter.py", "class Tab:\n    paid: float\n", 2),
    ("patching", "tests/test_x.py", "from unittest.mock import patch\n", 1),
    ("patching", "tests/test_x.py", "def test(monkeypatch):\n    monkeypatch.setattr('backend.a.b', 1)\n", 2),
    ("function size", "backend/meter/service.py", "\n" + LONG, 2),
    ("function share", "indexer/loop.py", LONG, 1),
    ("file size", "scripts/big.py", "\n" * 400, 400),
    ("file size", "contracts/src/Big.sol", "\n" * 600, 600),
    ("file size", "README.md", "\n" * 150, 150),
    ("names", "backend/meter/utils.py", "", 1),
    ("names", "tests/helpers/x.py", "", 1),
    ("promises", "docs/concepts.md", "fine\nTO" + "DO later\n", 2),
    ("reverts", "contracts/src/A.sol", "// require(a)\nrequire(f(a, b),\n 'x');".replace("'", '"'), 2),
    ("reverts", "contracts/src/A.sol", "revert();", 1),
]
ALLOWED = [
    (
        "arrows",
        "backend/client/api.py",
        "from backend.core import units\nfrom backend.core.units import Wei\n",
    ),
    ("arrows", "backend/cli/main.py", "import indexer.loop\nfrom backend import gateway\n"),
    ("arrows", "backend/meter/service.py", "from . import repository\nfrom .schemas import Tab\n"),
    ("owners", "backend/accounts/service.py", "def check():\n    import siwe\n"),
    (
        "owners",
        "backend/feed/x.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import aiohttp\n",
    ),
    ("environment", "backend/core/settings.py", "import os\nos.environ\n"),
    ("commit", "backend/db/session.py", "async def f(s):\n    await s.commit()\n"),
    ("queries", "backend/meter/repository.py", "from sqlmodel import select\n"),
    ("queries", "indexer/reorg.py", "from sqlalchemy import delete\n"),
    ("import", "backend/gateway/app.py", "def create_app():\n    return FastAPI()\n"),
    ("function size", "a/b.py", 'def f():\n    """x\n' + "\n" * 60 + '    """\n'),
    ("function size", "a/b.py", "def f():\n" + "    @get\n    def g():\n        pass\n" * 20),
    ("function share", "indexer/loop.py", LONG + "def f(): pass\n" * 9),
    (
        "reverts",
        "contracts/src/A.sol",
        "require(ok, Vault_Empty(a, b));\nrevert Vault_Empty(a, b);\nassembly { revert(a, b) }",
    ),
]


def plant(root: Path, path: str, content: str) -> Path:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    return root


class TestTheProject:
    @pytest.mark.parametrize("rule", CHECKS)
    def test_keeps(self, rule: str) -> None:
        violations = CHECKS[rule](ROOT)
        assert not violations, "\n" + "\n".join(map(str, violations))


class TestEachCheck:
    def test_is_tried(self) -> None:
        assert {rule for rule, *_ in PLANTED} == set(CHECKS)

    @pytest.mark.parametrize(("rule", "path", "content", "line"), PLANTED)
    def test_names_what_is_planted(
        self, tmp_path: Path, rule: str, path: str, content: str, line: int
    ) -> None:
        (violation,) = CHECKS[rule](plant(tmp_path, path, content))
        assert (violation.path, violation.line, violation.rule) == (path, line, rule)
        assert str(violation).startswith(f"{path}:{line}: {rule}: ")

    @pytest.mark.parametrize(("rule", "path", "content"), ALLOWED)
    def test_lets_pass_what_is_allowed(self, tmp_path: Path, rule: str, path: str, content: str) -> None:
        assert CHECKS[rule](plant(tmp_path, path, content)) == []
