"""Faults that can be put into the money paths: which functions, which changes of a line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

FUNCTIONS: Final[Mapping[str, Sequence[str]]] = {
    "AccessToken": (
        "buyWithAuthorization", "activate", "consume", "refund", "_buy", "_place", "_requireSale",
        "_requireEarly", "_requirePayer", "_book", "_countBought", "_notePaidUse", "_extendAccess",
        "_collect", "_collectAuthorized", "_deliver", "_burnUnits", "_release", "_update", "backingOf",
    ),
    "UsageEscrow": (
        "deposit", "onERC1155Received", "onERC1155BatchReceived", "_deposit", "settle", "_settleEntry",
        "_skipReason", "_voucherReason", "_isSignedBy", "requestWithdrawal", "cancelWithdrawal", "close",
        "withdraw", "setTabOptions", "_isEnded", "_requireReady", "spendableOf",
    ),
    "RevenueShares": (
        "release", "distribute", "claim", "flushFees", "claimable", "_update", "_accrueBoth", "_accrue",
        "_takeDown", "_credit", "_payUpstreams", "_tokenOf", "_partDown",
    ),
    "StakingVault": (
        "increase", "extend", "compound", "expire", "unlock", "claim", "stream", "streaming", "claimable",
        "scoreDown", "_lock", "_grow", "_expire", "_touch", "_book", "_advance", "_take", "_open",
        "_elapsed", "_owedDown", "_streamedDown", "_requireRunning",
    ),
}  # fmt: skip
"""The paths of money, by contract."""

_SWAPS: Final = (
    ("guard", r"\bnonReentrant\b", ""),
    ("comparison", r" < ", " <= "), ("comparison", r" <= ", " < "), ("comparison", r" > ", " >= "),
    ("comparison", r" >= ", " > "), ("comparison", r" == ", " != "), ("comparison", r" != ", " == "),
    ("arithmetic", r" \+ ", " - "), ("arithmetic", r" - ", " + "), ("arithmetic", r" \* ", " / "),
    ("arithmetic", r" / ", " * "), ("arithmetic", r" \+= ", " -= "), ("arithmetic", r" -= ", " += "),
    ("arithmetic", r" \+= ", " = "), ("logic", r" && ", " || "), ("logic", r" \|\| ", " && "),
    ("logic", r"\bif \(", "if (!("), ("minimum", r"Math\.min\(", "Math.max("),
    ("minimum", r"Math\.max\(", "Math.min("), ("constant", r"\btrue\b", "false"),
    ("constant", r"\bfalse\b", "true"), ("off by one", r"(?<![\w.])0(?![\w.])", "1"),
    ("off by one", r"(?<![\w.])1(?![\w.])", "2"),
    ("rounding", r"([\w.]+ \* [\w.]+) / (\(?[\w. ]+\)?)", r"Math.ceilDiv(\1, \2)"),
    ("rounding", r"= (\w+) / (\w+);", r"= Math.ceilDiv(\1, \2);"),
)  # fmt: skip
_DECLARES: Final = re.compile(r"^(return|\(|\w+(\[\])?( storage| memory| calldata)? \w+( =|;)|delete\b$)")


@dataclass(frozen=True, slots=True)
class Fault:
    """One line of a contract, changed."""

    contract: str
    function: str
    operator: str
    line: int
    old: str
    new: str

    def applied(self, source: str) -> str:
        """The source with the fault in it."""
        lines = source.split("\n")
        assert lines[self.line - 1] == self.old
        lines[self.line - 1] = self.new
        return "\n".join(lines)

    def __str__(self) -> str:
        place = f"{self.contract}.{self.function}:{self.line}"
        return f"{place} {self.operator}: `{self.old.strip()}` -> `{self.new.strip()}`"


def faults(contract: str, source: str) -> list[Fault]:
    """Every fault the operators can put into the money paths of a contract."""
    return list(dict.fromkeys(_faults(contract, source)))


def _faults(contract: str, source: str) -> Iterator[Fault]:
    lines = source.split("\n")
    for function in FUNCTIONS[contract]:
        for number in _body(lines, function):
            old = lines[number]
            for operator, new in _changed(old, lines[number - 1]):
                yield Fault(contract, function, operator, number + 1, old, new)


def _body(lines: Sequence[str], function: str) -> Iterator[int]:
    """Indices of the lines of a function, or of several of one name."""
    start = re.compile(rf"^    function {function}\(")
    for first, line in enumerate(lines):
        if not start.match(line):
            continue
        last = next(number for number in range(first, len(lines)) if lines[number] == "    }")
        yield from range(first, last)


def _changed(line: str, above: str) -> Iterator[tuple[str, str]]:
    code, comment = re.match(r"^(.*?)(\s*//.*)?$", line).groups("")  # type: ignore[union-attr]
    if not code.strip() or "revert Errors" in code.split("if (")[0] or "assembly" in code:
        return
    condition, found, rest = code.partition(" revert ")
    for operator, pattern, new in _SWAPS:
        for match in re.finditer(pattern, condition):
            changed = condition[: match.start()] + match.expand(new) + condition[match.end() :]
            if operator == "logic" and new == "if (!(":
                changed = _negated(changed)
            yield operator, changed + found + rest + comment
    stands_alone = re.search(r"([;{}]|//.*)\s*$", above) or not above.strip()
    if stands_alone and code.rstrip().endswith(";") and not _DECLARES.match(code.strip()):
        yield "dropped", f"{code[: len(code) - len(code.lstrip())]}// {code.strip()}"


def _negated(code: str) -> str:
    """Close the parenthesis that a negation opened, where the condition ends."""
    depth, start = 0, code.index("if (!(") + 5
    for place in range(start, len(code)):
        depth += {"(": 1, ")": -1}.get(code[place], 0)
        if depth == 0:
            return f"{code[:place]}){code[place:]}"
    return code
