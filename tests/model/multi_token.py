"""ERC-1155 as OpenZeppelin has it, with the two hooks our contracts use."""

from collections.abc import Sequence

from tests.model.part import Part
from tests.model.records import NOBODY
from tests.model.refusal import refuse


class MultiToken(Part):
    """Balances, approvals, transfers and their callbacks."""

    def balance(self, account: bytes, token_id: int) -> int:
        """Units of an account."""
        return self.m.state.units.get((self.NAME, token_id, account), 0)

    def is_approved(self, owner: bytes, operator: bytes) -> bool:
        """Whether an operator may move an owner's units."""
        return (self.NAME, owner, operator) in self.m.state.approvals

    def set_approval_for_all(self, caller: bytes, operator: bytes, approved: bool) -> None:
        """`setApprovalForAll`."""
        if operator == NOBODY:
            refuse("ERC1155InvalidOperator")
        change = self.m.state.approvals.add if approved else self.m.state.approvals.discard
        change((self.NAME, caller, operator))
        self.emit("ApprovalForAll", account=caller, operator=operator, approved=approved)

    def safe_transfer_from(
        self, caller: bytes, owner: bytes, to: bytes, token_id: int, value: int, data: bytes
    ) -> None:
        """`safeTransferFrom`."""
        self._require_mover(caller, owner, to)
        self.update(caller, owner, to, [token_id], [value])
        self._accept(owner, to, [token_id], [value], None)

    def safe_batch_transfer_from(
        self,
        caller: bytes,
        owner: bytes,
        to: bytes,
        token_ids: Sequence[int],
        values: Sequence[int],
        data: bytes,
    ) -> None:
        """`safeBatchTransferFrom`."""
        self._require_mover(caller, owner, to)
        self.update(caller, owner, to, token_ids, values)
        self._accept(owner, to, token_ids, values, None)

    def _require_mover(self, caller: bytes, owner: bytes, to: bytes) -> None:
        if caller != owner and not self.is_approved(owner, caller):
            refuse("ERC1155MissingApprovalForAll")
        if to == NOBODY:
            refuse("ERC1155InvalidReceiver")

    def mint_units(self, caller: bytes, to: bytes, token_id: int, value: int, payer: bytes | None) -> None:
        """Mint; `payer` is what a mint tells the escrow."""
        if to == NOBODY:
            refuse("ERC1155InvalidReceiver")
        self.update(caller, NOBODY, to, [token_id], [value])
        self._accept(NOBODY, to, [token_id], [value], payer)

    def update(
        self, caller: bytes, sender: bytes, to: bytes, token_ids: Sequence[int], values: Sequence[int]
    ) -> None:
        """Move units; a contract's own hook comes before."""
        if len(token_ids) != len(values):
            refuse("ERC1155InvalidArrayLength")
        units = self.m.state.units
        for token_id, value in zip(token_ids, values, strict=True):
            if sender != NOBODY:
                if self.balance(sender, token_id) < value:
                    refuse("ERC1155InsufficientBalance")
                units[self.NAME, token_id, sender] -= value
            if to != NOBODY:
                units[self.NAME, token_id, to] += value
        ends = {"operator": caller, "from_": sender, "to": to}
        if len(token_ids) == 1:
            self.emit("TransferSingle", **ends, id=token_ids[0], value=values[0])
        else:
            self.emit("TransferBatch", **ends, ids=list(token_ids), values=list(values))

    def _accept(
        self,
        sender: bytes,
        to: bytes,
        token_ids: Sequence[int],
        values: Sequence[int],
        payer: bytes | None,
    ) -> None:
        if to == self.m.escrow.address:
            self.m.escrow.receive(self, sender, token_ids, values, payer)
        elif to in self.m.site.code:
            refuse("ERC1155InvalidReceiver")
