"""Units.

pack_plan_id / unpack_plan_id
├── given a part that does not fit: it should raise MalformedRequest
├── given a number that packs to no plan: it should raise MalformedRequest
├── for any parts: unpacking should give them back, below 2**53, as the contracts pack them
to_address
├── given a wrong length, prefix, digit or checksum: it should raise MalformedRequest
└── for any address: it should read its own checksum, lower and upper case
to_hash
└── given a wrong length: it should raise MalformedRequest
keccak
└── it should equal the general library's
"""

import pytest
from eth_utils.address import to_checksum_address as general_checksum
from eth_utils.crypto import keccak as general_keccak
from hypothesis import given
from hypothesis import strategies as st

from backend.core.errors import MalformedRequest
from backend.core.units import (
    Address,
    PlanKind,
    PlanParts,
    ServiceId,
    checksum,
    hex_of,
    keccak,
    pack_plan_id,
    plan_kind,
    plan_service,
    slow_keccak,
    to_address,
    to_hash,
    unpack_plan_id,
)

parts = st.builds(
    PlanParts,
    service_id=st.integers(0, 2**33 - 1).map(ServiceId),
    index=st.integers(0, 2**16 - 1),
    transferable=st.booleans(),
    kind=st.sampled_from(PlanKind),
)


class TestPackPlanId:
    @pytest.mark.parametrize(("service", "index"), [(-1, 0), (2**33, 0), (1, -1), (1, 2**16)])
    def test_given_a_part_too_large_raises(self, service: int, index: int) -> None:
        with pytest.raises(MalformedRequest, match="outside"):
            pack_plan_id(service, index, True, PlanKind.PASS)

    @given(parts=parts)
    def test_is_undone_by_unpacking(self, parts: PlanParts) -> None:
        plan = pack_plan_id(parts.service_id, parts.index, parts.transferable, parts.kind)
        assert unpack_plan_id(plan) == parts
        assert plan < 2**53
        assert (plan_service(plan), plan_kind(plan)) == (parts.service_id, parts.kind)

    def test_is_what_the_contracts_pack(self) -> None:
        assert pack_plan_id(1, 0, True, PlanKind.METERED) == 1 << 20 | 0 << 4 | 1 << 2 | 2


class TestUnpackPlanId:
    @pytest.mark.parametrize("number", [3, 8, 1 << 53, -1])
    def test_given_no_plan_raises(self, number: int) -> None:
        with pytest.raises(MalformedRequest, match="not a plan id"):
            unpack_plan_id(number)


class TestToAddress:
    @pytest.mark.parametrize(
        "text",
        ["", "0x", "11" * 20, "0x" + "11" * 19, "0x" + "11" * 21, "0x" + "zz" * 20, "0x " + "11" * 19 + "1",
         "0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"],
    )  # fmt: skip
    def test_given_a_wrong_spelling_raises(self, text: str) -> None:
        with pytest.raises(MalformedRequest):
            to_address(text)

    @given(address=st.binary(min_size=20, max_size=20).map(Address))
    def test_reads_every_right_spelling(self, address: Address) -> None:
        digits = address.hex()
        spellings = [checksum(address), "0x" + digits, "0x" + digits.upper()]
        assert {to_address(text) for text in spellings} == {address}

    @given(address=st.binary(min_size=20, max_size=20).map(Address))
    def test_checksum_is_the_general_librarys(self, address: Address) -> None:
        assert checksum(address) == general_checksum(address)


class TestToHash:
    def test_given_a_wrong_length_raises(self) -> None:
        with pytest.raises(MalformedRequest, match="32-byte hash"):
            to_hash("0x11")

    @given(raw=st.binary(min_size=32, max_size=32))
    def test_undoes_hex_of(self, raw: bytes) -> None:
        assert to_hash(hex_of(raw)) == raw


class TestKeccak:
    @given(data=st.binary(max_size=300))
    def test_equals_the_general_one(self, data: bytes) -> None:
        assert keccak(data) == slow_keccak(data) == general_keccak(data)
