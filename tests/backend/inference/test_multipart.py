"""The parts of multipart/form-data.

read_form
├── should find fields and files, in a boundary with or without quotes
├── should keep every byte of a file, also those that begin like the boundary
├── a content type that is another, lacks its boundary or says more: 415
└── a body that ends early, begins elsewhere, repeats headers, encodes or floods: 400
Form
├── text: None where absent; 400 for a file, twice, another spelling, too long or no UTF-8
└── replaced: that field's bytes alone
"""

import pytest

from backend.core.errors import MalformedRequest, UnsupportedMediaType
from backend.inference.multipart import MOST_PARTS, read_form

TYPE = "multipart/form-data; boundary=b-1"
FILE = b"\xff\x00\r\n--b-\r\nmodel\r\n\r\nother"


def part(name: str, content: bytes, more: str = "", head: str = "") -> bytes:
    said = f'--b-1\r\nContent-Disposition: form-data; name="{name}"{more}\r\n{head}\r\n'
    return said.encode() + content + b"\r\n"


def whole(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--b-1--\r\n"


SOUND = part("file", FILE, '; filename="a.mp3"', "Content-Type: audio/mpeg\r\n")
BODY = whole(SOUND, part("model", b"31337/1"), part("language", b""))


class TestRead:
    @pytest.mark.parametrize("content_type", [TYPE, 'Multipart/Form-Data;boundary="b-1"'])
    def test_finds_fields_and_files(self, content_type: str) -> None:
        form = read_form(content_type, BODY)
        assert [(one.name, one.is_file) for one in form.parts] == [
            ("file", True),
            ("model", False),
            ("language", False),
        ]
        assert BODY[form.parts[0].start : form.parts[0].end] == FILE
        assert (form.text("model", 200), form.text("language", 8), form.text("n", 8)) == ("31337/1", "", None)

    @pytest.mark.parametrize(
        "content_type",
        [
            None,
            "application/json",
            "multipart/form-data",
            "multipart/mixed; boundary=b-1",
            f"{TYPE}; boundary=c",
        ],
    )
    def test_refuses_other_types(self, content_type: str | None) -> None:
        with pytest.raises(UnsupportedMediaType):
            read_form(content_type, BODY)

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            BODY[:-6],
            b"preamble\r\n" + BODY,
            BODY.replace(b"--b-1", b"--b-2"),
            whole(b"--b-1\r\nContent-Type: text/plain\r\n\r\nx\r\n"),
            whole(part("model", b"x", head='Content-Disposition: form-data; name="other"\r\n')),
            whole(part("model", b"eA==", head="Content-Transfer-Encoding: base64\r\n")),
            whole(part("x", b"x", head='X: y\nContent-Disposition: form-data; name="model"\r\n')),
            whole(part("x", b"x", "; name*=utf-8''model")),
            whole(part("x\xff", b"x")).replace(b"\xc3\xbf", b"\xff"),
            whole(part("model", b"x", head="X: " + "y" * 5_000 + "\r\n")),
            whole(*(part("x", b"x") for _ in range(MOST_PARTS + 1))),
            b"--b-1",
            b"\xff" * 100,
        ],
    )
    def test_refuses_what_could_be_read_otherwise(self, body: bytes) -> None:
        with pytest.raises(MalformedRequest):
            read_form(TYPE, body)


class TestText:
    @pytest.mark.parametrize(
        "parts",
        [
            (part("model", b"a"), part("model", b"b")),
            (part("model", b"a"), part("Model", b"b")),
            (part("MODEL", b"a"),),
            (part("model", b"a", '; filename="m"'),),
            (part("model", b"a" * 201),),
            (part("model", b"\xff"),),
        ],
    )
    def test_refuses_what_names_no_one_model(self, parts: tuple[bytes, ...]) -> None:
        with pytest.raises(MalformedRequest, match="`model`"):
            read_form(TYPE, whole(*parts)).text("model", 200)


class TestReplaced:
    def test_changes_that_field_alone(self) -> None:
        written = read_form(TYPE, BODY).replaced("model", b"whisper")
        assert written == whole(SOUND, part("model", b"whisper"), part("language", b""))
        assert read_form(TYPE, BODY).replaced("absent", b"x") == BODY
