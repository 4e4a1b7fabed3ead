"""The arithmetic of alerts

unusual
├── given too little history, or too few calls: nothing
├── given a jump in calls, tokens or failures: each by its name, an outlier in the past hiding none of it
├── given the same as always: nothing
└── given an hour of the day that never was: that
quiet_until: inside, outside, over midnight; next_attempt: longer pauses, then no more
read_target: five schemes, strictly; private places, other ports and other schemes are refused
signature: what the client's receiver accepts
"""

import pytest

from backend.alerts.anomalies import HOUR, Call, Hour, by_hour, is_outlier, median_down, unusual
from backend.alerts.ports import Message
from backend.alerts.quiet import clock_of, minutes_of, next_attempt, quiet_until
from backend.alerts.senders import body_of, signature
from backend.alerts.targets import read_target
from backend.client.webhooks import MemorySeen, check_webhook
from backend.core.errors import AddressBlocked, MalformedRequest, Unprocessable
from backend.net.guard import DEVNET, PUBLIC_ONLY

DAYS = 8


def steady(calls: int = 30, tokens: int = 3_000, failures: int = 1) -> list[Hour]:
    """Eight days of ten hours with a little noise."""
    return [
        Hour(day * 24 + hour, calls + (hour + day) % 3, tokens + 10 * ((hour + day) % 5), failures)
        for day in range(DAYS)
        for hour in range(8, 18)
    ]


LAST = (DAYS - 1) * 24 + 18


class TestUnusual:
    def test_says_nothing_without_a_past(self) -> None:
        assert unusual([Hour(n, 1_000, 1, 0) for n in range(24)], 6) == []
        assert unusual([*steady(), Hour(LAST, 19, 10**9, 19)], 6) == []

    def test_says_nothing_of_what_is_as_always(self) -> None:
        assert unusual([*steady(), Hour(LAST, 32, 3_040, 1)], 6) == []

    @pytest.mark.parametrize(
        ("hour", "measures"),
        [
            (Hour(LAST, 300, 3_000, 1), {"calls an hour"}),
            (Hour(LAST, 31, 90_000, 1), {"tokens an hour"}),
            (Hour(LAST, 31, 3_000, 25), {"failures an hour"}),
            (Hour((DAYS - 1) * 24 + 23, 31, 3_000, 1), {"calls at this hour of the day"}),
        ],
    )
    def test_names_what_jumped(self, hour: Hour, measures: set[str]) -> None:
        assert {found.measure for found in unusual([*steady(), hour], 6)} == measures

    def test_is_not_blinded_by_an_outlier_of_the_past(self) -> None:
        past = steady()
        past[3] = past[3]._replace(calls=100_000)
        assert unusual([*past, Hour(LAST, 300, 3_000, 1)], 6)

    def test_needs_a_bigger_jump_at_a_higher_threshold(self) -> None:
        past = [hour.calls for hour in steady()]
        assert is_outlier(50, past, 6)
        assert not is_outlier(50, past, 20)

    def test_counts_by_the_hour(self) -> None:
        calls = [Call(5, 10, False), Call(HOUR - 1, 20, True), Call(HOUR, 1, False)]
        assert by_hour(calls) == [Hour(0, 2, 30, 1), Hour(1, 1, 1, 0)]

    def test_takes_the_middle(self) -> None:
        assert [median_down(values) for values in ([], [5], [1, 9], [3, 1, 2])] == [0, 5, 5, 2]


class TestQuiet:
    @pytest.mark.parametrize(
        ("now", "until"), [("21:59", None), ("22:00", "06:30"), ("03:10", "06:30"), ("06:30", None)]
    )
    def test_passes_midnight(self, now: str, until: str | None) -> None:
        at = 20_000 * 86_400 + minutes_of(now) * 60 + 17
        found = quiet_until(at, minutes_of("22:00"), minutes_of("06:30"))
        assert (None if found is None else clock_of(found // 60 % 1_440)) == until

    def test_is_off_where_it_has_no_length(self) -> None:
        assert quiet_until(0, None, 5) is None
        assert quiet_until(0, 5, 5) is None

    @pytest.mark.parametrize("text", ["24:00", "7:00", "", "12:60"])
    def test_refuses_what_is_no_time(self, text: str) -> None:
        with pytest.raises(MalformedRequest):
            minutes_of(text)

    def test_tries_less_and_less_often(self) -> None:
        times = [next_attempt(0, attempts) for attempts in range(1, 9)]
        assert times[:7] == sorted(time for time in times if time is not None)
        assert times[7] is None


class TestTargets:
    @pytest.mark.parametrize(
        ("text", "scheme", "shown"),
        [
            ("https://hooks.example/secret?key=1", "webhook", "https://hooks.example/..."),
            ("mailto:owner@shop.example", "mail", "mailto:o...@shop.example"),
            ("slack://T12345678/B12345678/abcdefghijklmnopqrstuvwx", "slack", "slack T12345678"),
            ("discord://123456789012345678/" + "a" * 68, "discord", "discord 123456789012345678"),
            ("tgram://123456789:" + "A" * 35 + "/-1001234", "telegram", "telegram -1001234"),
        ],
    )
    def test_reads_five_schemes(self, text: str, scheme: str, shown: str) -> None:
        target = read_target(text, PUBLIC_ONLY)
        assert (target.scheme, target.shown) == (scheme, shown)

    @pytest.mark.parametrize(
        "text",
        [
            "json://10.0.0.1/",
            "mailto://user:pass@smtp.example?smtp=10.0.0.1",
            "mailto:owner@shop.example?to=other@shop.example",
            "mailto:owner@localhost",
            "slack://T12345678/B12345678/abcdefghijklmnopqrstuvwx?host=10.0.0.1",
            "discord://1/a",
            "tgram://123456789:" + "A" * 35 + "/1/2",
            "file:///etc/passwd",
            "",
            "mailto:" + "a" * 600 + "@shop.example",
        ],
    )
    def test_reads_nothing_else(self, text: str) -> None:
        with pytest.raises(Unprocessable):
            read_target(text, PUBLIC_ONLY)

    @pytest.mark.parametrize(
        "text",
        [
            "http://hooks.example/",
            "https://10.0.0.1/",
            "https://[::ffff:127.0.0.1]/",
            "https://localhost/",
            "https://hooks.example:22/",
            "https://user:secret@hooks.example/",
        ],
    )
    def test_refuses_private_places(self, text: str) -> None:
        with pytest.raises(AddressBlocked):
            read_target(text, PUBLIC_ONLY)

    def test_allows_this_machine_on_a_devnet(self) -> None:
        assert read_target("http://127.0.0.1:9000/hook", DEVNET).scheme == "webhook"


class TestSignature:
    def test_is_what_receivers_check(self) -> None:
        secret = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIzNDU="
        body = body_of(Message("msg_1", "sale", 1_700_000_000, "Sale", "Somebody bought", {"units": "1"}))
        headers = {
            "webhook-id": "msg_1",
            "webhook-timestamp": "1700000100",
            "webhook-signature": signature(secret, "msg_1", 1_700_000_100, body),
        }
        assert check_webhook(headers, body, [secret], 1_700_000_101, MemorySeen()) == "msg_1"
