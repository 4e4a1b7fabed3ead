"""Airdrops: from a file of awards to a root and proofs.

read_airdrop
├── when a line is no `address,EMP`, an amount is no amount, an account comes twice: refused, naming the line
├── when there is nothing: refused
└── given a heading, underscores, fractions: base units, in order
proofs
├── it should lead each leaf to the root
└── it should be read back for an account; refused for one without an award
"""

from pathlib import Path

import pytest

from backend.chain.airdrop import Airdrop, Award, read_airdrop, read_award
from backend.core.errors import SettingsError
from backend.core.units import Address, BaseUnits, checksum
from backend.signing.merkle import verify

EMP = 10**18
ONE, TWO, THREE = (Address(bytes([number]) * 20) for number in (1, 2, 3))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "awards.csv"


class TestReadAirdrop:
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            (f"{checksum(ONE)}", "line 1: not `address,EMP`"),
            ("0x12,5", "line 1: not `address,EMP`"),
            (f"{checksum(ONE)},many", "line 1: not `address,EMP`"),
            (f"{checksum(ONE)},0", "line 1: 0 is no amount"),
            (f"{checksum(ONE)},NaN", "line 1: NaN is no amount"),
            (f"{checksum(ONE)},0.0000000000000000001", "18 places at most"),
            (f"account,EMP\n{checksum(ONE)},1\n\n{checksum(ONE)},2", "line 4: .* is in line 2 already"),
            ("account,EMP\n", "has no line `address,EMP`"),
        ],
    )
    def test_refuses_naming_the_line(self, file: Path, text: str, said: str) -> None:
        file.write_text(text)
        with pytest.raises(SettingsError, match=said):
            read_airdrop(file)

    def test_refuses_a_file_that_is_not_there(self, file: Path) -> None:
        with pytest.raises(SettingsError, match="cannot be read"):
            read_airdrop(file)

    def test_reads_base_units_in_order(self, file: Path) -> None:
        file.write_text(f"account,EMP\n{checksum(ONE)}, 1_000\n\n{checksum(TWO).lower()},0.5\n")
        found = read_airdrop(file)
        assert found.awards == (
            Award(0, ONE, BaseUnits(1_000 * EMP)),
            Award(1, TWO, BaseUnits(EMP // 2)),
        )
        assert found.total == 1_000 * EMP + EMP // 2


class TestProofs:
    airdrop = Airdrop(tuple(Award(i, a, BaseUnits(EMP + i)) for i, a in enumerate((ONE, TWO, THREE))))

    def test_lead_each_leaf_to_the_root_and_no_other(self, file: Path) -> None:
        self.airdrop.write_proofs(file)
        for award in self.airdrop.awards:
            found, proof = read_award(file, award.account)
            assert found == award
            assert verify(self.airdrop.root, award.leaf, proof)
            more = Award(award.index, award.account, BaseUnits(award.amount + 1))
            assert not verify(self.airdrop.root, more.leaf, proof)

    def test_refuse_who_has_no_award(self, file: Path) -> None:
        self.airdrop.write_proofs(file)
        with pytest.raises(SettingsError, match="has nothing for"):
            read_award(file, Address(b"\4" * 20))

    def test_refuse_a_file_of_something_else(self, file: Path) -> None:
        file.write_text('{"a": 1}')
        with pytest.raises(SettingsError, match="no file of airdrop proofs"):
            read_award(file, ONE)
