"""What the embedded engine is started with; the same record goes into its fingerprint."""

import json
from dataclasses import asdict, dataclass
from typing import Self

CONTEXT_TOKENS = 2_048
"""Context window of one slot, in tokens: prompt and answer together."""


@dataclass(frozen=True, slots=True)
class EngineParameters:
    """One engine process.

    `slots` requests run at once, each with `context_tokens` of its own: `kv_unified` stays off, because
    with a shared cache concurrent answers at temperature 0 differ from solo ones. `batch_tokens` is the
    widest piece of a prompt computed at once and with it the longest input of one embedding; memory grows
    with it (about 0.4 MB a token). `prompt_cache_mib` above 0 lets
    a prompt reuse what an earlier one with the same beginning computed; its speed and `cached_tokens` then
    tell one caller what another has asked, so it is off. `threads` is fixed at start: answers depend on how
    the work is cut.
    """

    model_path: str
    alias: str = "smollm2-135m"
    slots: int = 4
    context_tokens: int = CONTEXT_TOKENS
    batch_tokens: int = 512
    threads: int = 2
    prompt_cache_mib: int = 0

    def to_json(self) -> str:
        """One line, keys sorted."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, line: str) -> Self:
        """The inverse of `to_json`; raises `TypeError` on an unknown or missing field."""
        return cls(**json.loads(line))
