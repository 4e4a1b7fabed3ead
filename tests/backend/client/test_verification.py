"""A receipt is held against files, chain and rate card.

verify_receipt
    given all the evidence: every check is true
    given none: nothing is called true that was not checked
    given any field changed: the digest is false, and so is the signature
    given another meter, chain, request, answer, card, earlier receipt, proof or root: that check is false
    given a saved stream with the gateway's comments: the answer is true all the same
    given an answer without a byte: true only where the receipt says so
    given a field that is missing or no such value: it refuses
"""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.client.models import RateCard
from backend.client.verification import Evidence, Finding, Verdict, verify_receipt
from backend.core.errors import MalformedRequest
from backend.core.units import (
    ZERO_HASH,
    Address,
    Hash32,
    MicroCredits,
    PlanId,
    ServiceId,
    UnixTime,
    checksum,
    hex_of,
    keccak,
)
from backend.meter.proofs import receipts_tree
from backend.signing.keys import LocalKey
from backend.signing.merkle import leaf_of
from backend.signing.messages import UsageReceipt, receipt_domain

METER = LocalKey(b"\x0e" * 32)
DOMAIN = receipt_domain(31337, Address(b"\xe5" * 20))
REQUEST, RESPONSE = b'{"model": "x"}', b'data: {"a": 1}\n\ndata: [DONE]\n\n'
FIRST = UsageReceipt(
    payer=Address(b"\xb0" * 20),
    plan_id=PlanId(7 << 20 | 2),
    service_id=ServiceId(7),
    model_digest=keccak(b"model"),
    request_hash=keccak(b"earlier"),
    response_hash=keccak(b"earlier"),
    units_in=1,
    units_out=1,
    micro_credits=MicroCredits(30),
    cumulative_micro_credits=MicroCredits(30),
    issued_at=UnixTime(1_700_000_000),
    previous_receipt=ZERO_HASH,
)
BODY = replace(
    FIRST,
    request_hash=keccak(REQUEST),
    response_hash=keccak(RESPONSE),
    units_in=10,
    units_out=20,
    micro_credits=MicroCredits(600),
    cumulative_micro_credits=MicroCredits(630),
    previous_receipt=FIRST.digest(DOMAIN),
)
TREE = receipts_tree([FIRST.digest(DOMAIN), BODY.digest(DOMAIN)])
PROOF = {
    "leaf": hex_of(leaf_of(BODY.digest(DOMAIN))),
    "path": [hex_of(step) for step in TREE.proof(1)],
    "root": hex_of(TREE.root),
}


def as_json(body: UsageReceipt) -> dict[str, Any]:
    digest = body.digest(DOMAIN)
    return {
        "request_id": "r",
        "chain_id": 31337,
        "payer": checksum(body.payer),
        "plan_id": body.plan_id,
        "service_id": body.service_id,
        "model_digest": hex_of(body.model_digest),
        "request_hash": hex_of(body.request_hash),
        "response_hash": hex_of(body.response_hash),
        "units_in": body.units_in,
        "units_out": body.units_out,
        "micro_credits": str(body.micro_credits),
        "cumulative_micro_credits": str(body.cumulative_micro_credits),
        "issued_at": body.issued_at,
        "previous_receipt": hex_of(body.previous_receipt),
        "digest": hex_of(digest),
        "signature": hex_of(METER.sign(digest)),
    }


ALL = Evidence(
    DOMAIN,
    meter=METER.address,
    request=REQUEST,
    response=RESPONSE,
    proof=PROOF,
    roots=[TREE.root],
    card=RateCard(0, 20, 20),
    previous=as_json(FIRST),
)


def false_in(verdicts: list[Verdict]) -> set[str]:
    return {verdict.check for verdict in verdicts if verdict.finding is Finding.FALSE}


