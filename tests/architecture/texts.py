"""What a text search finds: string reverts in Solidity, promises of later work anywhere."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.rules import TREES
from tests.architecture.sources import Violation, files

PROMISE = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
PATTERNS = ("*.py", "*.sol", "*.md", "*.html", "*.js", "*.css", "*.toml", "*.sh")
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)


def check_promises(root: Path) -> list[Violation]:
    """Words that put work off."""
    found = [file for pattern in PATTERNS for file in files(root, pattern, *TREES, "docs")]
    found += [file for file in root.glob("*.*") if any(file.match(pattern) for pattern in PATTERNS)]
    return [
        Violation(
            file.relative_to(root).as_posix(), number, "promises", f"{match[0]}: do it, or leave it out"
        )
        for file in found
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
        if (match := PROMISE.search(line))
    ]


def check_reverts(root: Path) -> list[Violation]:
    """`require` and `revert` with a string, or with nothing, instead of a custom error.

    A mock may: it stands for somebody else's contract.
    """
    return [
        Violation(file.relative_to(root).as_posix(), line, "reverts", message)
        for file in files(root, "*.sol", "contracts/src")
        if "mocks" not in file.parts
        for line, message in reverts(file.read_text(encoding="utf-8"))
    ]


def reverts(source: str) -> Iterator[tuple[int, str]]:
    """The lines of a Solidity source that revert without a custom error."""
    code = COMMENT.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), source)
    for match in re.finditer(r"\b(require|revert)\s*\(", code):
        arguments = balanced(code, match.end())
        # `revert(offset, length)` is assembly's, which passes on another contract's words.
        bare = len(split_arguments(arguments)) < 2
        if bare or '"' in arguments:
            yield code.count("\n", 0, match.start()) + 1, f"{match[1]}({arguments}) names no custom error"


def balanced(code: str, start: int) -> str:
    """The text from here to the bracket that closes what was open."""
    depth, end = 1, start
    while depth and end < len(code):
        depth += {"(": 1, ")": -1}.get(code[end], 0)
        end += 1
    return code[start : end - 1]


def split_arguments(arguments: str) -> list[str]:
    """Split at the commas that stand in no bracket."""
    parts, depth = [""], 0
    for character in arguments:
        depth += {"(": 1, ")": -1, "[": 1, "]": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts
