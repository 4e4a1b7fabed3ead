"""Read a request's body once, bound what it can cost, and write the body the upstream gets. Pure.

The bound: a token is at least one byte of the body, so its length is never below the tokens of its prompt;
the chat template adds a few; the answer is clamped. What could pass the bound (images, tools of the
upstream's own, unknown names for the length) is counted or refused.
"""

from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from backend.core.errors import MalformedRequest, Unprocessable
from backend.core.nesting import is_deeper
from backend.inference.operations import (
    CHOICES,
    DROPPED,
    FIELDS,
    LENGTHS,
    PROBABILITIES,
    STATEFUL,
    Operation,
)

TEMPLATE_TOKENS: Final = 64
"""What a chat template adds once: its markers and a default system message."""
MESSAGE_TOKENS: Final = 8
"""What it adds around each message or prompt."""
TOOLS_TOKENS: Final = 256
"""What it adds to explain tools."""
MOST_PROBABILITIES: Final = 20
MOST_DEPTH: Final = 100
"""Of a body's lists and objects; what writes it again stops at 254, and what looks for its words recurses."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Of a model and a plan, in tokens. `image_tokens` None: images are refused."""

    context: int = 2_048
    default_output: int = 1_024
    most_output: int = 1_024
    most_choices: int = 8
    image_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class WorstCase:
    """The most a request can use, in measures (tokens here)."""

    units_in: int
    units_out: int


@dataclass(frozen=True, slots=True)
class Call:
    """A body read: what it asks for and of which model."""

    operation: Operation
    model: str
    fields: dict[str, Any]
    size: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """A body ready for an upstream, and what it may cost.

    `wants_usage`: the caller asked for the extra usage chunk of a stream; else it is dropped on the way back.
    `clamped`: the caller asked for a longer answer than `Limits.most_output`.
    """

    operation: Operation
    worst: WorstCase
    stream: bool
    wants_usage: bool
    clamped: bool
    fields: dict[str, Any] = field(repr=False)

    def body_for(self, model: str) -> bytes:
        """The bytes to send to an upstream that calls the model so."""
        return orjson.dumps({**self.fields, "model": model})


def read_call(operation: Operation, body: bytes) -> Call:
    """Parse a body. Raises MalformedRequest when it is not a JSON object that names a model."""
    fields = read_object(body)
    return Call(operation, model_of(fields.get("model")), fields, len(body))


def read_object(body: bytes) -> dict[str, Any]:
    """A body's fields. Raises MalformedRequest when it is not a JSON object."""
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedRequest("the body is not JSON in UTF-8", position=error.pos) from None
    if not isinstance(fields, dict):
        raise MalformedRequest("the body must be a JSON object")
    if body.count(b"[") + body.count(b"{") > MOST_DEPTH and is_deeper(fields, MOST_DEPTH):
        raise MalformedRequest(f"the body is nested deeper than {MOST_DEPTH}")
    return fields


def model_of(model: object) -> str:
    """The model's name. Raises MalformedRequest where it is none."""
    if not isinstance(model, str) or not 0 < len(model) <= 200:
        raise MalformedRequest("`model` must name a model: see GET /v1/models")
    return model


def prepare(call: Call, limits: Limits) -> Prepared:
    """Bound and rewrite a call.

    Raises MalformedRequest for a field of the wrong shape, Unprocessable for one that is not served.
    """
    shape = FIELDS[call.operation]
    fields = {name: value for name, value in call.fields.items() if name not in DROPPED}
    stream = _stream(fields, shape.may_stream)
    wants_usage = _ask_for_usage(fields) if stream and shape.adds_usage_chunk else False
    _refuse_state(call.operation, fields)
    _check_probabilities(fields)
    prompts = _count_prompts(call.operation, fields.get(shape.prompt))
    units_in = call.size + _template(fields, prompts) + _images(fields.get(shape.prompt), limits)
    if shape.output is None:
        return Prepared(
            call.operation, WorstCase(units_in, 0), stream, wants_usage, clamped=False, fields=fields
        )
    length, clamped = _clamp_lengths(fields, shape.output, limits)
    answers = _choices(fields, limits) * (prompts if call.operation is Operation.COMPLETION else 1)
    worst = WorstCase(units_in, length * answers)
    return Prepared(call.operation, worst, stream, wants_usage, clamped, fields)


def prompt_text(prepared: Prepared) -> str:
    """The words of a prompt, for our own count of its tokens."""
    prompt = prepared.fields.get(FIELDS[prepared.operation].prompt)
    return "\n".join(_texts(prompt))


def _stream(fields: dict[str, Any], may_stream: bool) -> bool:
    stream = fields.get("stream")
    if stream is not None and not isinstance(stream, bool):
        raise MalformedRequest("`stream` must be true or false")
    if stream and not may_stream:
        raise Unprocessable("this route does not stream: leave `stream` out")
    return bool(stream)


