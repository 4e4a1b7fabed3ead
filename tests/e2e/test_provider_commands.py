"""`emporion provider` beyond publishing, against a running devnet.

status
├── of one service: calls, tokens, money earned, claimable, unsettled; ratings, disputes, bond
├── of all: a line each; none of others
└── of somebody else's: refused with what to do
pause, resume, retire
└── what is paused sells no more; what has ended cannot be paused; nobody but the owner
bond, unbond
└── added, asked back, ready when the cooldown is over, taken
sale
└── closed and opened for one plan; begins when the published file says, to stakers before
meter
└── the old one may settle for a while; leaked, it may not; nobody but the owner
"""

from pathlib import Path

import pytest

from backend.cli.wiring import chain, prepared, run
from backend.core.units import checksum, to_address
from backend.signing.keys import LocalKey
from tests.e2e.terminal import does, eventually, funded, get, plan_of, refuses
from tests.emporion_command import run_emporion

pytestmark = [
    pytest.mark.devnet,
    pytest.mark.model,
    pytest.mark.integration,
    pytest.mark.timeout(240),
    pytest.mark.usefixtures("second_terminal"),
]

CHAT, EMBEDDINGS, WEATHER = 1, 2, 3
OWNER = ("--key", "provider")
LATER = """\
[service]
name = "Later"
slug = "later"

[[plan]]
name = "Pass"
kind = "pass"
currency = "tUSD"
price = "5"
sale_start = 2099-01-01T12:00:00Z
early = "2d"
early_score = "50"
"""


class TestStatus:
    def test_tells_one_service_in_full(self, monkeypatch: pytest.MonkeyPatch) -> None:
        before = does("provider", "status", str(CHAT), *OWNER)
        funded(monkeypatch)
        does("buyer", "buy", plan_of("smollm2", "metered"), "100")
        said = run_emporion("probe", str(CHAT), "--budget", "0.05", "--json")
        assert said.json[0]["state"] == "up", said
        does("buyer", "buy", plan_of("smollm2", "pass"))
        assert eventually(
            lambda: does("provider", "status", str(CHAT), *OWNER)["revenue"] != before["revenue"]
        )
        after = does("provider", "status", str(CHAT), *OWNER)
        assert after["calls"] > before["calls"]
        assert after["failed"] == before["failed"]
        assert int(after["used_base_units"]["tokens out"]) > 0
        assert after["latency_ms"] > 0
        earned = int(after["revenue_base_units"]["tUSD"]) - int(before["revenue_base_units"]["tUSD"])
        assert earned >= 20_000_000
        assert int(after["claimable_base_units"]["tUSD"]) > int(before["claimable_base_units"].get("tUSD", 0))
        assert after["settles_within_seconds"] > 0
        assert after["rating"] == "4.5 of 2"
        assert (after["open_disputes"], after["bond"]) == (0, "2,000 EMP")

    def test_is_a_line_a_service(self) -> None:
        assert [facts["service"] for facts in does("provider", "status", *OWNER)] == [CHAT, EMBEDDINGS]
        said = run_emporion("provider", "status", "--key", "second_provider")
        assert said.status == 0
        assert "Street weather" in said.out
        assert "SmolLM2" not in said.out

    def test_is_the_owners_alone(self) -> None:
        said = refuses("provider", "status", str(WEATHER), *OWNER)
        assert f"service {WEATHER} is not of 0x" in said.err
        assert "no service yet" in run_emporion("provider", "status", "--key", "third_buyer").err


