"""A receipt is checked without trusting who gave it.

check_receipt
    given another meter, a changed field, another request or answer, a foreign path: that check fails
    given the real thing: every check holds
"""

from typing import Any

import pytest

from backend.client.receipts import check_receipt, message_of
from backend.core.units import Address, hex_of, keccak
from backend.signing.keys import LocalKey
from backend.signing.merkle import MerkleTree, leaf_of
from backend.signing.messages import receipt_domain

ESCROW = Address(b"\x05" * 20)
REQUEST, ANSWER = b'{"model": "1/1"}', b'{"choices": []}'


@pytest.fixture
def meter() -> LocalKey:
    return LocalKey.create()


@pytest.fixture
def receipt(meter: LocalKey) -> dict[str, Any]:
    told: dict[str, Any] = {
        "chain_id": 31337,
        "payer": "0x" + "b0" * 20,
        "plan_id": 1048578,
        "service_id": 1,
        "model_digest": "0x" + "11" * 32,
        "request_hash": hex_of(keccak(REQUEST)),
        "response_hash": hex_of(keccak(ANSWER)),
        "units_in": 3,
        "units_out": 5,
        "micro_credits": "92000",
        "cumulative_micro_credits": "92000",
        "issued_at": 1_700_000_000,
        "previous_receipt": "0x" + "00" * 32,
    }
    digest = message_of(told).digest(receipt_domain(31337, ESCROW))
    return told | {"digest": hex_of(digest), "signature": hex_of(meter.sign(digest))}


def failing(*arguments: Any) -> list[str]:
    return [verdict.check for verdict in check_receipt(*arguments) if not verdict.ok]


class TestCheckReceipt:
    def test_real_receipt_passes_every_check(self, receipt: dict[str, Any], meter: LocalKey) -> None:
        leaves = [leaf_of(bytes.fromhex(receipt["digest"][2:])), leaf_of(b"another")]
        tree = MerkleTree(leaves)
        proof = {"root": hex_of(tree.root), "path": [hex_of(step) for step in tree.proof(0)]}
        verdicts = check_receipt(receipt, meter.address, ESCROW, proof, REQUEST, ANSWER)
        assert len(verdicts) == 5
        assert all(verdict.ok for verdict in verdicts)

    def test_other_meter_fails(self, receipt: dict[str, Any]) -> None:
        assert failing(receipt, LocalKey.create().address, ESCROW) == ["signature"]

    def test_other_contract_fails(self, receipt: dict[str, Any], meter: LocalKey) -> None:
        assert failing(receipt, meter.address, b"\x06" * 20) == ["digest", "signature"]

    @pytest.mark.parametrize("field", ["units_out", "micro_credits", "plan_id", "issued_at"])
    def test_changed_field_fails(self, receipt: dict[str, Any], meter: LocalKey, field: str) -> None:
        receipt[field] = int(receipt[field]) + 1
        assert failing(receipt, meter.address, ESCROW) == ["digest", "signature"]

    def test_malformed_signature_fails(self, receipt: dict[str, Any], meter: LocalKey) -> None:
        receipt["signature"] = "0x1234"
        assert failing(receipt, meter.address, ESCROW) == ["signature"]

    def test_other_request_or_answer_fails(self, receipt: dict[str, Any], meter: LocalKey) -> None:
        assert failing(receipt, meter.address, ESCROW, None, b"x", ANSWER) == ["request hash"]
        assert failing(receipt, meter.address, ESCROW, None, REQUEST, b"x") == ["answer hash"]

    def test_foreign_path_fails(self, receipt: dict[str, Any], meter: LocalKey) -> None:
        proof = {"root": "0x" + "77" * 32, "path": []}
        assert failing(receipt, meter.address, ESCROW, proof) == ["settled root"]
