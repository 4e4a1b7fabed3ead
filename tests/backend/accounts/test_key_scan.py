"""Leaked keys in files.

scan
├── given text, bytes, UTF-16, a key across two pieces: each key once, at its line, without its secret
├── given a wrong check or a shape alone: nothing
├── given git's objects or links: left out; what cannot be read is told
└── given many megabytes: quick (bounded by work, not by the clock)
"""

import os
from pathlib import Path

import pytest

from backend.accounts.key_format import make_key
from backend.accounts.key_scan import scan


def key() -> tuple[str, str]:
    made = make_key("live")
    return made.text, made.key_id


class TestScan:
    def test_finds_each_key_at_its_line(self, tmp_path: Path) -> None:
        text, key_id = key()
        (tmp_path / "settings.env").write_text(f"# ours\n\nKEY={text}\nAGAIN='{text}'\n")
        found = scan(tmp_path)
        assert [(leak.line, leak.key_id, leak.network) for leak in found.leaks] == [
            (3, key_id, "live"),
            (4, key_id, "live"),
        ]
        assert text not in repr(found)

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
    def test_reads_wide_text(self, tmp_path: Path, encoding: str) -> None:
        text, key_id = key()
        (tmp_path / "out.txt").write_text(f"first\nkey {text}\n", encoding=encoding, newline="")
        assert [(leak.line, leak.key_id) for leak in scan(tmp_path).leaks] == [(2, key_id)]

    def test_is_not_troubled_by_bytes(self, tmp_path: Path) -> None:
        text, key_id = key()
        (tmp_path / "core").write_bytes(
            os.urandom(5_000) + b"\0\xff" + text.encode() + b"\0" + os.urandom(99)
        )
        assert [leak.key_id for leak in scan(tmp_path).leaks] == [key_id]

    @pytest.mark.parametrize("wide", [False, True])
    @pytest.mark.parametrize("before", [0, 1, 30, 59, 60, 61, 100, 159, 160, 161, 200])
    def test_finds_a_key_across_pieces_once(self, tmp_path: Path, before: int, wide: bool) -> None:
        text, key_id = key()
        body = ("\n" * (256 - before) + text + "\n" * 700).encode("utf-16-le" if wide else "ascii")
        (tmp_path / "log").write_bytes(body)
        assert [(leak.line, leak.key_id) for leak in scan(tmp_path, 256).leaks] == [(257 - before, key_id)]

    def test_is_certain(self, tmp_path: Path) -> None:
        text, _ = key()
        wrong = text[:-1] + ("a" if text[-1] != "a" else "b")
        (tmp_path / "docs.md").write_text(f"{wrong}\nemp_live_<id>_<secret>\n{text[:40]}\n")
        assert scan(tmp_path).leaks == []

    def test_leaves_out_gits_objects_and_links(self, tmp_path: Path) -> None:
        text, key_id = key()
        for name in (".git/objects/ab/cd", ".git/config", "objects/data"):
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        if os.name == "posix":
            (tmp_path / "again").symlink_to(tmp_path / ".git" / "config")
            os.mkfifo(tmp_path / "pipe")
        found = scan(tmp_path)
        assert [leak.file.relative_to(tmp_path).as_posix() for leak in found.leaks] == [
            ".git/config",
            "objects/data",
        ]
        assert {leak.key_id for leak in found.leaks} == {key_id}

    def test_tells_what_it_could_not_read(self, tmp_path: Path) -> None:
        gone = tmp_path / "gone"
        assert [file for file, _ in scan(gone).unread] == [gone]

    def test_reads_large_files(self, tmp_path: Path) -> None:
        text, key_id = key()
        large = tmp_path / "large.log"
        large.write_bytes(b"x" * 99 + b"\n" + (b"emp_live_ and more of the like\n" * 700_000) + text.encode())
        (leak,) = scan(large).leaks
        assert (leak.line, leak.key_id) == (700_002, key_id)
