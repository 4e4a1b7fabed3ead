"""The properties, and the hooks of a token that is put to them. See README.md."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Final

import pytest
from eth_abi.abi import decode, encode
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.core.units import keccak
from tests.contracts.invariants.machine import Machine, Outcome

NOBODY: Final = bytes(20)
ALICE, BOB, CAROL, OPERATOR = ACCOUNTS = tuple(bytes([0x21 + number]) * 20 for number in range(4))
MOST: Final = 1_000
SINGLE = keccak(b"TransferSingle(address,address,address,uint256,uint256)")
BATCH = keccak(b"TransferBatch(address,address,address,uint256[],uint256[])")
APPROVAL = keccak(b"ApprovalForAll(address,address,bool)")
EXAMPLES: Final = min(max(settings().max_examples // 3, 1), 300)

Move = tuple[bytes, bytes, bytes, tuple[int, ...], tuple[int, ...]]
"""Operator, from, to, ids and values of an event."""
FUNCTIONS: Final = {
    "balanceOf": (["address", "uint256"], ["uint256"]),
    "balanceOfBatch": (["address[]", "uint256[]"], ["uint256[]"]),
    "isApprovedForAll": (["address", "address"], ["bool"]),
    "setApprovalForAll": (["address", "bool"], []),
    "safeTransferFrom": (["address", "address", "uint256", "uint256", "bytes"], []),
    "safeBatchTransferFrom": (["address", "address", "uint256[]", "uint256[]", "bytes"], []),
    "supportsInterface": (["bytes4"], ["bool"]),
}


class Subject(ABC):
    """A token, and how units of it come into the world."""

    machine: Machine
    token: bytes
    ids: Sequence[int]

    @abstractmethod
    def give(self, to: bytes, token_id: int, amount: int) -> None:
        """Make an account own so many more."""

    def send(self, caller: bytes, function: str, *arguments: Any) -> Outcome:
        """A transaction of the standard's."""
        return self.machine.send(caller, self.token, calldata(function, *arguments))

    def read(self, function: str, *arguments: Any) -> Any:
        """A view of the standard's."""
        answer = self.machine.view(self.token, calldata(function, *arguments))
        return decode(FUNCTIONS[function][1], answer)[0]

    def balance(self, account: bytes, token_id: int) -> int:
        """Units of an account."""
        return int(self.read("balanceOf", account, token_id))


def calldata(function: str, *arguments: Any) -> bytes:
    """A call of one of the standard's functions."""
    types = FUNCTIONS[function][0]
    return keccak(f"{function}({','.join(types)})".encode())[:4] + encode(types, arguments)


def moves(subject: Subject, outcome: Outcome) -> list[Move]:
    """What the token's events say moved."""
    return [_read(log.topics, log.data) for log in outcome.logs if _is_move(subject, log)]


def _is_move(subject: Subject, log: Any) -> bool:
    return log.address == subject.token and log.topics[0] in (SINGLE, BATCH)


def _read(topics: Sequence[bytes], data: bytes) -> Move:
    operator, sender, to = (topic[12:] for topic in topics[1:])
    if topics[0] == SINGLE:
        token_id, value = decode(["uint256", "uint256"], data)
        return operator, sender, to, (token_id,), (value,)
    ids, values = decode(["uint256[]", "uint256[]"], data)
    return operator, sender, to, tuple(ids), tuple(values)


