"""The documents keep up with the code.

each setting, error code, route and command
└── stands in the README or in docs/, as code
the generated tables
└── are what the code gives now (`python scripts/run.py docs` refreshes them)
each local link
└── leads to a file, and to a heading where it names one
each defect of peers
└── names a test that exists, and asserts something
the finders
├── know settings, errors, routes and commands
└── take the first sentence of what a route says about itself
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts import reference
from scripts.tables import SOURCES, refreshed, table

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"```.*?```", re.DOTALL)


def pages() -> list[Path]:
    written = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return sorted(written)


def local_links(page: Path) -> Iterator[str]:
    for target in LINK.findall(CODE.sub("", page.read_text(encoding="utf-8"))):
        if not re.match(r"[a-z]+:", target):
            yield target


def anchors(page: Path) -> set[str]:
    """The anchors a forge makes of the headings: lower case, punctuation out, spaces to hyphens."""
    headings = re.findall(r"^#+ (.*)$", CODE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def leads_somewhere(page: Path, target: str) -> bool:
    path, _, anchor = target.partition("#")
    file = (page.parent / path).resolve() if path else page
    return file.exists() and (not anchor or file.suffix != ".md" or anchor in anchors(file))


class TestEachEntry:
    @pytest.mark.parametrize("kind", SOURCES)
    def test_is_documented(self, kind: str) -> None:
        text = "\n".join(
            page.read_text(encoding="utf-8") for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
        )
        entries = SOURCES[kind]()
        missing = [entry.name for entry in entries if f"`{entry.name}" not in text]
        assert entries
        assert not missing, f"{kind} nowhere in README.md or docs/: {missing}; python scripts/run.py docs"

    @pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
    def test_is_as_the_code_has_it(self, page: Path) -> None:
        text = page.read_text(encoding="utf-8")
        assert refreshed(text) == text, f"{page.name} is behind the code; python scripts/run.py docs"


class TestLinks:
    @pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
    def test_lead_somewhere(self, page: Path) -> None:
        dead = [target for target in local_links(page) if not leads_somewhere(page, target)]
        assert not dead

    def test_to_nowhere_are_found(self, tmp_path: Path) -> None:
        page = tmp_path / "a.md"
        page.write_text("# The way\n[x](b.md) [y](#the-way) [z](#nowhere) [w](https://example.org/c.md)\n")
        assert [link for link in local_links(page) if not leads_somewhere(page, link)] == ["b.md", "#nowhere"]


def function_of(name: str) -> ast.AST | None:
    """The function a test's name leads to: `file::Class::test` or `file::test`."""
    path, *inside = name.split("::")
    file = ROOT / path
    node: ast.AST | None = ast.parse(file.read_text(encoding="utf-8")) if file.is_file() else None
    for step in inside:
        children = () if node is None else ast.iter_child_nodes(node)
        node = next((child for child in children if getattr(child, "name", None) == step), None)
    return node


class TestDefectsOfPeers:
    def rows(self) -> dict[str, str]:
        page = (ROOT / "docs" / "peer-defects.md").read_text(encoding="utf-8")
        return dict(re.findall(r"^\| (.+?) \| `(tests/.+?)` \|$", page, re.MULTILINE))

    def test_each_have_one_test_that_exists(self) -> None:
        found = self.rows()
        assert len(found) == len(set(found.values())) == 16
        for defect, name in found.items():
            test = function_of(name)
            assert isinstance(test, ast.FunctionDef | ast.AsyncFunctionDef), f"{defect}: no {name}"
            assert any(isinstance(part, ast.Assert | ast.With) for part in ast.walk(test)), name

    def test_name_that_leads_nowhere_is_found(self) -> None:
        assert function_of("tests/test_docs.py::TestNothing::test_x") is None
        assert function_of("tests/test_nothing.py::test_x") is None


class TestFinders:
    def test_know_settings_and_errors(self) -> None:
        assert "EMPORION_HOME" in {entry.name for entry in reference.settings()}
        assert ("payment_required", "402") in {(entry.name, entry.columns[0]) for entry in reference.errors()}

    def test_know_routes_and_commands(self) -> None:
        assert {"POST /v1/chat/completions", "GET /healthz"} <= {entry.name for entry in reference.routes()}
        assert {"emporion demo", "emporion keys new"} <= {entry.name for entry in reference.commands()}

    @pytest.mark.parametrize(
        "text", ["One model. More.", "One\nmodel. More.", "One model.", "One model.\n\nMore. Of it."]
    )
    def test_take_the_first_sentence(self, text: str) -> None:
        assert reference.first_sentence(text) == "One model."

    def test_make_a_table_of_entries(self) -> None:
        entries = [reference.Entry("a", ("x | y",))]
        assert table(("name", "meaning"), entries) == "| name | meaning |\n| --- | --- |\n| `a` | x \\| y |\n"
