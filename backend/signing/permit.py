"""Payments by signature: EIP-2612 permits and EIP-3009 authorizations, and the nonce that pins one to an
order.

Source: EIP-2612, EIP-3009; the order nonce is ``AccessToken.buyWithAuthorization``'s.
"""

from dataclasses import dataclass

from backend.core.units import Address, Hash32, Then, keccak
from backend.signing.eip712 import TypedMessage, Value, word


@dataclass(frozen=True, slots=True)
class Permit(TypedMessage):
    """Leave for ``spender`` to move ``value`` of the owner's tokens, until ``deadline``."""

    TYPE = "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"

    owner: Address
    spender: Address
    value: int
    nonce: int
    deadline: int

    def values(self) -> tuple[Value, ...]:
        """The fields, in the order of ``TYPE``."""
        return (self.owner, self.spender, self.value, self.nonce, self.deadline)


@dataclass(frozen=True, slots=True)
class ReceiveWithAuthorization(TypedMessage):
    """A transfer that only its receiver can carry out, between two times."""

    TYPE = (
        "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,"
        "uint256 validBefore,bytes32 nonce)"
    )

    sender: Address
    receiver: Address
    value: int
    valid_after: int
    valid_before: int
    nonce: Hash32

    def values(self) -> tuple[Value, ...]:
        """The fields, in the order of ``TYPE``."""
        return (self.sender, self.receiver, self.value, self.valid_after, self.valid_before, self.nonce)


@dataclass(frozen=True, slots=True)
class Order:
    """A gasless purchase; everything a relayer must not be able to change."""

    chain_id: int
    access_token: Address
    plan_id: int
    units: int
    recipient: Address
    then: Then
    max_cost: int
    deadline: int
    salt: Hash32

    def nonce(self) -> Hash32:
        """The EIP-3009 nonce: keccak256(abi.encode(every field above, in order))."""
        fields: tuple[Value, ...] = (
            self.chain_id,
            self.access_token,
            self.plan_id,
            self.units,
            self.recipient,
            int(self.then),
            self.max_cost,
            self.deadline,
            self.salt,
        )
        return keccak(b"".join(map(word, fields)))

    def authorization(self, payer: Address) -> ReceiveWithAuthorization:
        """What the payer signs in the currency's domain."""
        return ReceiveWithAuthorization(
            sender=payer,
            receiver=self.access_token,
            value=self.max_cost,
            valid_after=0,
            valid_before=self.deadline,
            nonce=self.nonce(),
        )
