"""The `emporion` command: one subcommand a task, each in a module of its own."""

import sys

import typer

from backend.cli import buyer_commands, chain_commands, keys_commands, provider_commands
from backend.cli.output import fail
from backend.core.errors import EmporionError

app = typer.Typer(
    name="emporion",
    help="A marketplace where access to AI is a token you hold.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for part in (keys_commands, chain_commands, provider_commands, buyer_commands):
    part.register(app)


def main() -> None:
    """Run the command line; errors of ours end it with status 1 and a line that says what to do."""
    try:
        app()
    except EmporionError as error:
        try:
            fail(error, as_json="--json" in sys.argv)
        except typer.Exit as ended:
            sys.exit(ended.exit_code)


if __name__ == "__main__":
    main()
