"""Sources of prices

read_csv
├── given another header: it should say which
└── given wrong lines: it should name each, and keep none
held_at
├── given nothing at or before the time, or only what is too old: none
└── else the last point, to the second
StoredPrices, FilePrices, FeedPrices
├── a time without a price should be left out
├── an import made twice should change nothing, a corrected one should replace
├── prices of another quote should not be mixed in
└── a feed's answer that is not positive should count as none
FirstOf: the first source that knows; sources of two quotes are refused
"""

import pytest

from backend.core.errors import Unprocessable
from backend.db.session import Store
from backend.pricing import repository
from backend.pricing.points import held_at, read_csv
from backend.pricing.ports import RecordedFeeds
from backend.pricing.schemas import NamedPoint, Point
from backend.pricing.service import FeedPrices, FilePrices, FirstOf, Quoted, Source, StoredPrices

DAY = 86_400
JANUARY = 1_767_225_600
FILE = """time,currency,quote,price
2026-01-01,EMP,USD,0.5
2026-01-02,EMP,USD,0.625
1767225600,tUSD,USD,1
2026-01-01,EMP,EUR,0.4
"""


class TestReadCsv:
    def test_names_the_header(self) -> None:
        with pytest.raises(Unprocessable, match="time,currency,quote,price"):
            read_csv("date,price\n2026-01-01,1\n")

    def test_names_every_wrong_line(self) -> None:
        lines = ("yesterday,EMP,USD,1", "2026-01-01,=EMP(),USD,1", "2026-01-01,EMP,USD,-1")
        more = (
            "2026-01-01,EMP,USD,0",
            "2026-01-01,EMP,USD",
            "2026-01-01,EMP,USD,1,2",
            "2026-01-01,EMP,USD,1e3",
        )
        with pytest.raises(Unprocessable) as refused:
            read_csv("\n".join(["time,currency,quote,price", *lines, *more, ""]))
        problems = refused.value.details["problems"]
        assert isinstance(problems, list)
        assert [problem.split(":")[0] for problem in problems] == [f"line {n}" for n in range(2, 9)]

    def test_reads_prices_exactly(self) -> None:
        assert read_csv(FILE)[:2] == [
            NamedPoint("EMP", "USD", Point(JANUARY, 5, 1)),
            NamedPoint("EMP", "USD", Point(JANUARY + DAY, 625, 3)),
        ]


class TestHeldAt:
    def test_picks_the_last_point_that_is_young_enough(self) -> None:
        points = [Point(100, 1, 0), Point(200, 2, 0)]
        assert held_at(points, 99, 50) is None
        assert held_at(points, 199, 100) == points[0]
        assert held_at(points, 200, 100) == points[1]
        assert held_at(points, 250, 50) == points[1]
        assert held_at(points, 251, 50) is None


class TestStored:
    async def test_keeps_each_point_once(self, store: Store) -> None:
        prices = StoredPrices(store)
        assert [await prices.keep(FILE, "file") for _ in range(2)] == [4, 4]
        async with store.read_connection() as db:
            assert await repository.count(db) == 4
        await prices.keep("time,currency,quote,price\n2026-01-01,EMP,USD,0.75\n", "file")
        assert await prices.at("EMP", [JANUARY]) == {JANUARY: Quoted(75, 2)}

    async def test_leaves_out_what_it_does_not_know(self, store: Store) -> None:
        prices = StoredPrices(store)
        await prices.keep(FILE, "file")
        times = [JANUARY - 1, JANUARY + 5, JANUARY + DAY, JANUARY + 2 * DAY + 1]
        assert await prices.at("EMP", times) == {
            JANUARY + 5: Quoted(5, 1),
            JANUARY + DAY: Quoted(625, 3),
        }
        assert await prices.at("ETH", times) == {}
        assert await prices.at("EMP", []) == {}

    async def test_keeps_many(self, store: Store) -> None:
        lines = [f"{JANUARY + n},EMP,USD,{n + 1}" for n in range(450)]
        prices = StoredPrices(store)
        await prices.keep("\n".join(["time,currency,quote,price", *lines]), "file")
        assert (await prices.at("EMP", [JANUARY + 449]))[JANUARY + 449] == Quoted(450, 0)


class TestFile:
    async def test_answers_in_its_quote(self) -> None:
        assert await FilePrices(FILE, quote="EUR").at("EMP", [JANUARY]) == {JANUARY: Quoted(4, 1)}
        with pytest.raises(Unprocessable, match="GBP"):
            FilePrices(FILE, quote="GBP")


class TestFeeds:
    async def test_take_only_positive_answers(self) -> None:
        feeds = RecordedFeeds({"EMP": [Point(JANUARY, 50_000_000, 8), Point(JANUARY + 60, 0, 8)]})
        prices = FeedPrices(feeds)
        assert await prices.at("EMP", [JANUARY + 90]) == {JANUARY + 90: Quoted(50_000_000, 8)}
        assert await prices.at("ETH", [JANUARY]) == {}


class TestFirstOf:
    async def test_asks_the_next_for_what_is_missing(self) -> None:
        feeds: Source = FeedPrices(RecordedFeeds({"EMP": [Point(JANUARY - DAY, 3, 0)]}))
        both = FirstOf(FilePrices(FILE), feeds)
        assert await both.at("EMP", [JANUARY - 1, JANUARY]) == {
            JANUARY - 1: Quoted(3, 0),
            JANUARY: Quoted(5, 1),
        }

    def test_refuses_two_quotes(self) -> None:
        with pytest.raises(ValueError, match="agree"):
            FirstOf(FilePrices(FILE), FilePrices(FILE, quote="EUR"))