class TestOwnership:
    def test_pauses_and_resumes(self) -> None:
        assert does("provider", "pause", str(EMBEDDINGS), *OWNER)["status"] == "paused"
        plan = plan_of("smollm2-embeddings", "pass")
        assert "the service is paused" in refuses("buyer", "buy", plan, "--key", "buyer").err
        assert does("provider", "resume", str(EMBEDDINGS), *OWNER)["status"] == "active"
        assert does("buyer", "buy", plan, "--key", "buyer")["cost"] == "8 tUSD"

    def test_is_asked_of_the_owner_alone(self) -> None:
        said = refuses("provider", "pause", str(WEATHER), *OWNER)
        assert "ServiceRegistry_NotProvider" in said.err or "the contract refused" in said.err

    def test_bond_goes_in_and_comes_back_after_the_cooldown(self) -> None:
        assert does("provider", "bond", str(CHAT), "100.5", *OWNER)["bond_base_units"] == str(21005 * 10**17)
        asked = does("provider", "unbond", str(CHAT), "--request", "100.5", *OWNER)
        assert asked["unbonding"] == "100.5 EMP"
        assert asked["ready_at"].endswith("UTC")
        assert eventually(lambda: get(f"/v1/services/{CHAT}")["unbonding"] == str(1005 * 10**17))
        assert "until the cooldown is over" in refuses("provider", "unbond", str(CHAT), *OWNER).err
        does("devnet", "advance", "60d")
        taken = does("provider", "unbond", str(CHAT), *OWNER)
        assert (taken["unbonded"], taken["bond"]) == ("100.5 EMP", "2,000 EMP")
        poor = refuses("provider", "bond", str(CHAT), "99999999", *OWNER)
        assert "this costs 99,999,999 EMP" in poor.err

    def test_a_plans_sale_closes_and_opens(self) -> None:
        plan = plan_of("smollm2", "pass")
        assert does("provider", "sale", plan, "close", *OWNER)["sale"] == "closed"
        assert "does not sell now" in refuses("buyer", "buy", plan, "--key", "buyer").err
        assert does("provider", "sale", plan, "open", *OWNER)["sale"] == "open"
        assert run_emporion("provider", "sale", plan, "shut", *OWNER).status == 2

    def test_a_plan_begins_to_sell_when_its_file_says(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        funded(monkeypatch)
        file = tmp_path / "service.toml"
        file.write_text(LATER)
        made = does("provider", "publish", str(file), "--no-trial")
        (plan,) = get(f"/v1/services/{made['service']}")["plans"]
        assert (plan["sale_start"], plan["early_seconds"]) == (4_070_952_000, 172_800)
        assert plan["early_score"] == str(50 * 10**18)
        refuses("buyer", "buy", str(plan["id"]))

    def test_retiring_is_asked_about_and_final(self) -> None:
        second = ("--key", "second_provider")
        said = run_emporion("provider", "retire", str(WEATHER), *second, answers="n\n")
        assert (said.status, "ends for good" in said.err) == (1, True)
        assert get(f"/v1/services/{WEATHER}")["status"] == "active"
        assert does("provider", "retire", str(WEATHER), "--yes", *second)["status"] == "retired"
        assert "ended for good" in refuses("provider", "resume", str(WEATHER), *second).err


class TestMeter:
    def test_is_replaced_and_cut_off(self) -> None:
        """Of the service that this devnet's gateway does not serve, so that nothing here stops."""
        before = get(f"/v1/services/{WEATHER}")["meter"]
        fresh, other = (checksum(LocalKey.create().address) for _ in range(2))
        owner = ("--key", "second_provider")
        assert "the contract refused" in refuses("provider", "meter", str(WEATHER), fresh, *OWNER).err
        done = does("provider", "meter", str(WEATHER), fresh.lower(), *owner)
        assert done["meter"] == fresh
        assert done["old_key_settles"].startswith("until 20")
        assert run(may_settle(before, fresh)) == [True, True]
        done = does("provider", "meter", str(WEATHER), other, "--leaked", *owner)
        assert done["old_key_settles"] == "never again"
        assert run(may_settle(before, fresh, other)) == [False, False, True]
        assert eventually(lambda: get(f"/v1/services/{WEATHER}")["meter"] == other)
        does("provider", "meter", str(WEATHER), before, *owner)


async def may_settle(*keys: str) -> list[bool]:
    """Whether the registry lets each settle what the service served."""
    settings = prepared(quiet=True)
    async with chain(settings) as found:
        registry = found.contracts.registry
        return [bool(await registry.read("isMeter", WEATHER, to_address(key))) for key in keys]
