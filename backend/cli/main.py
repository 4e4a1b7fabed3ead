"""The `emporion` command: one subcommand a task, each in a module that is loaded when asked for."""

import importlib
import sys
from typing import Any, Final

import typer
from typer.core import TyperGroup

from backend.cli.output import fail
from backend.core.errors import EmporionError

PARTS: Final = {
    "devnet_commands": ("devnet", "demo"),
    "running": ("up", "serve"),
    "settling": ("settle",),
    "keep_commands": ("keep",),
    "provider_commands": ("provider",),
    "buyer_commands": ("buyer",),
    "stake_commands": ("stake",),
    "market_commands": ("market",),
    "search_commands": ("search",),
    "deploy_commands": ("deploy",),
    "index_commands": ("index", "status", "audit", "reindex"),
    "keys_commands": ("keys",),
    "receipt_commands": ("verify-receipt",),
    "statement_commands": ("statement", "prices"),
    "probe_commands": ("probe",),
    "airdrop_commands": ("airdrop",),
    "dispute_commands": ("dispute",),
    "govern_commands": ("govern",),
}
"""Modules and the commands they register: a process loads only what its command needs."""


class Commands(TyperGroup):
    """Every command; errors of ours end it with status 1 and a line that says what to do."""

    def invoke(self, context: Any) -> Any:
        """Run the one that was asked for."""
        as_json = "--json" in context.args
        try:
            return super().invoke(context)
        except EmporionError as error:
            fail(error, as_json=as_json)


def build(command: str | None = None) -> typer.Typer:
    """The application; with the name of a command, only the part that has it."""
    app = typer.Typer(
        name="emporion",
        cls=Commands,
        help="A marketplace where access to AI is a token you hold.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    app.callback()(_always_a_group)
    wanted = [part for part, commands in PARTS.items() if command in commands] or list(PARTS)
    for part in wanted:
        importlib.import_module(f"backend.cli.{part}").register(app)
    return app


def _always_a_group() -> None:
    """A marketplace where access to AI is a token you hold."""


def main() -> None:
    """Run the command line."""
    build(sys.argv[1] if len(sys.argv) > 1 else None)()


if __name__ == "__main__":
    main()
