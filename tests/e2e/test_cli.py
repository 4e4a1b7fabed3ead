"""Every command against a running devnet, as a person would use them in a second terminal.

devnet
├── tells accounts, network, gateway and the file for a second terminal
├── given a second one: beside it, on other ports, and said so
├── given the same home: refused
├── given Ctrl-C: everything it started has ended
└── given --keep: goes on where it was, in the present
fund, advance, reorg, snapshot, revert
└── index and gateway follow
buyer, provider, stake, search, probe, status
├── say what they did, in words and as JSON
└── say what is missing: funds, bond, patience
deploy
└── given a bare chain: who may vote first is asked for; a record, an airdrop; given it again: refused
"""

import os
import shutil
import time
import urllib.request
from pathlib import Path

import pytest

from backend.chain.deploy_plan import COMPLETE
from backend.cli.devnet.network import Devnet
from backend.cli.devnet.ports import free_port, is_free
from backend.cli.wiring import run
from backend.core.units import checksum
from backend.signing.keys import LocalKey
from tests.e2e.terminal import Economy, beside, does, eventually, funded, get, plan_of, refuses, started
from tests.emporion_command import run_emporion

pytestmark = [
    pytest.mark.devnet,
    pytest.mark.model,
    pytest.mark.integration,
    pytest.mark.timeout(240),
    pytest.mark.usefixtures("second_terminal"),
]

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "service.toml"


class TestDevnet:
    def test_tells_what_a_wallet_needs(self, economy: Economy) -> None:
        for words in (
            "provider",
            "key 0x",
            "chain id",
            "31337",
            economy.settings["EMPORION_RPC_URLS"],
            "env",
        ):
            assert words in economy.printed

    def test_refuses_the_same_home_twice(self) -> None:
        assert "runs from" in refuses("devnet").err

    def test_runs_beside_another_and_goes_on_later(self, economy: Economy, tmp_path: Path) -> None:
        taken = economy.settings["EMPORION_RPC_URLS"].rpartition(":")[2]
        options = ("--port", taken, "--empty", "--keep")
        first = started(tmp_path, *options)
        family = first.family
        node = first.settings["EMPORION_RPC_URLS"]
        assert f"port {taken} is taken; the chain is at port {node.rpartition(':')[2]}" in first.printed
        assert len(family) > 6
        record = (tmp_path / "devnet" / "deployment.json").read_text()
        assert first.stop().endswith("stopped\n")
        assert first.process.returncode == 0
        assert not [pid for pid in family if Path(f"/proc/{pid}").exists()]
        assert is_free(int(node.rpartition(":")[2]))

        second = started(tmp_path, *options)
        assert "going on with the chain that was kept" in second.printed
        assert (tmp_path / "devnet" / "deployment.json").read_text() == record
        assert run(chain_time(tmp_path / "devnet")) > time.time() - 60
        second.stop()


async def chain_time(home: Path) -> int:
    async with Devnet.attach(home) as devnet:
        return await devnet.controls.now()


class TestControls:
    def test_fund_adds_gas_dollars_and_emp(self) -> None:
        wallet = checksum(LocalKey.create().address)
        gift = does("devnet", "fund", wallet)
        assert gift == {"address": wallet, "gas": "10 ETH", "dollars": "10,000 tUSD", "EMP": "10,000 EMP"}
        assert eventually(lambda: get(f"/v1/accounts/{wallet}")["emp"] == str(10_000 * 10**18))

    def test_index_and_gateway_follow_a_revert(self, monkeypatch: pytest.MonkeyPatch) -> None:
        wallet = funded(monkeypatch)
        taken = does("devnet", "snapshot")
        does("buyer", "buy", plan_of("smollm2", "pass"))
        assert eventually(lambda: len(get(f"/v1/accounts/{wallet}")["plans"]) == 1)
        assert does("devnet", "revert")["block"] == taken["block"]
        assert eventually(lambda: get(f"/v1/accounts/{wallet}")["plans"] == [])
        assert "no snapshot" in refuses("devnet", "revert").err

    def test_index_and_gateway_follow_a_reorg(self, monkeypatch: pytest.MonkeyPatch) -> None:
        wallet = funded(monkeypatch)
        does("buyer", "buy", plan_of("smollm2", "pass"))
        assert eventually(lambda: len(get(f"/v1/accounts/{wallet}")["plans"]) == 1)
        assert does("devnet", "reorg", "1")["depth"] == 1
        assert eventually(lambda: get(f"/v1/accounts/{wallet}")["plans"] == [])

    def test_refuses_a_reorg_beyond_the_start(self) -> None:
        assert "outside 1 to" in refuses("devnet", "reorg", "100000").err