def _ask_for_usage(fields: dict[str, Any]) -> bool:
    """Ask the upstream for its count; return whether the caller had asked too."""
    options = fields.get("stream_options") or {}
    if not isinstance(options, dict):
        raise MalformedRequest("`stream_options` must be an object")
    fields["stream_options"] = {**options, "include_usage": True}
    return options.get("include_usage") is True


def _refuse_state(operation: Operation, fields: dict[str, Any]) -> None:
    if operation is not Operation.RESPONSES:
        return
    kept = [name for name in STATEFUL if fields.get(name)]
    if kept:
        raise Unprocessable("nothing is stored here: send the whole conversation in `input`", problems=kept)
    tools = fields.get("tools") or []
    if not isinstance(tools, list) or any(_kind(tool) not in ("function", "custom") for tool in tools):
        raise Unprocessable("only tools of type `function` are served", problems=["tools"])
    fields["store"] = False


def _check_probabilities(fields: dict[str, Any]) -> None:
    for name in PROBABILITIES:
        value = fields.get(name)
        if isinstance(value, int) and not -1 < value <= MOST_PROBABILITIES:
            raise Unprocessable(f"`{name}` must be 0 to {MOST_PROBABILITIES}", problems=[name])


def _clamp_lengths(fields: dict[str, Any], output: str, limits: Limits) -> tuple[int, bool]:
    """Bring every name of the answer's length under the limit; return the length and whether one was over."""
    most = min(limits.most_output, limits.context)
    asked = {name: _positive(name, fields[name]) for name in LENGTHS if fields.get(name) is not None}
    for name in LENGTHS:
        fields.pop(name, None)
    fields.update({name: min(value, most) for name, value in asked.items()})
    if not asked.keys() - {"min_tokens"}:
        fields[output] = min(limits.default_output, most)
    length = max(fields[name] for name in LENGTHS if name in fields)
    return length, any(value > most for value in asked.values())


def _choices(fields: dict[str, Any], limits: Limits) -> int:
    asked = [_positive(name, fields[name]) for name in CHOICES if fields.get(name) is not None]
    if asked and max(asked) > limits.most_choices:
        raise Unprocessable(f"at most {limits.most_choices} answers a request", problems=["n"])
    return max(asked, default=1)


def _positive(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise MalformedRequest(f"`{name}` must be a whole number from 1", field=name)
    return value


def _count_prompts(operation: Operation, prompt: object) -> int:
    """How many messages, prompts or inputs; a list of token numbers is one."""
    if operation is Operation.CHAT and not (isinstance(prompt, list) and prompt):
        raise MalformedRequest("`messages` must be a list with at least one message")
    if isinstance(prompt, str):
        return 1
    if not isinstance(prompt, list) or not prompt:
        name = FIELDS[operation].prompt
        raise MalformedRequest(f"`{name}` must be text or a list that is not empty")
    return 1 if all(isinstance(part, int) for part in prompt) else len(prompt)


def _template(fields: dict[str, Any], prompts: int) -> int:
    tools = TOOLS_TOKENS if fields.get("tools") or fields.get("functions") else 0
    return TEMPLATE_TOKENS + MESSAGE_TOKENS * prompts + tools


def _images(prompt: object, limits: Limits) -> int:
    """Tokens of a prompt's images. Raises Unprocessable for parts that are not served.

    An image must lie in the body: one named by a URL would have the upstream fetch what the caller chooses.
    """
    parts = [
        part for part in _parts(prompt) if _kind(part) not in ("text", "input_text", "output_text", "refusal")
    ]
    for part in parts:
        image = part.get("image_url")
        url = image.get("url") if isinstance(image, dict) else image
        if limits.image_tokens is None or not isinstance(url, str):
            raise Unprocessable("this model reads text only", problems=[str(_kind(part))[:40]])
        if not url.startswith("data:image/"):
            raise Unprocessable("an image must be sent in the body, as a data: URL", problems=["image_url"])
    return len(parts) * (limits.image_tokens or 0)


def _parts(prompt: object) -> list[dict[str, Any]]:
    """The content parts of all messages."""
    messages = prompt if isinstance(prompt, list) else []
    contents = [message.get("content") for message in messages if isinstance(message, dict)]
    return [
        part
        for content in contents
        if isinstance(content, list)
        for part in content
        if isinstance(part, dict)
    ]


def _kind(part: object) -> object:
    return part.get("type") if isinstance(part, dict) else None


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [text for part in value for text in _texts(part)]
    if isinstance(value, dict):
        return [text for name in ("content", "text", "arguments") for text in _texts(value.get(name))]
    return []
