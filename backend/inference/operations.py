"""The model routes we serve, as values: where they lie and which of their fields bound the work."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Operation(StrEnum):
    """An OpenAI-shaped route; the value is its path, ours and the upstream's."""

    CHAT = "/v1/chat/completions"
    COMPLETION = "/v1/completions"
    EMBEDDING = "/v1/embeddings"
    RESPONSES = "/v1/responses"


@dataclass(frozen=True, slots=True)
class Fields:
    """Which body fields matter. `output` is written when the caller left the length of the answer open."""

    prompt: str
    output: str | None
    may_stream: bool
    adds_usage_chunk: bool = False


FIELDS: Final = {
    Operation.CHAT: Fields("messages", "max_tokens", may_stream=True, adds_usage_chunk=True),
    Operation.COMPLETION: Fields("prompt", "max_tokens", may_stream=True, adds_usage_chunk=True),
    Operation.EMBEDDING: Fields("input", None, may_stream=False),
    Operation.RESPONSES: Fields("input", "max_output_tokens", may_stream=True),
}

LENGTHS: Final = (
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "n_predict",
    "max_new_tokens",
    "min_tokens",
)
"""Every name under which an engine takes the length of an answer; each one present is clamped."""

CHOICES: Final = ("n", "best_of", "n_cmpl", "num_return_sequences")
"""Every name under which an engine takes how many answers to make."""

PROBABILITIES: Final = ("top_logprobs", "logprobs", "n_probs", "prompt_logprobs")
"""Fields that multiply the size of an answer by their value."""

STATEFUL: Final = ("previous_response_id", "conversation", "background")
"""Fields that would make the upstream keep or continue something: nothing is stored, so they are refused."""

DROPPED: Final = ("id_slot", "slot_id", "cache_prompt", "lora")
"""Fields of llama.cpp that reach into its other callers' work."""