class TestVerifyReceipt:
    def test_all_is_true(self) -> None:
        verdicts = verify_receipt(as_json(BODY), ALL)
        assert {verdict.finding for verdict in verdicts} == {Finding.TRUE}
        assert len(verdicts) == 9

    def test_nothing_unchecked_is_called_true(self) -> None:
        verdicts = verify_receipt(as_json(BODY), Evidence(DOMAIN))
        checked = {verdict.check for verdict in verdicts if verdict.finding is not Finding.UNCHECKED}
        assert checked == {"digest", "plan"}

    def test_first_receipt_needs_none_before_it(self) -> None:
        verdicts = verify_receipt(as_json(FIRST), Evidence(DOMAIN))
        assert next(v for v in verdicts if v.check == "previous").finding is Finding.TRUE

    @given(
        st.sampled_from(["units_in", "units_out", "issued_at", "plan_id", "micro_credits"]),
        st.integers(1, 2**64),
    )
    def test_a_changed_number_is_seen(self, name: str, by: int) -> None:
        receipt = as_json(BODY)
        receipt[name] = int(receipt[name]) + by
        assert {"digest", "signature"} <= false_in(verify_receipt(receipt, ALL))

    @pytest.mark.parametrize("name", ["model_digest", "request_hash", "response_hash", "previous_receipt"])
    def test_a_changed_hash_is_seen(self, name: str) -> None:
        receipt = as_json(BODY) | {name: hex_of(keccak(b"other"))}
        assert {"digest", "signature"} <= false_in(verify_receipt(receipt, ALL))

    @pytest.mark.parametrize(
        ("evidence", "wrong"),
        [
            (replace(ALL, meter=Address(b"\x01" * 20)), {"signature"}),
            (replace(ALL, request=b"other"), {"request"}),
            (replace(ALL, response=RESPONSE + b" "), {"response"}),
            (replace(ALL, response=b""), {"response"}),
            (replace(ALL, card=RateCard(0, 20, 19)), {"charge"}),
            (replace(ALL, previous=as_json(BODY)), {"previous"}),
            (replace(ALL, proof=PROOF | {"path": []}), {"proof"}),
            (replace(ALL, proof=PROOF | {"leaf": hex_of(ZERO_HASH)}), {"proof"}),
            (replace(ALL, proof=PROOF | {"root": hex_of(ZERO_HASH)}), {"proof", "settlement"}),
            (replace(ALL, roots=[Hash32(b"\x01" * 32)]), {"settlement"}),
        ],
    )
    def test_other_evidence_is_told_apart(self, evidence: Evidence, wrong: set[str]) -> None:
        assert false_in(verify_receipt(as_json(BODY), evidence)) == wrong

    def test_another_chain_is_told(self) -> None:
        elsewhere = replace(ALL, domain=receipt_domain(1, Address(b"\xe5" * 20)), previous=None)
        assert {"digest", "signature", "proof"} <= false_in(verify_receipt(as_json(BODY), elsewhere))

    def test_charged_twice_is_told(self) -> None:
        body = replace(BODY, cumulative_micro_credits=MicroCredits(629))
        assert "previous" in false_in(verify_receipt(as_json(body), ALL))

    def test_less_in_all_is_right_after_what_a_fork_voided(self) -> None:
        body = replace(BODY, cumulative_micro_credits=BODY.micro_credits)
        assert "previous" in false_in(verify_receipt(as_json(body), ALL))
        told = replace(ALL, previous=as_json(FIRST) | {"voided_micro_credits": str(FIRST.micro_credits)})
        assert "previous" not in false_in(verify_receipt(as_json(body), told))

    def test_saved_stream_with_comments(self) -> None:
        saved = RESPONSE.replace(b"data: [DONE]", b': emporion-receipt {"a": 1}\n\ndata: [DONE]')
        saved = b": keep-alive\n\n" + saved
        assert false_in(verify_receipt(as_json(BODY), replace(ALL, response=saved))) == set()

    def test_nothing_delivered(self) -> None:
        nothing = replace(BODY, response_hash=ZERO_HASH)
        verdicts = verify_receipt(as_json(nothing), Evidence(DOMAIN, response=b""))
        assert next(v for v in verdicts if v.check == "response").finding is Finding.TRUE

    @pytest.mark.parametrize(
        "change",
        [
            {"payer": None},
            {"payer": "0x12"},
            {"plan_id": "x"},
            {"plan_id": -1},
            {"units_in": 1.5},
            {"units_in": True},
            {"units_out": 2**256},
            {"digest": "0x"},
            {"signature": "zz"},
            {"micro_credits": "9" * 79},
        ],
    )
    def test_refuses_what_is_no_receipt(self, change: dict[str, Any]) -> None:
        with pytest.raises(MalformedRequest):
            verify_receipt(as_json(BODY) | change, ALL)

    @pytest.mark.parametrize("signature", ["0x", "0x" + "00" * 65, "0x" + "ff" * 65])
    def test_no_signature_is_false(self, signature: str) -> None:
        assert "signature" in false_in(verify_receipt(as_json(BODY) | {"signature": signature}, ALL))
