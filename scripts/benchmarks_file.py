"""docs/benchmarks.md and docs/benchmarks.json: each benchmark writes its section, leaving the others alone.

The page holds a section between `<!-- section: NAME -->` and `<!-- end of section -->`, each on a line of its
own; the JSON holds it under its name.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from scripts.environment import ROOT

ORDER: Final = ("gateway", "indexer")
"""Sections in the page; others follow by name."""
HEAD: Final = """# Benchmarks

What the parts cost beside others that do the same, measured on one machine in turns. Each section says how to
measure it again; that writes this page and [benchmarks.json](benchmarks.json).
"""
SECTION: Final = re.compile(r"<!-- section: (\w+) -->\n(.*?)<!-- end of section -->", re.DOTALL)


def write(name: str, text: str, figures: Mapping[str, Any], folder: Path = ROOT / "docs") -> None:
    """Replace a section by this Markdown (from its `## ` heading on) and these figures."""
    page, data = folder / "benchmarks.md", folder / "benchmarks.json"
    before = page.read_text(encoding="utf-8") if page.exists() else ""
    page.write_text(merged(before, name, text), encoding="utf-8")
    known = json.loads(data.read_text(encoding="utf-8")) if data.exists() else {}
    known[name] = dict(figures)
    every = {one: known[one] for one in sorted(known, key=_place)}
    data.write_text(json.dumps(every, indent=2) + "\n", encoding="utf-8")


def merged(page: str, name: str, text: str) -> str:
    """The page with this section made anew and every other one as it was."""
    sections = dict(SECTION.findall(page)) | {name: f"{text.strip()}\n"}
    told = [
        f"\n<!-- section: {one} -->\n{sections[one]}<!-- end of section -->\n"
        for one in sorted(sections, key=_place)
    ]
    return HEAD + "".join(told)


def _place(name: str) -> tuple[int, str]:
    return (ORDER.index(name) if name in ORDER else len(ORDER), name)
