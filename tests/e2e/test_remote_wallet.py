"""Commands of a wallet whose key lives in a remote signer, beside a running devnet.

keep, probe, provider publish, buyer
├── act as the wallet of EMPORION_WALLET_SIGNER_ADDRESS, whose key this machine never has
└── given a signer that is away: say so, and send nothing
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.core.units import checksum
from backend.signing.keys import LocalKey
from tests.e2e.terminal import does, eventually, get, plan_of, refuses
from tests.emporion_command import run_emporion
from tests.signer_server import SignerServer, signer_server

pytestmark = [
    pytest.mark.devnet,
    pytest.mark.model,
    pytest.mark.integration,
    pytest.mark.timeout(240),
    pytest.mark.usefixtures("second_terminal"),
]

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "service.toml"


@pytest.fixture
def signer(monkeypatch: pytest.MonkeyPatch, second_terminal: None) -> Iterator[tuple[SignerServer, str]]:
    """A remote signer of a fresh wallet with money, and the wallet's address."""
    secret = os.urandom(32)
    wallet = checksum(LocalKey(secret).address)
    does("devnet", "fund", wallet)
    with signer_server(secret) as server:
        monkeypatch.setenv("EMPORION_WALLET_SIGNER_URL", server.url)
        monkeypatch.setenv("EMPORION_WALLET_SIGNER_ADDRESS", wallet)
        yield server, wallet


class TestAWalletElsewhere:
    def test_keeps(self, signer: tuple[SignerServer, str]) -> None:
        assert "upkeep sent" in run_emporion("keep", "--once").err
        assert "upkeep sent" in run_emporion("keep", "--once").err  # the first one left nothing locked

    def test_buys_and_has_keys(self, signer: tuple[SignerServer, str]) -> None:
        server, wallet = signer
        bought = does("buyer", "buy", plan_of("smollm2", "metered"), "3")
        assert bought["plan"]
        assert eventually(lambda: len(get(f"/v1/accounts/{wallet}")["plans"]) == 1)
        assert does("buyer", "key")["key"].startswith("emp_dev_")
        assert len(server.asked) >= 3  # a permit, a transaction, a sign-in

    def test_probes(self, signer: tuple[SignerServer, str]) -> None:
        server, _ = signer
        chat = str(int(plan_of("smollm2", "pass")) >> 20)
        (probed,) = run_emporion("probe", chat, "--budget", "0.01", "--json").json
        assert probed["state"] == "up"
        assert server.asked

    def test_publishes(self, signer: tuple[SignerServer, str]) -> None:
        _, wallet = signer
        made = does("provider", "publish", str(EXAMPLE), "--no-trial")
        owner = get(f"/v1/services/{made['service']}")["owner"]
        assert owner.lower() == wallet.lower()

    def test_says_when_the_signer_is_away(
        self, signer: tuple[SignerServer, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("EMPORION_WALLET_SIGNER_URL", "http://127.0.0.1:9")
        for command in (("keep", "--once"), ("probe",), ("provider", "publish", str(EXAMPLE))):
            assert "the remote signer does not answer" in refuses(*command).err
