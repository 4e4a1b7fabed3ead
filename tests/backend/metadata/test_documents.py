"""Documents and data: URIs, without a store.

read_document
├── when hash, size, JSON or schema is wrong, it should be refused and every problem named
└── it should give slug, name and the words a search looks through
data_uri_bytes: plain, escaped and base64; anything else is refused
"""

import base64
from typing import Any

import orjson
import pytest

from backend.core.errors import BodyTooLarge, Unprocessable
from backend.core.units import ZERO_HASH, keccak
from backend.metadata.documents import SIZE_LIMIT, read_document
from backend.metadata.schemas import LimitsDocument
from backend.metadata.service import data_uri_bytes

GOOD: dict[str, Any] = {
    "emporion": "service/1",
    "name": "Good One",
    "slug": "good-one",
    "tags": ["fast"],
    "summary": "Does it",
}


def read(document: object) -> Any:
    data = document if isinstance(document, bytes) else orjson.dumps(document)
    return read_document(data, keccak(data))


class TestReadDocument:
    def test_refuses_another_hash(self) -> None:
        with pytest.raises(Unprocessable, match="keccak256"):
            read_document(orjson.dumps(GOOD), ZERO_HASH)

    def test_refuses_too_many_bytes(self) -> None:
        with pytest.raises(BodyTooLarge):
            read(b" " * (SIZE_LIMIT + 1))

    @pytest.mark.parametrize(
        "data", [b"", b"{", b"[]", b"\xff", b"{}", b'{"emporion": 1}', b'{"emporion": "x/1"}']
    )
    def test_refuses_what_is_no_document(self, data: bytes) -> None:
        with pytest.raises(Unprocessable):
            read(data)

    @pytest.mark.parametrize(
        ("change", "path"),
        [
            ({"name": ""}, "name"),
            ({"slug": "-a"}, "slug"),
            ({"slug": "a/b"}, "slug"),
            ({"gateway": "javascript:alert(1)"}, "gateway"),
            ({"tags": ["Big Tag"]}, "tags/0"),
            ({"model": {"context": 0}}, "model/context"),
            ({"surprise": 1}, "surprise"),
        ],
    )
    def test_names_what_breaks_the_schema(self, change: dict[str, Any], path: str) -> None:
        with pytest.raises(Unprocessable) as caught:
            read({**GOOD, **change})
        problems: Any = caught.value.details["problems"]
        assert [problem["path"] for problem in problems] == [path]

    def test_gives_the_words_of_a_search(self) -> None:
        document = read(GOOD)
        assert (document.kind, document.slug, document.name) == ("service", "good-one", "Good One")
        assert "#fast " in document.words
        assert document.words == document.words.lower()

    def test_reads_limits(self) -> None:
        document = read({"emporion": "limits/1", "concurrent": 2})
        assert isinstance(document.checked, LimitsDocument)
        assert (document.kind, document.slug, document.words) == ("limits", "", "")

    def test_reads_reviews(self) -> None:
        document = read({"emporion": "review/1", "text": "Quick and right."})
        assert (document.kind, document.slug, document.words) == ("review", "", "")
        for text in ("", "   ", "x" * 4_001):
            with pytest.raises(Unprocessable):
                read({"emporion": "review/1", "text": text})


class TestDataUri:
    @pytest.mark.parametrize(
        "uri",
        [
            'data:application/json,{"a":1}',
            "data:,%7B%22a%22%3A1%7D",
            "data:application/json;base64," + base64.b64encode(b'{"a":1}').decode(),
        ],
    )
    def test_reads_every_spelling(self, uri: str) -> None:
        assert data_uri_bytes(uri) == b'{"a":1}'

    @pytest.mark.parametrize("uri", ["data:", "data:;base64,%%%", "data:x;base64,a"])
    def test_refuses_anything_else(self, uri: str) -> None:
        with pytest.raises(Unprocessable):
            data_uri_bytes(uri)
