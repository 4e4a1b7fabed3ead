"""Pictures and sound: which routes there are, and the model a body names. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import orjson

from backend.core.errors import MalformedRequest, Unprocessable
from backend.inference.multipart import Form, read_form
from backend.inference.operations import CHOICES
from backend.inference.prepare import model_of, read_object

MOST_PICTURES: Final = 10
"""Of one request, as OpenAI has it: it is charged as one."""
MOST_MODEL_BYTES: Final = 800
MOST_NUMBER_BYTES: Final = 8
JSON: Final = "application/json"


class MediaRoute(StrEnum):
    """An OpenAI-shaped route of pictures or sound; the value is its path, ours and the upstream's."""

    IMAGE_GENERATION = "/v1/images/generations"
    IMAGE_EDIT = "/v1/images/edits"
    IMAGE_VARIATION = "/v1/images/variations"
    SPEECH = "/v1/audio/speech"
    TRANSCRIPTION = "/v1/audio/transcriptions"
    TRANSLATION = "/v1/audio/translations"


JSON_ROUTES: Final = frozenset({MediaRoute.IMAGE_GENERATION, MediaRoute.SPEECH})
"""The others take multipart/form-data."""


@dataclass(frozen=True, slots=True)
class MediaCall:
    """A body read: the model it names, and how it is written for an upstream's own name of it."""

    route: MediaRoute
    model: str
    media_type: str
    size: int
    body_for: Callable[[str], bytes] = field(repr=False)


def read_media(route: MediaRoute, content_type: str | None, body: bytes) -> MediaCall:
    """Read a body. Raises MalformedRequest, UnsupportedMediaType, Unprocessable."""
    if route in JSON_ROUTES:
        return _read_json(route, body)
    form = read_form(content_type, body)
    model = model_of(form.text("model", MOST_MODEL_BYTES))
    for name in CHOICES:
        _check_number(name, form.text(name, MOST_NUMBER_BYTES))
    return MediaCall(route, model, content_type or "", len(body), _in_form(form))


def _read_json(route: MediaRoute, body: bytes) -> MediaCall:
    fields = read_object(body)
    model = model_of(fields.get("model"))
    for name in CHOICES:
        value = fields.get(name)
        _check_number(name, None if value is None else str(value))

    def written(name: str) -> bytes:
        return orjson.dumps({**fields, "model": name})

    return MediaCall(route, model, JSON, len(body), written)


def _in_form(form: Form) -> Callable[[str], bytes]:
    def written(name: str) -> bytes:
        return form.replaced("model", name.encode())

    return written


def _check_number(name: str, text: str | None) -> None:
    if text is None:
        return
    if len(text) > MOST_NUMBER_BYTES or not (text.isascii() and text.isdigit() and int(text) > 0):
        raise MalformedRequest(f"`{name}` must be a whole number from 1", field=name)
    if int(text) > MOST_PICTURES:
        raise Unprocessable(f"at most {MOST_PICTURES} answers a request", problems=[name])
