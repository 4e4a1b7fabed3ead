"""TestDollar: EIP-3009 and ERC-2612 as USDC has them

transferWithAuthorization, receiveWithAuthorization (bytes, and v, r, s)
├── when it is not yet valid or not any more: it should revert
├── when it is used twice, or was cancelled: it should revert
├── when amount, payee or chain are not those signed, or the signature is malleable: it should revert
├── when the payee is not the caller of receiveWithAuthorization: it should revert
├── given a signer that is a contract: its answer should count, whatever it is
└── it should move the dollars and keep the nonce
cancelAuthorization
├── when somebody else signed it: it should revert
└── it should make the authorization worthless
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from web3.contract.contract import Contract

from tests.contracts.stage import MAX_UINT256, Stage
from tests.contracts.typed_data import PERMIT, joined, signed

USD = 10**6
FIELDS = "from:address,to:address,value:uint256,validAfter:uint256,validBefore:uint256,nonce:bytes32"
CANCEL = "authorizer:address,nonce:bytes32"
NONCE = b"\x01" * 32
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
BYTES, PARTS = "bytes", "uint8,bytes32,bytes32"


@dataclass(frozen=True)
class DollarStage:
    stage: Stage
    dollar: Contract
    payer: str
    payee: str
    stranger: str

    def sign(self, kind: str, values: tuple[Any, ...], *, key: int = 1, chain_id: int | None = None) -> Any:
        fields = CANCEL if kind == "CancelAuthorization" else FIELDS
        return signed(
            self.dollar, "Test Dollar", kind, fields, values, self.stage.key(key), chain_id=chain_id
        )  # fmt: skip

    def send(
        self, function: str, values: tuple[Any, ...], signature: Any, sender: str, form: str = BYTES
    ) -> Any:
        body = (
            "address,bytes32"
            if function == "cancelAuthorization"
            else "address,address,uint256,uint256,uint256,bytes32"
        )
        call = self.dollar.get_function_by_signature(f"{function}({body},{form})")
        last = (joined(*signature),) if form == BYTES and isinstance(signature, tuple) else signature
        return self.stage.send(call(*values, *(last if isinstance(last, tuple) else (last,))), sender)

    def balance(self, account: str) -> int:
        return int(self.dollar.functions.balanceOf(account).call())


@pytest.fixture(scope="module")
def built() -> DollarStage:
    stage = Stage()
    dollar = stage.deploy("TestDollar")
    stage.send(dollar.functions.mint(stage.account(1), 100 * USD), stage.account(0))
    return DollarStage(stage, dollar, stage.account(1), stage.account(2), stage.account(3))


@pytest.fixture
def d(built: DollarStage) -> Iterator[DollarStage]:
    point = built.stage.snapshot()
    yield built
    built.stage.revert(point)


def order(d: DollarStage, **changes: Any) -> tuple[Any, ...]:
    values = {
        "from": d.payer,
        "to": d.payee,
        "value": 5 * USD,
        "after": 0,
        "before": MAX_UINT256,
        "nonce": NONCE,
    }
    return tuple({**values, **changes}.values())


@pytest.mark.parametrize("form", [BYTES, PARTS])
@pytest.mark.parametrize("kind", ["TransferWithAuthorization", "ReceiveWithAuthorization"])
class TestAuthorization:
    def function(self, kind: str) -> str:
        return kind[0].lower() + kind[1:]

    def test_not_yet_valid(self, d: DollarStage, kind: str, form: str) -> None:
        values = order(d, after=d.stage.now)
        with d.stage.reverts("TestDollar_NotYetValid", d.stage.now, d.stage.now):
            d.send(self.function(kind), values, d.sign(kind, values), d.payee, form)

    def test_expired(self, d: DollarStage, kind: str, form: str) -> None:
        values = order(d, before=d.stage.now)
        with d.stage.reverts("TestDollar_Expired", d.stage.now, d.stage.now):
            d.send(self.function(kind), values, d.sign(kind, values), d.payee, form)

    def test_used_twice(self, d: DollarStage, kind: str, form: str) -> None:
        values = order(d)
        d.send(self.function(kind), values, d.sign(kind, values), d.payee, form)
        with d.stage.reverts("TestDollar_AuthorizationUsed", d.payer, NONCE):
            d.send(self.function(kind), values, d.sign(kind, values), d.payee, form)

    @pytest.mark.parametrize("change", [{"value": 6 * USD}, {"nonce": b"\x02" * 32}, {"before": 2**255}])
    def test_not_what_was_signed(self, d: DollarStage, kind: str, form: str, change: dict[str, Any]) -> None:
        signature = d.sign(kind, order(d))
        with d.stage.reverts("TestDollar_InvalidSignature", d.payer):
            d.send(self.function(kind), order(d, **change), signature, d.payee, form)

    def test_of_another_chain(self, d: DollarStage, kind: str, form: str) -> None:
        signature = d.sign(kind, order(d), chain_id=1)
        with d.stage.reverts("TestDollar_InvalidSignature", d.payer):
            d.send(self.function(kind), order(d), signature, d.payee, form)

    def test_malleable(self, d: DollarStage, kind: str, form: str) -> None:
        v, r, s = d.sign(kind, order(d))
        twin = (55 - v, r, (ORDER - int.from_bytes(s, "big")).to_bytes(32, "big"))
        with d.stage.reverts("TestDollar_InvalidSignature", d.payer):
            d.send(self.function(kind), order(d), twin, d.payee, form)

    def test_moves_the_dollars(self, d: DollarStage, kind: str, form: str) -> None:
        receipt = d.send(self.function(kind), order(d), d.sign(kind, order(d)), d.payee, form)
        assert (d.balance(d.payer), d.balance(d.payee)) == (95 * USD, 5 * USD)
        assert d.dollar.functions.authorizationState(d.payer, NONCE).call() is True
        used = {"authorizer": d.payer, "nonce": NONCE}
        assert d.stage.events(receipt, d.dollar, "AuthorizationUsed") == [used]

    def test_cancelled(self, d: DollarStage, kind: str, form: str) -> None:
        cancel = d.sign("CancelAuthorization", (d.payer, NONCE))
        d.send("cancelAuthorization", (d.payer, NONCE), cancel, d.stranger, form)
        with d.stage.reverts("TestDollar_AuthorizationUsed"):
            d.send(self.function(kind), order(d), d.sign(kind, order(d)), d.payee, form)


class TestTransferAndReceive:
    def test_a_stranger_relays_a_transfer(self, d: DollarStage) -> None:
        kind = "TransferWithAuthorization"
        d.send("transferWithAuthorization", order(d), d.sign(kind, order(d)), d.stranger)
        assert d.balance(d.payee) == 5 * USD

    def test_a_stranger_cannot_receive_for_the_payee(self, d: DollarStage) -> None:
        kind = "ReceiveWithAuthorization"
        with d.stage.reverts("TestDollar_NotPayee", d.stranger, d.payee):
            d.send("receiveWithAuthorization", order(d), d.sign(kind, order(d)), d.stranger)

    def test_a_transfer_is_no_receipt(self, d: DollarStage) -> None:
        signature = d.sign("TransferWithAuthorization", order(d))
        with d.stage.reverts("TestDollar_InvalidSignature"):
            d.send("receiveWithAuthorization", order(d), signature, d.payee)

    def test_a_contract_signs(self, d: DollarStage) -> None:
        wallet = d.stage.deploy("SmartWallet", d.payer)
        d.stage.send(d.dollar.functions.mint(wallet.address, 10 * USD), d.payer)
        values = order(d, **{"from": wallet.address})
        signature = d.sign("ReceiveWithAuthorization", values)
        point = d.stage.snapshot()
        d.send("receiveWithAuthorization", values, signature, d.payee)
        assert d.balance(wallet.address) == 5 * USD
        d.stage.revert(point)
        d.stage.send(wallet.functions.setMood(1), d.payer)
        with d.stage.reverts("TestDollar_InvalidSignature", wallet.address):
            d.send("receiveWithAuthorization", values, signature, d.payee)


class TestCancel:
    def test_by_somebody_else(self, d: DollarStage) -> None:
        signature = d.sign("CancelAuthorization", (d.payer, NONCE), key=3)
        with d.stage.reverts("TestDollar_InvalidSignature", d.payer):
            d.send("cancelAuthorization", (d.payer, NONCE), signature, d.stranger)


class TestPermit:
    def test_sets_the_allowance(self, d: DollarStage) -> None:
        values = (d.payer, d.payee, 7, 0, MAX_UINT256)
        signature = signed(d.dollar, "Test Dollar", "Permit", PERMIT, values, d.stage.key(1))
        call = d.dollar.functions.permit(d.payer, d.payee, 7, MAX_UINT256, *signature)
        d.stage.send(call, d.stranger)
        assert d.dollar.functions.allowance(d.payer, d.payee).call() == 7

    def test_six_decimals(self, d: DollarStage) -> None:
        facts = [d.dollar.functions[name]().call() for name in ("symbol", "decimals")]
        assert facts == ["tUSD", 6]
