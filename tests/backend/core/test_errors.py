"""The exception tree.

all_errors
├── each class should have a code of its own, a status of HTTP, and a line in the drawn tree that agrees
headers
├── 401 should name the scheme, 402 forbid caching, 429 say when to come back
ContractRevert
└── it should say name and values, and keep large integers exact
"""

import re

import pytest

from backend.core import errors
from backend.core.errors import (
    ContractRevert,
    EmporionError,
    InvalidCredential,
    PaymentRequired,
    RateLimited,
    all_errors,
)

TREE = (errors.__doc__ or "").split("The message")[0]
DRAWN = {
    name: (int(status), code, "retryable" in rest)
    for name, status, code, rest in re.findall(r"(\w+) +(\d{3}) (\w+)(.*)", TREE)
}
GROUPS = {"RequestError"}


class TestAllErrors:
    def test_has_no_code_twice(self) -> None:
        codes = [kind.code for kind in all_errors()]
        assert len(codes) == len(set(codes))

    @pytest.mark.parametrize("kind", all_errors(), ids=lambda kind: str(kind.__name__))
    def test_is_drawn_as_it_is(self, kind: type[EmporionError]) -> None:
        if kind.__name__ not in GROUPS:
            assert DRAWN[kind.__name__] == (kind.status, kind.code, kind.retryable)
        assert 400 <= kind.status < 600

    def test_draws_nothing_else(self) -> None:
        assert set(DRAWN) <= {kind.__name__ for kind in all_errors()}


class TestHeaders:
    def test_of_401_name_the_scheme(self) -> None:
        assert InvalidCredential("no").headers() == {"WWW-Authenticate": "Bearer"}

    def test_of_402_forbid_caching_and_carry_offers(self) -> None:
        error = PaymentRequired("buy a pass", offers=[{"plan": 1}])
        assert error.headers() == {"Cache-Control": "no-store"}
        assert error.details == {"offers": [{"plan": 1}]}

    def test_of_429_say_when(self) -> None:
        assert RateLimited("slow down", retry_after=7).headers() == {"Retry-After": "7"}


class TestContractRevert:
    def test_says_name_values_and_advice(self) -> None:
        error = ContractRevert(
            b"\x01\x02\x03\x04",
            "AccessToken_SaleClosed",
            {"planId": 2**200, "who": b"\x11" * 20},
            "ask the provider",
        )
        assert "AccessToken_SaleClosed(planId=" in error.message
        assert error.message.endswith("; ask the provider")
        assert error.details["arguments"] == {"planId": str(2**200), "who": "0x" + "11" * 20}
        assert error.details["selector"] == "0x01020304"
