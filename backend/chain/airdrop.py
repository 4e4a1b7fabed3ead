"""An airdrop of EMP: who gets how much, the root the distributor is deployed with, and each account's proof.

The leaves are those of `IEmporionDistributor.claim`: index, account, amount, ABI-encoded and hashed twice.
"""

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

from backend.chain.abi import encode_values
from backend.core.errors import MalformedRequest, SettingsError
from backend.core.units import Address, BaseUnits, Hash32, checksum, hex_of, to_address, to_hash
from backend.signing.merkle import MerkleTree, leaf_of

_EMP: Final = 10**18
_LEAF: Final = ({"type": "uint256"}, {"type": "address"}, {"type": "uint256"})


@dataclass(frozen=True, slots=True)
class Award:
    """A line of the airdrop; `amount` in base units of EMP."""

    index: int
    account: Address
    amount: BaseUnits

    @property
    def leaf(self) -> Hash32:
        """Its leaf in the tree."""
        return leaf_of(encode_values(_LEAF, [self.index, self.account, self.amount]))


@dataclass(frozen=True, slots=True)
class Airdrop:
    """All of them, in the order of the file."""

    awards: tuple[Award, ...]

    @property
    def total(self) -> BaseUnits:
        """Base units of all awards."""
        return BaseUnits(sum(award.amount for award in self.awards))

    @property
    def root(self) -> Hash32:
        """What the distributor is deployed with."""
        return self._tree().root

    def proofs(self) -> list[dict[str, Any]]:
        """What each account needs in order to claim, ready for JSON."""
        tree = self._tree()
        return [
            {
                "index": award.index,
                "account": checksum(award.account),
                "amount": str(award.amount),
                "proof": [hex_of(sibling) for sibling in tree.proof(award.index)],
            }
            for award in self.awards
        ]

    def write_proofs(self, path: Path) -> None:
        """Write the proofs for the accounts to claim with."""
        path.write_text(json.dumps(self.proofs(), indent=1) + "\n", encoding="utf-8")

    def _tree(self) -> MerkleTree:
        return MerkleTree(award.leaf for award in self.awards)


def read_airdrop(path: Path) -> Airdrop:
    """Read lines `address,EMP`; a heading and empty lines are passed over.

    Raises SettingsError that names the line: no address, no amount, an account twice, nothing at all.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
    awards: list[Award] = []
    known: dict[Address, int] = {}
    for number, line in enumerate(csv.reader(text.splitlines()), start=1):
        if not line or (number == 1 and not line[0].strip().startswith("0x")):
            continue
        award = _award(path, number, line, len(awards))
        if award.account in known:
            raise SettingsError(
                f"{path} line {number}: {line[0]} is in line {known[award.account]} already; add them up"
            )
        known[award.account] = number
        awards.append(award)
    if not awards:
        raise SettingsError(f"{path} has no line `address,EMP`; without an airdrop nobody could ever vote")
    return Airdrop(tuple(awards))


def read_award(path: Path, account: Address) -> tuple[Award, list[Hash32]]:
    """An account's award and its proof, from a file of proofs. Raises SettingsError where it has none."""
    try:
        lines = json.loads(path.read_text(encoding="utf-8"))
        mine = [line for line in lines if to_address(line["account"]) == account]
        if not mine:
            raise SettingsError(f"{path} has nothing for {checksum(account)}")
        proof = [to_hash(sibling) for sibling in mine[0]["proof"]]
        return Award(int(mine[0]["index"]), account, BaseUnits(int(mine[0]["amount"]))), proof
    except (OSError, ValueError, TypeError, KeyError, MalformedRequest) as error:
        raise SettingsError(f"{path} is no file of airdrop proofs: {error}") from error


def _award(path: Path, number: int, line: Sequence[str], index: int) -> Award:
    try:
        account, amount = to_address(line[0].strip()), Decimal(line[1].strip().replace("_", "")) * _EMP
    except (MalformedRequest, IndexError, InvalidOperation) as error:
        raise SettingsError(f"{path} line {number}: not `address,EMP`: {','.join(line)}") from error
    if not amount.is_finite() or amount <= 0 or amount != int(amount):
        raise SettingsError(f"{path} line {number}: {line[1]} is no amount of EMP above 0, 18 places at most")
    return Award(index, account, BaseUnits(int(amount)))