class Erc1155Properties:
    """The suite. A subclass says what it is about."""

    subject_class: ClassVar[type[Subject]]
    _made: ClassVar[dict[type[Subject], Subject]] = {}

    @pytest.fixture
    def subject(self) -> Iterator[Subject]:
        """The token with nothing given; what a test does to it is undone."""
        found = self._made.get(self.subject_class) or self.subject_class()
        self._made[self.subject_class] = found
        point = found.machine.evm.snapshot()
        yield found
        found.machine.evm.revert(point)

    @pytest.fixture
    def probe(self, subject: Subject) -> bytes:
        """A contract that receives and remembers."""
        return subject.machine.deploy(bytes([0x77]) * 20, "ReceiverProbe")

    # ------------------------------------------------------------------------------------------ moving

    def test_a_transfer_moves_exactly_what_it_says(self, subject: Subject) -> None:
        first, second = subject.ids[:2]
        subject.give(ALICE, first, 10)
        subject.give(ALICE, second, 5)
        outcome = subject.send(ALICE, "safeTransferFrom", ALICE, BOB, first, 4, b"")
        assert outcome.error is None
        held = [subject.balance(account, i) for account in (ALICE, BOB, CAROL) for i in (first, second)]
        assert held == [6, 5, 4, 0, 0, 0]
        assert moves(subject, outcome) == [(ALICE, ALICE, BOB, (first,), (4,))]

    @pytest.mark.parametrize("value", [0, 3])
    def test_a_transfer_to_oneself_changes_nothing(self, subject: Subject, value: int) -> None:
        subject.give(ALICE, subject.ids[0], 3)
        outcome = subject.send(ALICE, "safeTransferFrom", ALICE, ALICE, subject.ids[0], value, b"")
        assert outcome.error is None
        assert subject.balance(ALICE, subject.ids[0]) == 3

    def test_a_transfer_of_nothing_is_a_transfer(self, subject: Subject) -> None:
        outcome = subject.send(ALICE, "safeTransferFrom", ALICE, BOB, subject.ids[0], 0, b"")
        assert outcome.error is None
        assert moves(subject, outcome) == [(ALICE, ALICE, BOB, (subject.ids[0],), (0,))]

    @pytest.mark.parametrize("value", [4, 2**128, 2**256 - 1])
    def test_more_than_there_is_does_not_move(self, subject: Subject, value: int) -> None:
        subject.give(ALICE, subject.ids[0], 3)
        assert (
            subject.send(ALICE, "safeTransferFrom", ALICE, BOB, subject.ids[0], value, b"").error is not None
        )
        assert (subject.balance(ALICE, subject.ids[0]), subject.balance(BOB, subject.ids[0])) == (3, 0)

    def test_nothing_moves_to_nobody(self, subject: Subject) -> None:
        one = subject.ids[0]
        subject.give(ALICE, one, 3)
        assert subject.send(ALICE, "safeTransferFrom", ALICE, NOBODY, one, 1, b"").error is not None
        assert subject.send(ALICE, "safeBatchTransferFrom", ALICE, NOBODY, [one], [1], b"").error is not None
        assert subject.balance(ALICE, one) == 3

    # --------------------------------------------------------------------------------------- approvals

    def test_a_stranger_moves_nothing(self, subject: Subject) -> None:
        one = subject.ids[0]
        subject.give(ALICE, one, 3)
        assert subject.send(OPERATOR, "safeTransferFrom", ALICE, BOB, one, 1, b"").error is not None
        assert subject.send(OPERATOR, "safeTransferFrom", ALICE, OPERATOR, one, 1, b"").error is not None
        assert subject.send(OPERATOR, "safeBatchTransferFrom", ALICE, BOB, [one], [1], b"").error is not None
        assert subject.balance(ALICE, one) == 3

    def test_an_operator_moves_until_it_is_revoked(self, subject: Subject) -> None:
        one = subject.ids[0]
        subject.give(ALICE, one, 3)
        approval = subject.send(ALICE, "setApprovalForAll", OPERATOR, True)
        assert [log.topics[0] for log in approval.logs] == [APPROVAL]
        assert subject.read("isApprovedForAll", ALICE, OPERATOR) is True
        moved = subject.send(OPERATOR, "safeTransferFrom", ALICE, BOB, one, 1, b"")
        assert moves(subject, moved) == [(OPERATOR, ALICE, BOB, (one,), (1,))]
        subject.send(ALICE, "setApprovalForAll", OPERATOR, False)
        assert subject.read("isApprovedForAll", ALICE, OPERATOR) is False
        assert subject.send(OPERATOR, "safeTransferFrom", ALICE, BOB, one, 1, b"").error is not None

    def test_an_approval_is_one_owners_for_one_operator(self, subject: Subject) -> None:
        subject.send(ALICE, "setApprovalForAll", OPERATOR, True)
        others = [(OPERATOR, ALICE), (ALICE, BOB), (BOB, OPERATOR), (CAROL, OPERATOR)]
        assert not any(subject.read("isApprovedForAll", *pair) for pair in others)
        subject.give(BOB, subject.ids[0], 1)
        assert (
            subject.send(OPERATOR, "safeTransferFrom", BOB, ALICE, subject.ids[0], 1, b"").error is not None
        )

    # ----------------------------------------------------------------------------------------- batches

    def test_a_batch_is_its_transfers_one_after_another(self, subject: Subject) -> None:
        first, second = subject.ids[:2]
        subject.give(ALICE, first, 10)
        subject.give(ALICE, second, 5)
        ids, values = [first, second, first], [4, 5, 6]
        outcome = subject.send(ALICE, "safeBatchTransferFrom", ALICE, BOB, ids, values, b"")
        assert outcome.error is None
        assert [subject.balance(BOB, i) for i in (first, second)] == [10, 5]
        assert [subject.balance(ALICE, i) for i in (first, second)] == [0, 0]

    def test_a_batch_fails_whole(self, subject: Subject) -> None:
        first, second = subject.ids[:2]
        subject.give(ALICE, first, 10)
        outcome = subject.send(ALICE, "safeBatchTransferFrom", ALICE, BOB, [first, second], [4, 1], b"")
        assert outcome.error is not None
        twice = subject.send(ALICE, "safeBatchTransferFrom", ALICE, BOB, [first, first], [6, 6], b"")
        assert twice.error is not None
        assert (subject.balance(ALICE, first), subject.balance(BOB, first)) == (10, 0)

    @pytest.mark.parametrize(("ids", "values"), [(1, 2), (2, 1), (0, 1), (1, 0)])
    def test_lists_of_different_lengths_are_refused(self, subject: Subject, ids: int, values: int) -> None:
        subject.give(ALICE, subject.ids[0], 10)
        lists = ([subject.ids[0]] * ids, [1] * values)
        assert subject.send(ALICE, "safeBatchTransferFrom", ALICE, BOB, *lists, b"").error is not None

    def test_an_empty_batch_moves_nothing(self, subject: Subject) -> None:
        outcome = subject.send(ALICE, "safeBatchTransferFrom", ALICE, BOB, [], [], b"")
        assert all(not ids for *_, ids, _ in moves(subject, outcome))

    def test_balances_in_a_batch_are_the_balances(self, subject: Subject) -> None:
        first, second = subject.ids[:2]
        subject.give(ALICE, first, 7)
        subject.give(BOB, second, 9)
        accounts, ids = [ALICE, ALICE, BOB, BOB, CAROL], [first, second, first, second, first]
        assert list(subject.read("balanceOfBatch", accounts, ids)) == [7, 0, 0, 9, 0]
        data = calldata("balanceOfBatch", [ALICE, BOB], [first])
        assert subject.machine.send(ALICE, subject.token, data).error is not None

    # --------------------------------------------------------------------------------------- receivers

    def test_a_receiver_is_told_all_after_it_has_the_units(self, subject: Subject, probe: bytes) -> None:
        one = subject.ids[0]
        subject.give(ALICE, one, 10)
        subject.send(ALICE, "setApprovalForAll", OPERATOR, True)
        assert subject.send(OPERATOR, "safeTransferFrom", ALICE, probe, one, 4, b"why").error is None
        assert _word(subject, probe, "told()") == _told(OPERATOR, ALICE, [one], [4], b"why")
        assert int.from_bytes(_word(subject, probe, "held()"), "big") == 4

    def test_a_receiver_of_a_batch_is_told_all(self, subject: Subject, probe: bytes) -> None:
        first, second = subject.ids[:2]
        subject.give(ALICE, first, 10)
        subject.give(ALICE, second, 10)
        lists = ([first, second], [4, 3])
        assert subject.send(ALICE, "safeBatchTransferFrom", ALICE, probe, *lists, b"why").error is None
        assert _word(subject, probe, "told()") == _told(ALICE, ALICE, *lists, b"why")
        assert int.from_bytes(_word(subject, probe, "calls()"), "big") == 1
        assert int.from_bytes(_word(subject, probe, "held()"), "big") == 4

    @pytest.mark.parametrize("answer", [1, 2, 3], ids=["wrong word", "revert", "revert with reason"])
    def test_a_receiver_that_does_not_accept_gets_nothing(
        self, subject: Subject, probe: bytes, answer: int
    ) -> None:
        one = subject.ids[0]
        subject.give(ALICE, one, 10)
        subject.machine.send(ALICE, probe, keccak(b"setAnswer(uint8)")[:4] + answer.to_bytes(32, "big"))
        assert subject.send(ALICE, "safeTransferFrom", ALICE, probe, one, 4, b"").error is not None
        assert subject.send(ALICE, "safeBatchTransferFrom", ALICE, probe, [one], [4], b"").error is not None
        assert (subject.balance(ALICE, one), subject.balance(probe, one)) == (10, 0)

    def test_a_contract_that_knows_nothing_of_tokens_gets_none(self, subject: Subject) -> None:
        one = subject.ids[0]
        subject.give(ALICE, one, 10)
        assert subject.send(ALICE, "safeTransferFrom", ALICE, subject.token, one, 1, b"").error is not None
        lists = ([one], [1])
        batch = subject.send(ALICE, "safeBatchTransferFrom", ALICE, subject.token, *lists, b"")
        assert batch.error is not None
        assert subject.balance(ALICE, one) == 10

    # ------------------------------------------------------------------------------------------ others

    def test_says_what_it_is(self, subject: Subject) -> None:
        said = {"01ffc9a7": True, "d9b67a26": True, "ffffffff": False, "00000000": False}
        assert {i: subject.read("supportsInterface", bytes.fromhex(i)) for i in said} == said

    def test_units_come_from_somewhere(self, subject: Subject) -> None:
        """Whatever `give` does, the events tell of it."""
        begun = len(subject.machine.logs)
        subject.give(ALICE, subject.ids[0], 17)
        logs = [log for log, _ in subject.machine.logs[begun:] if _is_move(subject, log)]
        assert balances(_read(log.topics, log.data) for log in logs)[subject.ids[0], ALICE] == 17

    def test_balances_are_rebuilt_from_events_alone(self, subject: Subject) -> None:
        @settings(max_examples=EXAMPLES)
        @given(st.lists(_steps(subject.ids[:2]), max_size=12))
        def holds(steps: list[Step]) -> None:
            point = subject.machine.evm.snapshot()
            told: list[Move] = []
            for account in ACCOUNTS[:3]:
                for token_id in subject.ids[:2]:
                    subject.give(account, token_id, 20)
                    told.append((NOBODY, NOBODY, account, (token_id,), (20,)))
            for caller, sender, to, ids, values in steps:
                told += moves(subject, _step(subject, caller, sender, to, ids, values))
            held = balances(told)
            for account in ACCOUNTS:
                assert [subject.balance(account, i) for i in subject.ids[:2]] == [
                    held[i, account] for i in subject.ids[:2]
                ]
            assert sum(held[i, a] for i in subject.ids[:2] for a in ACCOUNTS) == 120
            subject.machine.evm.revert(point)

        holds()