class TestBuyer:
    def test_timed_units_become_access(self, monkeypatch: pytest.MonkeyPatch) -> None:
        funded(monkeypatch)
        plan = plan_of("smollm2", "timed")
        bought = does("buyer", "buy", plan, "2")
        assert bought["cost"] == "4 tUSD"
        assert bought["access_until"].endswith("UTC")
        assert "access_until" not in does("buyer", "buy", plan, "--hold")
        assert does("buyer", "activate", plan)["access_until"] > bought["access_until"]

    def test_credits_go_all_the_way_round(self, monkeypatch: pytest.MonkeyPatch) -> None:
        wallet = funded(monkeypatch)
        plan = plan_of("smollm2", "metered")
        assert does("buyer", "buy", plan, "100")["credits_in_tab"] == 100
        does("buyer", "buy", plan, "10", "--hold")
        assert does("buyer", "deposit", plan, "4")["credits_in_tab"] == 104
        assert does("buyer", "refund", plan, "6")["refunded_base_units"] == "60000"
        assert "buyer withdraw PLAN --request" in refuses("buyer", "withdraw", plan).err
        assert does("buyer", "withdraw", plan, "--request")["ready_at"].endswith("UTC")
        # The meter owes nothing, and may have closed the tab by now: then the delay is over already.
        does("devnet", "advance", "1d")
        assert does("buyer", "withdraw", plan)["withdrawn"] == 104
        assert does("buyer", "refund", plan, "104")["refunded"] == "1.04 tUSD"
        assert eventually(
            lambda: {entry["units"] for entry in get(f"/v1/accounts/{wallet}")["plans"]} <= {"0"}
        )

    def test_empty_wallet_is_told_the_price(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("EMPORION_PRIVATE_KEY", os.urandom(32).hex())
        said = refuses("buyer", "buy", plan_of("smollm2", "pass"))
        assert "this costs 20 tUSD" in said.err
        assert "emporion devnet fund 0x" in said.err

    def test_makes_a_key_that_opens_the_gateway(self, monkeypatch: pytest.MonkeyPatch) -> None:
        funded(monkeypatch)
        made = does("buyer", "key", "--name", "laptop")
        assert made["key"].startswith("emp_dev_")
        asked = urllib.request.Request(
            made["base_url"] + "/models", headers={"Authorization": f"Bearer {made['key']}"}
        )
        with urllib.request.urlopen(asked, timeout=10) as answer:
            assert answer.status == 200


class TestProvider:
    def test_publishes_from_a_fresh_keystore(self, tmp_path: Path) -> None:
        seller = does("keys", "new", "seller")["address"]
        assert "the bond is 1,000 EMP" in refuses("provider", "publish", str(EXAMPLE), "--key", "seller").err
        does("devnet", "fund", seller)
        low = tmp_path / "low.toml"
        low.write_text(EXAMPLE.read_text().replace('bond = "1000"', 'bond = "1"'))
        assert "below the minimum of" in refuses("provider", "publish", str(low), "--key", "seller").err

        made = does("provider", "publish", str(EXAMPLE), "--key", "seller")
        assert list(made["plans"]) == ["Pass", "Month", "Credits"]
        assert eventually(
            lambda: made["model"] in [entry["model"] for entry in does("search", "small", "model")]
        )
        assert made["trial"]["ok"], made
        again = does("provider", "publish", str(EXAMPLE), "--key", "seller", "--no-trial")
        assert again == made | {"gas": 0, "trial": {"ok": None, "told": "skipped"}}
        other = tmp_path / "other.toml"
        other.write_text(EXAMPLE.read_text().replace("My small model", "My other model"))
        assert "choose another `slug`" in refuses("provider", "publish", str(other), "--key", "seller").err

        does("buyer", "buy", str(made["plans"]["Pass"]), "--key", "buyer")
        claimed = does("provider", "claim", str(made["service"]), "--key", "seller")
        assert 0 < int(claimed["received_base_units"]["tUSD"]) <= 25_000_000


class TestStaker:
    def test_locks_and_claims(self) -> None:
        locked = does("stake", "lock", "10", "90d", "--key", "third_buyer")
        assert locked["amount"] == "10 EMP"
        assert locked["until"].endswith("UTC")
        assert "received" in does("stake", "claim", "--key", "staker")
        said = run_emporion("stake", "claim", "--key", "buyer")  # who has no stake
        assert said.status == 0
        assert "nothing to claim yet" in said.err

    def test_endless_lock_is_refused_with_a_reason(self) -> None:
        assert "the contract refused" in refuses("stake", "lock", "10", "500d", "--key", "buyer").err


class TestSearch:
    def test_is_a_table_for_people(self) -> None:
        said = run_emporion("search", "weather")
        assert said.status == 0
        assert "Street weather" in said.out
        assert "0.5 EMP per credit" in said.out

    def test_filters(self) -> None:
        assert [entry["name"] for entry in does("search", "--tag", "embeddings")] == ["SmolLM2 embeddings"]
        assert does("search", "nothinglikethis") == []

    def test_shows_what_a_prober_measured(self, monkeypatch: pytest.MonkeyPatch) -> None:
        wallet = funded(monkeypatch)
        chat = str(int(plan_of("smollm2", "pass")) >> 20)
        (unpaid,) = does("probe", chat)
        assert (unpaid["state"], unpaid["probes"]) == ("unpaid", None)
        said = run_emporion("probe", chat, "--budget", "0.01", "--json")
        assert said.json[0]["state"] == "up", said
        assert "0.01 tUSD of the budget are left" in said.err  # the trial is free
        (best, *_) = does("search", "--sort", "uptime")
        told = [one for one in best["measured"] if one["source"] == "prober"]
        assert [(one["measured_by"], one["samples"], one["uptime_ppm"]) for one in told] == [
            (wallet, 1, 1_000_000)
        ]
        assert "service 999 is no model on sale here" in refuses("probe", "999").err


def scraped(port: int) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            return str(answer.read().decode())
    except OSError as error:
        return str(error)


class TestOperations:
    def test_status_tells_index_and_gateway(self) -> None:
        told = does("status")
        assert told["gateway"]["ready"] is True
        assert told["chains"][0]["chain"] == 31_337
        assert told["chains"][0]["done_percent"] > 99

    def test_workers_stand_back_beside_running_ones(self) -> None:
        assert "another process settles" in run_emporion("settle", "--once").err

    def test_anybody_keeps_but_with_a_key_of_their_own(self) -> None:
        assert "upkeep sent" in run_emporion("keep", "--once", "--key", "staker").err
        assert "another process sends" in run_emporion("keep", "--once", "--key", "meter").err

    @pytest.mark.parametrize(("command", "leads"), [(("settle",), 0), (("keep", "--key", "staker"), 1)])
    def test_those_that_stay_are_watched(self, command: tuple[str, ...], leads: int) -> None:
        """Beside the devnet's own settlement a second one stands by; a keeper has a key of its own."""
        port = free_port(0)
        line = f'emporion_settlement_leads{{part="keep"}} {leads}.0'
        with beside(*command, "--metrics-port", str(port)):
            assert eventually(lambda: line in scraped(port), 30), scraped(port)
            said = scraped(port)
        assert "emporion_store_up 1.0" in said
        assert "emporion_settlement_backlog_credits" in said

    def test_deploys_on_a_bare_chain(
        self, economy: Economy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The devnet's chain has room for a second deployment, with a record of its own."""
        wallet = funded(monkeypatch)
        monkeypatch.setenv("EMPORION_HOME", str(tmp_path))
        monkeypatch.setenv("EMPORION_DEVNET", "false")
        monkeypatch.delenv("EMPORION_METER_KEY")
        assert "--airdrop FILE" in refuses("deploy").err
        awards = tmp_path / "awards.csv"
        awards.write_text(f"account,EMP\n{wallet},1000000\n")
        made = does("deploy", "--airdrop", str(awards))
        assert {row["contract"] for row in made} == set(COMPLETE) - {"TestDollar"}
        proofs = str(tmp_path / "airdrop.json")
        assert does("airdrop", "claim", proofs)["received"] == "1,000,000 EMP"
        assert "was paid already" in refuses("airdrop", "claim", proofs).err
        assert str(tmp_path / "deployment.json") in refuses("deploy", "--airdrop", str(awards)).err
        said = run_emporion("index", "--once")
        assert said.status == 0
        assert "indexed up to block" in said.err
        assert does("status")["chains"][0]["lag_blocks"] == 0

    def test_audit_and_reindex_stand_with_the_mirror(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        report = does("audit")
        assert report["passed"]
        assert report["differences"] == []
        assert report["questions"] > 50
        assert "an indexer holds the store" in refuses("reindex").err
        shutil.copy(Path(os.environ["EMPORION_HOME"]) / "deployment.json", tmp_path)
        monkeypatch.setenv("EMPORION_HOME", str(tmp_path))
        assert run_emporion("index", "--once").status == 0
        assert does("reindex")["rows"] > 100
        assert does("audit")["passed"]
