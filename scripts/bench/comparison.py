"""Rounds in turns, and what they say: medians, and ratios of the rounds that ran side by side."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from statistics import median

from scripts.bench.load import Round, Void, percentile

Work = Callable[[], Awaitable[Round]]


@dataclass(slots=True)
class Comparison:
    """Rounds by contestant. Where one answered wrong once, all of its rounds are void and `void` says why."""

    rounds: dict[str, list[Round]] = field(default_factory=dict)
    void: dict[str, str] = field(default_factory=dict)

    def counts(self, *names: str) -> bool:
        """Whether each of them was measured, without an error."""
        return all(self.rounds.get(name) and name not in self.void for name in names)

    def median(self, name: str, of: str) -> float | None:
        """The median of a field over the rounds."""
        if not self.counts(name):
            return None
        return float(median(getattr(one, of) for one in self.rounds[name]))

    def ratio(self, over: str, under: str, of: str = "cpu_ms") -> float | None:
        """The median of the quotients of paired rounds."""
        if not self.counts(over, under):
            return None
        pairs = zip(self.rounds[over], self.rounds[under], strict=True)
        quotients = [getattr(mine, of) / getattr(other, of) for mine, other in pairs]
        return float(median(quotients))

    def latency(self, name: str, share: int) -> float | None:
        """A percentile over the requests of all rounds, in ms."""
        if not self.counts(name):
            return None
        return 1_000 * percentile([one for found in self.rounds[name] for one in found.latencies], share)

    def added(self, name: str, under: str, share: int) -> float | None:
        """How much later than `under` that share of the requests was answered, in ms."""
        mine, other = self.latency(name, share), self.latency(under, share)
        return None if mine is None or other is None else mine - other


async def in_turns(works: Mapping[str, Work], rounds: int) -> Comparison:
    """Run every work once a round, one after the other; one that is void is run no more."""
    found = Comparison({name: [] for name in works})
    for _ in range(rounds):
        for name, work in works.items():
            if name in found.void:
                continue
            try:
                found.rounds[name].append(await work())
            except Void as error:
                found.void[name] = str(error)
    return found
