"""The page and the data of the benchmarks.

write
├── makes both where there is none
├── replaces its own section, in both
├── keeps the others, and their order, whoever writes first
└── keeps a section nobody knows
"""

import json
from pathlib import Path

from scripts.benchmarks_file import HEAD, write


def read(folder: Path) -> tuple[str, dict[str, object]]:
    page = (folder / "benchmarks.md").read_text(encoding="utf-8")
    return page, json.loads((folder / "benchmarks.json").read_text(encoding="utf-8"))


class TestWrite:
    def test_makes_both(self, tmp_path: Path) -> None:
        write("gateway", "## Gateway\n\nA table.", {"rss_mb": {"ours": 1}}, tmp_path)
        page, data = read(tmp_path)
        assert page == (
            f"{HEAD}\n<!-- section: gateway -->\n## Gateway\n\nA table.\n<!-- end of section -->\n"
        )
        assert data == {"gateway": {"rss_mb": {"ours": 1}}}

    def test_replaces_its_own(self, tmp_path: Path) -> None:
        write("gateway", "## Gateway\n\nOld.", {"old": 1}, tmp_path)
        write("gateway", "## Gateway\n\nNew.", {"new": 2}, tmp_path)
        page, data = read(tmp_path)
        assert "Old." not in page
        assert page.count("## Gateway") == page.count("New.") == 1
        assert data == {"gateway": {"new": 2}}

    def test_keeps_the_others_in_order(self, tmp_path: Path) -> None:
        write("indexer", "## Indexer\n\n| a | b |", {"cold_cpu": {"ours": 1}}, tmp_path)
        write("gateway", "## Gateway\n\nA table.", {"rss_mb": {"ours": 2}}, tmp_path)
        page, data = read(tmp_path)
        assert page.index("## Gateway") < page.index("## Indexer\n\n| a | b |\n")
        assert list(data) == ["gateway", "indexer"]
        assert data["indexer"] == {"cold_cpu": {"ours": 1}}

    def test_keeps_one_nobody_knows(self, tmp_path: Path) -> None:
        write("proofs", "## Proofs\n\nText.", {}, tmp_path)
        write("indexer", "## Indexer\n\nText.", {}, tmp_path)
        page, data = read(tmp_path)
        assert page.index("## Indexer") < page.index("## Proofs")
        assert list(data) == ["indexer", "proofs"]
