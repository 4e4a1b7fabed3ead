"""What must be equal for two runs of a model to be comparable; written into receipts.

Only then does a different answer at temperature 0 say something: other weights, kernels or cutting of the
work round differently (`not comparable`, never `false`).
"""

import json
from dataclasses import dataclass
from typing import Final, Self

from backend.core.errors import MalformedRequest
from backend.core.units import Hash32, keccak, to_hash
from backend.inference.engine_parameters import EngineParameters
from backend.inference.engine_process import Ready

RUNTIME: Final = "xllamacpp"


@dataclass(frozen=True, slots=True)
class EngineFingerprint:
    """Of one engine. `model_digest` is the SHA-256 of the weights' file; `parameters` leave its path out."""

    runtime: str
    runtime_version: str
    model_digest: Hash32
    cpu_features: tuple[str, ...]
    parameters: tuple[tuple[str, int | str], ...]

    def text(self) -> str:
        """Canonical JSON: equal texts, comparable runs."""
        record = {
            "cpu": list(self.cpu_features),
            "model": "0x" + self.model_digest.hex(),
            "parameters": dict(self.parameters),
            "runtime": f"{self.runtime} {self.runtime_version}",
        }
        return json.dumps(record, sort_keys=True, separators=(",", ":"))

    @classmethod
    def parse(cls, text: str) -> Self:
        """The inverse of `text`. Raises MalformedRequest."""
        try:
            record = json.loads(text)
            runtime, _, version = record["runtime"].partition(" ")
            parameters = tuple(sorted(record["parameters"].items()))
            return cls(runtime, version, to_hash(record["model"]), tuple(record["cpu"]), parameters)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise MalformedRequest("this is not an engine fingerprint: take it from a receipt") from None

    def digest(self) -> Hash32:
        """Keccak-256 of the text."""
        return keccak(self.text().encode())

    def comparable(self, other: "EngineFingerprint") -> bool:
        """Whether both engines must give the same answer at temperature 0."""
        return self.text() == other.text()


def fingerprint(ready: Ready, parameters: EngineParameters, model_digest: Hash32) -> EngineFingerprint:
    """The fingerprint of a running embedded engine.

    Left out: the path of the file and the name the model answers to, which no answer depends on.
    """
    counted = {
        "batch_tokens": parameters.batch_tokens,
        "context_tokens": parameters.context_tokens,
        "prompt_cache_mib": parameters.prompt_cache_mib,
        "slots": parameters.slots,
        "threads": parameters.threads,
    }
    return EngineFingerprint(
        runtime=RUNTIME,
        runtime_version=ready.runtime_version,
        model_digest=model_digest,
        cpu_features=ready.cpu_features,
        parameters=tuple(sorted(counted.items())),
    )
