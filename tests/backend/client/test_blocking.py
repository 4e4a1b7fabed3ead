"""The client without `await`.

given a program that ends by an exception, nothing closed: it ends
given a client closed twice: closed
given every method of the async client: it is there, with the same parameters
"""

import inspect
import subprocess
import sys

from backend.client import AsyncEmporion, Emporion

APART = {"sign_in", "described", "listing", "deposit_more", "openai", "close", "wait"}
"""What the other client needs for itself, or has in a shape of its own."""


class TestEmporion:
    def test_ends_with_its_program(self) -> None:
        program = "from backend.client import Emporion; market = Emporion('http://127.0.0.1:1'); 1 / 0"
        command = [sys.executable, "-c", program]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert "ZeroDivisionError" in done.stderr

    def test_closes_once(self) -> None:
        market = Emporion("http://127.0.0.1:1")
        market.close()
        market.close()

    def test_has_what_the_async_one_has(self) -> None:
        methods = {
            name: list(inspect.signature(method).parameters)
            for name, method in inspect.getmembers(AsyncEmporion, inspect.isfunction)
            if not name.startswith("_") and name not in APART
        }
        assert len(methods) > 30
        for name, parameters in methods.items():
            assert list(inspect.signature(getattr(Emporion, name)).parameters) == parameters, name
