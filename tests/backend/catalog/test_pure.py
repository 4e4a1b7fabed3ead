"""Names, cursors and claims: arithmetic and parsing without a store.

read_name
├── when it is a bare slug, of another chain, or of no shape, there should be no such model
└── by number, by owner and slug, by the operator's alias it should say which
cursors: read back what was written, refuse everything else
claims: what the contracts would pay, rounded down
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.catalog.names import ById, BySlug, name_of, read_name
from backend.catalog.paging import read_cursor, write_cursor
from backend.catalog.rewards import StreamState, reward_claim_down, share_claim_down, streamed_index
from backend.catalog.schemas import Sort
from backend.core.errors import MalformedRequest, ModelNotFound
from backend.core.units import ServiceId

OWNER = "0x" + "ab" * 20


class TestReadName:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "gpt-4",
            "1/7",
            "5/",
            "/5",
            "5/-1",
            "5/7/9",
            f"{OWNER}/",
            f"{OWNER}/Bad Slug",
            "0x12/slug",
            "5/7\n",
        ],
    )
    def test_refuses_what_names_nothing_here(self, text: str) -> None:
        with pytest.raises(ModelNotFound):
            read_name(text, 5, {})

    def test_reads_number_slug_and_alias(self) -> None:
        assert read_name("5/7", 5, {}) == ById(ServiceId(7))
        assert read_name(name_of(5, 7), 5, {}) == ById(ServiceId(7))
        assert read_name(f"{OWNER}/slug-1", 5, {}) == BySlug(bytes.fromhex("ab" * 20), "slug-1")  # type: ignore[arg-type]
        assert read_name("mine", 5, {"mine": ServiceId(3)}) == ById(ServiceId(3))


class TestCursor:
    @given(st.integers(0, 2**256 - 1), st.integers(0, 2**33))
    def test_reads_back_what_it_wrote(self, value: int, service_id: int) -> None:
        assert read_cursor(write_cursor(Sort.PRICE, (value, service_id)), Sort.PRICE) == (value, service_id)

    @given(st.text(max_size=60))
    def test_refuses_anything_else_without_falling(self, text: str) -> None:
        with pytest.raises(MalformedRequest):
            read_cursor(text, Sort.NEW)

    def test_refuses_a_cursor_of_another_sort(self) -> None:
        with pytest.raises(MalformedRequest):
            read_cursor(write_cursor(Sort.NAME, ("a", 1)), Sort.NEW)


class TestClaims:
    def test_pays_shares_what_came_since_the_checkpoint(self) -> None:
        assert share_claim_down(owed=999_999, checkpoint=10, units=1_000_000, distributed=13) == 3
        assert share_claim_down(owed=1_000_000, checkpoint=13, units=5, distributed=13) == 1

    def test_streams_evenly_and_stops_at_the_end(self) -> None:
        stream = StreamState(index=0, pending=100, seconds_left=10)
        assert streamed_index(stream, 5, 10) == 50 * 10**30 // 10
        assert streamed_index(stream, 50, 10) == 100 * 10**30 // 10
        assert streamed_index(stream, 5, 0) == 0

    def test_pays_stakers_by_their_part_of_the_score(self) -> None:
        index = streamed_index(StreamState(0, 100, 10), 10, 10)
        assert reward_claim_down(owed=0, index_then=0, score=4, index_now=index) == 40

    @given(st.integers(0, 2**128 - 1), st.integers(0, 2**40))
    def test_survives_the_index_wrapping(self, index_then: int, grown: int) -> None:
        now = (index_then + grown) % 2**128
        assert reward_claim_down(0, index_then, 10**18, now) == 10**18 * grown // 10**24 // 10**6
