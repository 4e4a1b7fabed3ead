"""What an unfinished deployment has sent, on disk before it is sent, so that a crash can be resumed."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from backend.core.errors import DeploymentMismatch
from backend.core.units import Hash32, hex_of, to_hash

FORMAT: Final = 1


@dataclass(slots=True)
class Journal:
    """One attempt: chain, key, first nonce, when begun (unix), contracts; hashes sent by contract."""

    chain_id: int
    genesis_hash: str
    deployer: str
    first_nonce: int
    begun_at: int
    fingerprint: str
    sent: dict[str, list[str]] = field(default_factory=dict)

    def note(self, name: str, tx_hash: bytes) -> None:
        """Add a transaction of a contract."""
        self.sent.setdefault(name, []).append(hex_of(tx_hash))

    def hashes(self, name: str) -> list[Hash32]:
        """Every hash a contract's creation was sent under."""
        return [to_hash(text) for text in self.sent.get(name, [])]


def journal_path(record_path: Path) -> Path:
    """Beside the record."""
    return record_path.with_suffix(".journal")


def read_journal(path: Path) -> Journal | None:
    """The journal; None where no deployment was left unfinished. Raises DeploymentMismatch when damaged."""
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        data.pop("format")
        return Journal(**data)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise DeploymentMismatch(
            f"the journal of an unfinished deployment {path} is damaged ({error}); move it away to begin anew"
        ) from error


def write_journal(path: Path, journal: Journal) -> None:
    """Write it in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".journal-draft")
    draft.write_text(json.dumps({"format": FORMAT, **asdict(journal)}, indent=1) + "\n", encoding="utf-8")
    draft.replace(path)
