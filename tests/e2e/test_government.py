"""What stakers decide, by commands: a parameter from the proposal to its change, a dispute to its end.

govern
├── when the parameter, the value or the proposal is none: refused, saying what there is
├── given a proposal that won: queued, held by the timelock, carried out
└── it should say what a proposal does, whatever its words say
dispute
├── when the wallet never paid for the plan, or votes twice: refused
├── given votes to uphold: half of the claim to the claimant, half burned, what was put up returns
└── given none: a tenth of what was put up is burned
"""

from pathlib import Path

import pytest

from tests.e2e.terminal import does, funded, plan_of, refuses

pytestmark = [
    pytest.mark.devnet,
    pytest.mark.model,
    pytest.mark.integration,
    pytest.mark.timeout(240),
    pytest.mark.usefixtures("second_terminal"),
]

EMP = 10**18


def advance(duration: str) -> None:
    does("devnet", "advance", duration)


def parameter(name: str) -> str:
    (row,) = [row for row in does("govern", "parameters") if row["parameter"] == name]
    return str(row["now"])


class TestGovern:
    def test_refuses_what_governance_does_not_set(self) -> None:
        assert "it sets fee, min-bond" in refuses("govern", "propose", "price", "1").err
        assert "no amount" in refuses("govern", "propose", "fee", "much").err
        assert "no duration" in refuses("govern", "propose", "withdrawal-delay", "long").err
        assert "`emporion govern list`" in refuses("govern", "vote", "7", "for").err
        assert "for, abstain" in refuses("govern", "vote", "7", "yes").err

    def test_refuses_a_proposal_below_the_threshold(self, monkeypatch: pytest.MonkeyPatch) -> None:
        funded(monkeypatch)
        assert "score" in refuses("govern", "propose", "fee", "3%").err

    def test_carries_out_what_won(self) -> None:
        assert parameter("fee") == "2.5%"
        made = does("govern", "propose", "fee", "3%", "--why", "Costs rose.", "--key", "staker")
        number = made["proposal"]
        advance("3s")
        assert does("govern", "vote", number, "for", "--key", "staker")["score"].startswith("1")
        does("govern", "vote", number, "against", "--key", "second_staker")
        assert "how the proposal stands" in refuses("govern", "queue", number, "--key", "buyer").err
        advance("2m")
        does("govern", "queue", number, "--key", "buyer")
        assert "the timelock holds it until" in refuses("govern", "execute", number).err
        advance("2m")
        does("govern", "execute", number, "--key", "buyer")
        assert parameter("fee") == "3%"
        (row,) = [row for row in does("govern", "list") if row["proposal"] == number]
        assert row["state"] == "executed"
        assert row["does"] == ["AccessToken.setFeeBps(300)"]
        assert row["what"] == "Set fee to 3%. Costs rose."


class TestDispute:
    @pytest.fixture
    def evidence(self, tmp_path: Path) -> str:
        path = tmp_path / "evidence.txt"
        path.write_text("It answered another question.")
        return str(path)

    def test_refuses_who_never_paid(self, evidence: str, monkeypatch: pytest.MonkeyPatch) -> None:
        funded(monkeypatch)
        plan = plan_of("smollm2", "pass")
        assert "paid" in refuses("dispute", "open", plan, "100", "--evidence", evidence).err
        assert "cannot be read" in refuses("dispute", "open", plan, "1", "--evidence", "/none").err

    def test_pays_an_upheld_claim_from_the_bond(self, evidence: str) -> None:
        plan = plan_of("smollm2", "pass")
        claim = ("dispute", "open", plan, "1000", "--evidence", evidence)
        made = does(*claim, "--uri", "https://claims.example/1", "--key", "buyer")
        number = str(made["dispute"])
        assert made["put_up"] == "100 EMP"
        does("dispute", "answer", number, "--evidence", evidence, "--key", "provider")
        does("dispute", "vote", number, "uphold", "--key", "staker")
        assert "votes once" in refuses("dispute", "vote", number, "reject", "--key", "staker").err
        (row,) = [row for row in does("dispute", "list") if str(row["dispute"]) == number]
        assert (row["outcome"], row["claimed"]) == ("open", "1,000 EMP")
        advance("2m")
        done = does("dispute", "resolve", number, "--key", "third_buyer")
        assert done["outcome"] == "upheld"
        assert done["from_bond_base_units"] == str(1_000 * EMP)
        assert done["to_claimant_base_units"] == str(600 * EMP)
        assert done["burned_base_units"] == str(500 * EMP)
        assert does("audit")["passed"]

    def test_burns_a_tenth_where_nobody_votes(self, evidence: str) -> None:
        plan = plan_of("smollm2", "pass")
        made = does("dispute", "open", plan, "1", "--evidence", evidence, "--key", "second_buyer")
        assert made["put_up"] == "50 EMP"
        advance("2m")
        done = does("dispute", "resolve", str(made["dispute"]), "--key", "second_buyer")
        assert (done["outcome"], done["to_claimant"], done["burned"]) == ("no_quorum", "45 EMP", "5 EMP")
