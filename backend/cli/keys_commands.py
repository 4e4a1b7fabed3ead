"""`emporion keys`: encrypted keystores in EMPORION_HOME/keys, and API keys that leaked into files."""

from pathlib import Path
from typing import Annotated

import typer

from backend.accounts.key_scan import scan
from backend.cli.output import lines, print_json, say, show, show_rows
from backend.cli.signers import keystore_password
from backend.cli.wiring import prepared, run
from backend.core.units import checksum
from backend.signing.keys import LocalKey
from backend.signing.keystore import KeyStore

keys = typer.Typer(
    help="Keep private keys in encrypted keystores; find leaked API keys.", no_args_is_help=True
)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Argument(help="Name of the keystore.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(keys, name="keys")


@keys.command("new")
def new(name: Name = "default", as_json: AsJson = False) -> None:
    """Make a fresh key and keep it encrypted."""
    settings = prepared()
    store = KeyStore(settings.keys_path)
    key = store.new(name, keystore_password(settings, name, confirm=True))
    show({"name": name, "address": checksum(key.address)}, as_json=as_json)


@keys.command("import")
def import_key(
    name: Name = "default",
    file: Annotated[
        Path | None, typer.Option(help="File with the key in hexadecimal; without it a prompt asks.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Keep an existing key encrypted. It is read from a file or a prompt, never from the command line."""
    settings = prepared()
    if file is not None:
        key = LocalKey.from_file(file)
    else:
        key = LocalKey.from_hex(typer.prompt("private key (hexadecimal)", hide_input=True, err=True))
    KeyStore(settings.keys_path).import_key(name, key, keystore_password(settings, name, confirm=True))
    show({"name": name, "address": checksum(key.address)}, as_json=as_json)


@keys.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """List the keystores: names and addresses."""
    entries = KeyStore(prepared().keys_path).list()
    rows = [{"name": entry.name, "address": checksum(entry.address)} for entry in entries]
    show_rows(rows, as_json=as_json, empty="no keys; make one with `emporion keys new`")


@keys.command("rotate-master")
def rotate(as_json: AsJson = False) -> None:
    """Seal anew, under EMPORION_MASTER_KEY, every secret that one of EMPORION_EARLIER_MASTER_KEYS sealed.

    One transaction: killed, it changed nothing; run again, it finds all of it done. Status 1 where a secret
    is sealed by a key that is not named.
    """
    from backend.cli.master_key import rotate_master  # keystores need no database

    counts = run(rotate_master(prepared(quiet=True)))
    show(counts, as_json=as_json)
    if counts["unopened"]:
        say("some secrets are sealed by another key: name it too, or have them given again")
        raise typer.Exit(1)


@keys.command("scan")
def scan_files(
    path: Annotated[Path, typer.Argument(help="A file, or a folder with all below it.", exists=True)],
    as_json: AsJson = False,
) -> None:
    """Find API keys that leaked into files, by prefix and checksum; status 1 where there is one."""
    found = scan(path)
    if as_json:
        print_json(
            {
                "files": found.files,
                "leaks": [
                    {"file": leak.file, "line": leak.line, "key_id": leak.key_id, "network": leak.network}
                    for leak in found.leaks
                ],
                "unread": [{"file": file, "reason": reason} for file, reason in found.unread],
            }
        )
    elif found.leaks:
        told = [f"{leak.file}:{leak.line}: {leak.network} key {leak.key_id}" for leak in found.leaks]
        lines(told[0], told[1:])
        say("revoke each: `emporion buyer revoke ID`, or My access on the gateway's page")
    for file, reason in found.unread:
        say(f"not read: {file}: {reason}")
    if found.leaks or found.unread:
        raise typer.Exit(1)
    if not as_json:
        say(f"no API key in {found.files} files")
