"""The table of coverage.

totals
├── add up the files of a package, and all of them
└── know packages by their folder
lines
├── give the share of lines and branches together
└── leave it open where there is nothing to cover
"""

from scripts.covered import COUNTS, lines, package, totals


def entry(*counts: int) -> dict[str, dict[str, int]]:
    return {"summary": dict(zip(COUNTS, counts, strict=True))}


class TestTotals:
    def test_add_up_by_package_and_over_all(self) -> None:
        files = {
            "backend/meter/service.py": entry(8, 10, 1, 2),
            "backend/meter/pricing.py": entry(1, 1, 0, 0),
            "indexer/loop.py": entry(0, 5, 0, 2),
        }
        sums = totals(files)
        assert list(sums) == ["backend.meter", "indexer", "total"]
        assert sums["backend.meter"] == dict(zip(COUNTS, (9, 11, 1, 2), strict=True))
        assert sums["total"] == dict(zip(COUNTS, (9, 16, 1, 4), strict=True))

    def test_know_packages_by_their_folder(self) -> None:
        assert package("backend/gateway/routes/chat.py") == "backend.gateway"
        assert package("backend/__init__.py") == "backend"
        assert package("contracts/artifacts.py") == "contracts"


class TestLines:
    def test_give_the_share_of_lines_and_branches(self) -> None:
        assert lines(totals({"indexer/loop.py": entry(8, 10, 1, 2)}))[1].split() == [
            "indexer", "10", "2", "75.0", "%",
        ]  # fmt: skip

    def test_leave_it_open_where_there_is_nothing(self) -> None:
        assert lines(totals({"backend/__init__.py": entry(0, 0, 0, 0)}))[1].split()[-1] == "-"
