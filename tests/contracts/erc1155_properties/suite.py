"""What any ERC-1155 must do: give `Token` a contract and a way to mint, and inherit `Erc1155Suite`.

To run it on a token of your own: deploy it, say how units come into being, name two ids that move, and write

    class TestMine(Erc1155Suite):
        @pytest.fixture
        def token(self, p): return Token(p.stage, contract, mint, (1, 2), holders)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from eth_tester.exceptions import TransactionFailed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from web3.contract.contract import Contract
from web3.exceptions import ContractLogicError

from tests.contracts.stage import ZERO, Stage

REVERTS = (TransactionFailed, ContractLogicError)
INTERFACES = ("01ffc9a7", "d9b67a26", "0e89341c")
# The suite is inherited on purpose, so one function has several executors.
FEW = settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
    derandomize=True,
)
moves = st.lists(
    st.tuples(
        st.integers(0, 2), st.integers(0, 2), st.lists(st.integers(0, 1), max_size=3), st.integers(0, 12)
    ),
    max_size=8,
)


@dataclass(frozen=True)
class Token:
    """A token under test: `mint(holder, id, units)` makes units, `ids` are two, `holders` three accounts."""

    stage: Stage
    contract: Contract
    mint: Callable[[str, int, int], None]
    ids: tuple[int, int]
    holders: tuple[str, str, str]

    def balance(self, holder: str, identifier: int) -> int:
        return int(self.contract.functions.balanceOf(holder, identifier).call())

    def send(self, function: str, *arguments: Any, sender: str) -> dict[str, Any]:
        return self.stage.send(self.contract.functions[function](*arguments), sender)

    def give(self, sender: str, to: str, identifier: int, units: int) -> dict[str, Any]:
        return self.send("safeTransferFrom", sender, to, identifier, units, b"", sender=sender)

    def give_batch(self, sender: str, to: str, ids: list[int], units: list[int]) -> dict[str, Any]:
        return self.send("safeBatchTransferFrom", sender, to, ids, units, b"", sender=sender)


class Erc1155Suite:
    """Properties; a subclass gives the fixture `token`."""

    @pytest.mark.parametrize("interface", INTERFACES)
    def test_interfaces_are_told(self, token: Token, interface: str) -> None:
        assert token.contract.functions.supportsInterface(bytes.fromhex(interface)).call()

    def test_the_interface_of_nothing_is_not(self, token: Token) -> None:
        assert not token.contract.functions.supportsInterface(b"\xff" * 4).call()

    def test_a_mint_tells_where_from(self, token: Token) -> None:
        holder = token.holders[0]
        token.mint(holder, token.ids[0], 5)
        assert token.balance(holder, token.ids[0]) == 5

    def test_a_transfer_tells_what_moved(self, token: Token) -> None:
        holder, other, _ = token.holders
        token.mint(holder, token.ids[0], 5)
        receipt = token.give(holder, other, token.ids[0], 3)
        events = token.stage.events(receipt, token.contract, "TransferSingle")
        expected = {"operator": holder, "from": holder, "to": other, "id": token.ids[0], "value": 3}
        assert [tuple(e.values()) for e in events] == [tuple(expected.values())]

    def test_a_batch_tells_what_moved(self, token: Token) -> None:
        holder, other, _ = token.holders
        for identifier in token.ids:
            token.mint(holder, identifier, 5)
        receipt = token.give_batch(holder, other, list(token.ids), [2, 3])
        (event,) = token.stage.events(receipt, token.contract, "TransferBatch")
        assert list(event.values())[-2:] == [list(token.ids), [2, 3]]

    def test_more_than_held_does_not_move(self, token: Token) -> None:
        holder, other, _ = token.holders
        token.mint(holder, token.ids[0], 5)
        for units in (6, 2**256 - 1):
            with pytest.raises(REVERTS):
                token.give(holder, other, token.ids[0], units)

    def test_nothing_moves_to_nobody(self, token: Token) -> None:
        token.mint(token.holders[0], token.ids[0], 5)
        with pytest.raises(REVERTS):
            token.give(token.holders[0], ZERO, token.ids[0], 1)

    def test_only_holder_and_operator_move(self, token: Token) -> None:
        holder, operator, _ = token.holders
        token.mint(holder, token.ids[0], 5)
        arguments = (holder, operator, token.ids[0], 1, b"")
        for approved in (False, True, False):
            token.send("setApprovalForAll", operator, approved, sender=holder)
            assert token.contract.functions.isApprovedForAll(holder, operator).call() == approved
            if approved:
                token.send("safeTransferFrom", *arguments, sender=operator)
            else:
                with pytest.raises(REVERTS):
                    token.send("safeTransferFrom", *arguments, sender=operator)
        assert token.balance(operator, token.ids[0]) == 1

    def test_lists_of_different_length_are_refused(self, token: Token) -> None:
        holder, other, _ = token.holders
        token.mint(holder, token.ids[0], 5)
        with pytest.raises(REVERTS):
            token.give_batch(holder, other, [token.ids[0]], [1, 1])
        with pytest.raises(REVERTS):
            token.contract.functions.balanceOfBatch([holder], list(token.ids)).call()

    def test_a_receiver_that_refuses_gets_nothing(self, token: Token) -> None:
        holder = token.holders[0]
        receiver = token.stage.deploy("HostileReceiver")
        token.mint(holder, token.ids[0], 5)
        token.give(holder, receiver.address, token.ids[0], 1)
        token.stage.send(receiver.functions.setRefuses(True), holder)
        with pytest.raises(REVERTS):
            token.give(holder, receiver.address, token.ids[0], 1)
        assert token.balance(receiver.address, token.ids[0]) == 1

    def test_a_contract_that_cannot_receive_gets_nothing(self, token: Token) -> None:
        holder = token.holders[0]
        deaf = token.stage.deploy("TestDollar")
        token.mint(holder, token.ids[0], 5)
        with pytest.raises(REVERTS):
            token.give(holder, deaf.address, token.ids[0], 1)
        with pytest.raises(REVERTS):
            token.give_batch(holder, deaf.address, [token.ids[0]], [1])

    @FEW
    @given(steps=moves)
    def test_any_sequence_keeps_the_books(
        self, token: Token, steps: list[tuple[int, int, list[int], int]]
    ) -> None:
        """Units are neither made nor lost, and balances are what a plain book says."""
        point = token.stage.snapshot()
        book = {(h, i): 0 for h in range(3) for i in range(2)}
        for holder in range(2):
            for number in range(2):
                token.mint(token.holders[holder], token.ids[number], 10)
                book[holder, number] += 10
        for sender, to, numbers, units in steps:
            trial = dict(book)
            for number in numbers:
                trial[sender, number] -= units
                trial[to, number] += units if trial[sender, number] >= 0 else 0
            ids, values = [token.ids[n] for n in numbers], [units] * len(numbers)
            if min(trial.values()) < 0:
                with pytest.raises(REVERTS):
                    token.give_batch(token.holders[sender], token.holders[to], ids, values)
                continue
            token.give_batch(token.holders[sender], token.holders[to], ids, values)
            book = trial
        held = {(h, i): token.balance(token.holders[h], token.ids[i]) for h, i in book}
        assert held == book
        many = token.contract.functions.balanceOfBatch(
            [token.holders[h] for h, _ in book], [token.ids[i] for _, i in book]
        )
        assert many.call() == list(book.values())
        token.stage.revert(point)