Step = tuple[bytes, bytes, bytes, list[int], list[int]]


def _steps(ids: Sequence[int]) -> st.SearchStrategy[Step]:
    """A transfer, of one id or several, or (of none to itself) a change of an approval."""
    who = st.sampled_from(ACCOUNTS)
    lists = st.lists(st.tuples(st.sampled_from(ids), st.integers(0, 25)), max_size=3)
    return st.tuples(who, who, who, lists).map(
        lambda s: (s[0], s[1], s[2], [i for i, _ in s[3]], [v for _, v in s[3]])
    )


def _step(
    subject: Subject, caller: bytes, sender: bytes, to: bytes, ids: Sequence[int], values: Sequence[int]
) -> Outcome:
    if not ids:
        return subject.send(sender, "setApprovalForAll", to, caller != sender)
    if len(ids) == 1:
        return subject.send(caller, "safeTransferFrom", sender, to, ids[0], values[0], b"")
    return subject.send(caller, "safeBatchTransferFrom", sender, to, ids, values, b"")


def balances(told: Iterator[Move] | Sequence[Move]) -> defaultdict[tuple[int, bytes], int]:
    """Units by (id, account), by what events say."""
    held: defaultdict[tuple[int, bytes], int] = defaultdict(int)
    for _, sender, to, ids, values in told:
        for token_id, value in zip(ids, values, strict=True):
            held[token_id, sender] -= value
            held[token_id, to] += value
    return held


def _told(operator: bytes, sender: bytes, ids: list[int], values: list[int], data: bytes) -> bytes:
    types = ["address", "address", "uint256[]", "uint256[]", "bytes"]
    return keccak(encode(types, [operator, sender, ids, values, data]))


def _word(subject: Subject, probe: bytes, view: str) -> bytes:
    return subject.machine.view(probe, keccak(view.encode())[:4])
