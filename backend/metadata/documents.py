"""Reading a document: bytes in, a checked document or its problems out. Pure."""

from dataclasses import dataclass
from typing import Any, Final

import orjson
from pydantic import ValidationError

from backend.core.errors import BodyTooLarge, Unprocessable
from backend.core.units import Hash32, hex_of, keccak
from backend.metadata.schemas import LimitsDocument, ReviewDocument, ServiceDocument

SIZE_LIMIT: Final = 256 * 1024
PROBLEMS_SHOWN: Final = 50
AnyDocument = ServiceDocument | LimitsDocument | ReviewDocument
_KINDS: Final[dict[str, type[AnyDocument]]] = {
    "service/1": ServiceDocument,
    "limits/1": LimitsDocument,
    "review/1": ReviewDocument,
}


@dataclass(frozen=True, slots=True)
class Document:
    """A checked document and what searches look through."""

    content_hash: Hash32
    kind: str
    size: int
    checked: AnyDocument

    @property
    def slug(self) -> str:
        """The service's short name; empty for other documents."""
        return self.checked.slug if isinstance(self.checked, ServiceDocument) else ""

    @property
    def name(self) -> str:
        """The service's name; empty for other documents."""
        return self.checked.name if isinstance(self.checked, ServiceDocument) else ""

    @property
    def words(self) -> str:
        """Name, slug, summary and tags in lower case; each tag as `#tag` with a space after it."""
        if not isinstance(self.checked, ServiceDocument):
            return ""
        said = self.checked
        tags = "".join(f" #{tag}" for tag in said.tags)
        return f"{said.name} {said.slug} {said.summary} {tags} ".lower()


def read_document(data: bytes, expected: Hash32) -> Document:
    """Check hash, size, JSON and schema. Raises BodyTooLarge and Unprocessable, naming every problem."""
    if len(data) > SIZE_LIMIT:
        raise BodyTooLarge(f"a document has at most {SIZE_LIMIT} bytes, this has {len(data)}")
    if (found := keccak(data)) != expected:
        raise Unprocessable(f"the content's keccak256 is {hex_of(found)}, not {hex_of(expected)}")
    kind, model = _kind(_parsed(data))
    try:
        checked = model.model_validate_json(data)
    except ValidationError as error:
        raise Unprocessable(f"the {kind} document breaks its schema", problems=_told(error)) from None
    return Document(found, kind, len(data), checked)


def json_schema(kind: str) -> dict[str, Any]:
    """The JSON Schema of `service`, `limits` or `review` documents. Raises KeyError for another kind."""
    return _KINDS[f"{kind}/1"].model_json_schema()


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise Unprocessable(f"the document is not JSON in UTF-8 ({error})") from None
    if not isinstance(document, dict):
        raise Unprocessable("the document must be a JSON object")
    if b"\\u0000" in data:
        raise Unprocessable("the document holds a NUL character, which no text of it needs")
    return document


def _kind(document: dict[str, Any]) -> tuple[str, type[AnyDocument]]:
    named = document.get("emporion")
    model = _KINDS.get(named) if isinstance(named, str) else None
    if model is None:
        raise Unprocessable(f"the document's field `emporion` must be one of {', '.join(_KINDS)}")
    return str(named).partition("/")[0], model


def _told(error: ValidationError) -> list[dict[str, str]]:
    mistakes = error.errors(include_input=False, include_url=False, include_context=False)
    return [
        {"path": "/".join(str(part) for part in mistake["loc"]), "problem": mistake["msg"]}
        for mistake in mistakes[:PROBLEMS_SHOWN]
    ]
