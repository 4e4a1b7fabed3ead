"""What a command prints: tables for people, JSON for programs, errors that say what to do."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, NoReturn

import typer
from rich.console import Console
from rich.progress import Progress, ProgressColumn, Task
from rich.table import Table
from rich.text import Text

from backend.core.errors import EmporionError

_ENDLESS: Final = 10_000
"""Columns of an output that is no terminal: nothing is folded, so that programs can read it too."""


def _people() -> Console:
    return Console(highlight=False, width=None if sys.stdout.isatty() else _ENDLESS)


def _trouble() -> Console:
    return Console(stderr=True, highlight=False)


def say(text: str) -> None:
    """One line for people, on standard error, so that it never mixes with JSON."""
    _trouble().print(text, markup=False, soft_wrap=True)


@contextmanager
def working(text: str) -> Iterator[None]:
    """Say what takes a while: a spinner in a terminal, else one line."""
    console = _trouble()
    if not console.is_terminal:
        say(text)
        yield
        return
    with console.status(text):
        yield


class _Rate(ProgressColumn):
    """How many of what a second."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed or 0:,.0f} {self._unit}/s")


@contextmanager
def counting(text: str, unit: str = "") -> Iterator[Callable[[int, int], None]]:
    """Say how far something is: a bar with rate and time left in a terminal, else one line.

    Gives what to call with done and all.
    """
    console = _trouble()
    if not console.is_terminal:
        say(text)
        yield lambda _done, _all: None
        return
    with bar_of(console, unit) as bar:
        task, begun = bar.add_task(text, total=None), list[int]()

        def told(done: int, whole: int) -> None:
            if not begun:  # what was there before is nobody's pace
                begun.append(done)
                bar.reset(task, completed=done, total=whole)
            bar.update(task, completed=done, total=whole)

        yield told


def bar_of(console: Console, unit: str, *, alone: bool = True) -> Progress:
    """Bars with a share, time left and rate; not `alone`, they are drawn by something around them."""
    columns = (*Progress.get_default_columns(), _Rate(unit))
    return Progress(*columns, console=console, transient=True, auto_refresh=alone)


def terminal() -> Console | None:
    """Where people watch standard error; None where nobody does."""
    console = _trouble()
    return console if console.is_terminal else None


@contextmanager
def whole_screen() -> Iterator[None]:
    """What is printed inside takes the place of what stood in the terminal."""
    console = _people()
    if console.is_terminal:
        console.clear()
    yield


def lines(first: str, rest: Sequence[str]) -> None:
    """Lines for people, as they are, on standard output."""
    for line in (first, *rest):
        _people().print(line, markup=False, soft_wrap=True)


def show(values: Mapping[str, Any], *, as_json: bool, title: str = "") -> None:
    """One thing: its fields. Those named `..._base_units` are for programs only."""
    if as_json:
        return print_json(dict(values))
    table = Table(title=title or None, title_justify="left", show_header=False, box=None, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in values.items():
        if not name.endswith("_base_units"):
            table.add_row(name.replace("_", " "), _cell(value))
    return _people().print(table)


def show_rows(rows: Sequence[Mapping[str, Any]], *, as_json: bool, empty: str = "nothing") -> None:
    """Many things of one shape: a table. Fields named `..._base_units` are for programs only."""
    if as_json:
        return print_json([dict(row) for row in rows])
    if not rows:
        return say(empty)
    table = Table(box=None, pad_edge=False, header_style="bold")
    shown = [name for name in rows[0] if not name.endswith("_base_units")]
    for name in shown:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row[name]) for name in shown))
    return _people().print(table)


def print_json(value: Any) -> None:
    """JSON on standard output."""
    sys.stdout.write(json.dumps(value, indent=2, default=_plain, ensure_ascii=False) + "\n")


def fail(error: EmporionError, *, as_json: bool = False) -> NoReturn:
    """Say what was wrong and what to do, and end with status 1."""
    if as_json:
        print_json({"error": {"code": error.code, "message": error.message}})
    say(f"error: {error.message}")
    raise typer.Exit(1)


def money(amount: int, decimals: int, symbol: str) -> str:
    """Base units as people write them: exact, trailing zeros dropped."""
    whole, part = divmod(amount, 10**decimals)
    fraction = f"{part:0{decimals}d}".rstrip("0") if decimals else ""
    return f"{whole:,}{'.' + fraction if fraction else ''} {symbol}".strip()


def _plain(value: Any) -> str:
    """What JSON has no word for: bytes in hexadecimal, the rest as text."""
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(str(part) for part in value) or "-"
    return str(value)
