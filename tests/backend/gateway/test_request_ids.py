"""A request's id.

new_request_id
├── begins with the millisecond, so that rows by id lie where the newest lie
└── ends in 80 bits of chance, so that nobody guesses one, and no two meet
"""

import time

from backend.gateway.request_ids import is_request_id, new_request_id

TIME = slice(4, 16)
CHANCE = slice(16, None)


class TestNewRequestId:
    def test_begins_with_the_millisecond(self) -> None:
        before = time.time_ns() // 1_000_000
        first = new_request_id()
        time.sleep(0.002)
        second = new_request_id()
        after = time.time_ns() // 1_000_000
        assert is_request_id(first)
        assert before <= int(first[TIME], 16) < int(second[TIME], 16) <= after
        assert first < second

    def test_ends_in_chance(self) -> None:
        made = [new_request_id()[CHANCE] for _ in range(1_000)]
        assert len(set(made)) == len(made)
        assert {len(one) for one in made} == {20}
        assert all(len(set(digits)) == 16 for digits in zip(*made, strict=True))
