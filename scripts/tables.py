"""Write the tables that repeat the code between their markers in docs/: `python scripts/run.py docs`.

A marker pair is `<!-- table: settings -->` and `<!-- end of table -->`, each on a line of its own.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from scripts import reference
from scripts.environment import ROOT
from scripts.progress import say

MARKED = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end of table -->)", re.DOTALL)
HEADS: dict[str, tuple[str, ...]] = {
    "settings": ("variable", "default", "meaning"),
    "errors": ("code", "status", "retryable", "meaning"),
    "routes": ("route", "meaning"),
    "commands": ("command", "meaning"),
}
SOURCES: dict[str, Callable[[], list[reference.Entry]]] = {
    "settings": reference.settings,
    "errors": reference.errors,
    "routes": reference.routes,
    "commands": reference.commands,
}


def table(heads: Sequence[str], entries: Sequence[reference.Entry]) -> str:
    """A Markdown table whose first column is code."""
    rows = [heads, ["---"] * len(heads), *((f"`{entry.name}`", *entry.columns) for entry in entries)]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |\n" for row in rows)


def refreshed(text: str) -> str:
    """The text with every marked table made anew."""

    def anew(match: re.Match[str]) -> str:
        return match[1] + table(HEADS[match[2]], SOURCES[match[2]]()) + match[3]

    return MARKED.sub(anew, text)


def main() -> None:
    """Refresh every page and say which changed."""
    for page in sorted((ROOT / "docs").glob("*.md")):
        text = page.read_text(encoding="utf-8")
        fresh = refreshed(text)
        if fresh != text:
            Path(page).write_text(fresh, encoding="utf-8")
            say(f"refreshed {page.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
