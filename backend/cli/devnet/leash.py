"""`python leash.py PROGRAM ARGUMENT...`: runs a program that ends when our standard input closes.

That happens on every system when whoever started us stops or dies, `kill -9` included. Standard library only.
"""

import os
import subprocess
import sys
import threading

_PATIENCE_SECONDS = 10.0


def main(command: list[str]) -> int:
    """Run the command; its exit code."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    threading.Thread(target=_end_with_input, args=(process,), daemon=True).start()
    return process.wait()


def _end_with_input(process: "subprocess.Popen[bytes]") -> None:
    # Unbuffered: a thread inside a buffered read aborts the interpreter when the program ends first.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    process.terminate()
    try:
        process.wait(_PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
