"""Where the contracts of a model are, who governs them, and what they were deployed with."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from backend.chain.deploy_values import LIVE


@dataclass(frozen=True, slots=True)
class Settings:
    """Constructor values; the defaults are those of a live chain."""

    fee_bps: int = LIVE["initialFeeBps"]
    delay: int = LIVE["initialWithdrawalDelay"]
    min_delay: int = LIVE["minWithdrawalDelay"]
    max_delay: int = LIVE["maxWithdrawalDelay"]
    registry: Mapping[str, int] = field(default_factory=lambda: LIVE["ServiceRegistry.settings"])
    vault: Mapping[str, int] = field(default_factory=lambda: LIVE["StakingVault.settings"])


@dataclass(frozen=True, slots=True)
class Site:
    """20-byte addresses. `contracts` by artifact name; `tokens` are ERC-20s beyond those of the table."""

    contracts: Mapping[str, bytes]
    governance: bytes
    guardian: bytes
    court: bytes
    currencies: tuple[bytes, ...]
    tokens: tuple[bytes, ...] = ()
    settings: Settings = field(default_factory=Settings)

    @property
    def code(self) -> frozenset[bytes]:
        """Addresses that are contracts."""
        return frozenset((*self.contracts.values(), *self.currencies, *self.tokens))
