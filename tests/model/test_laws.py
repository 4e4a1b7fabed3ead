"""The laws hold in play, and each of them notices when it is broken.

Laws
├── hold after every transaction of a random play, without any machine
├── are numbered from 1 to 13, each at least once
└── each, given a state in which it does not hold
    └── says so, and says nothing of the state before
"""

from __future__ import annotations

import pickle
from collections.abc import Callable

import pytest

from tests.model.acts import ACTS
from tests.model.laws import LAWS, Moment, broken_laws
from tests.model.play import STEPS, Dice, Scene, signed_in
from tests.model.protocol import Model
from tests.model.records import DAY, Tab
from tests.model.refusal import Refused
from tests.model.stage import ACCOUNTS, opened_model

PROVIDER, _, BUYER, STAKER, STRANGER = ACCOUNTS
TAB = (1 << 20 | 2 << 4 | 4 | 2, BUYER)
HELD = ("AccessToken", TAB[0], BUYER)


def after(change: Callable[[Model], object], call: str = "UsageEscrow.deposit") -> set[str]:
    """Numbers of the laws broken by a stranger's transaction that changes the state so."""
    m = opened_model()
    before = pickle.loads(pickle.dumps(m.state))
    quiet = Moment(STRANGER, call, m.now, before, m)
    assert not broken_laws(quiet)
    change(m)
    return {words.split("_")[1] for words in broken_laws(quiet)}


def _take(m: Model, token: int, account: bytes) -> None:
    m.state.money[m.site.currencies[token], account] -= 1


def _owe(m: Model, amount: int) -> None:
    m.state.shares.accounts[PROVIDER, 1, 0].owed += amount


def _distribute(m: Model, kept: int) -> None:
    m.state.shares.distributed[1, 0] += 10**6
    m.state.money[m.site.currencies[0], m.shares.address] += kept


def _fall(m: Model) -> None:
    m.state.access.accounts[TAB].access_until = m.now
    m.state.access.accounts[TAB].access_until -= 1


def _settle(m: Model, **changes: object) -> None:
    tab = m.state.escrow.tabs[TAB]
    tab.balance, tab.settled = 60, 40
    m.state.units["AccessToken", TAB[0], m.escrow.address] -= 40
    m.state.units["AccessToken", TAB[0], STRANGER] += 40
    for name, value in changes.items():
        setattr(tab, name, value)


class TestLawsBite:
    @pytest.mark.parametrize(
        ("number", "change"),
        [
            ("1", lambda m: m.state.units.update({HELD: m.state.units[HELD] + 1})),
            ("2", lambda m: _take(m, 0, m.access.address)),
            ("3", lambda m: setattr(m.state.escrow.tabs[TAB], "balance", 99)),
            ("4", lambda m: setattr(m.state.escrow.tabs[TAB], "deposited", 1)),
            ("4", lambda m: _settle(m, daily_limit=39, spent=40)),
            ("4", lambda m: _settle(m, vouchers=True)),
            ("5", lambda m: m.state.units.update({("RevenueShares", 1, STRANGER): 1})),
            ("6", lambda m: _owe(m, 1)),
            ("7", lambda m: _distribute(m, 10**6 - 1)),
            ("8", lambda m: _take(m, 1, m.vault.address)),
            ("8", lambda m: setattr(m.state.vault, "total_score", 1)),
            ("8", lambda m: m.state.vault.votes[BUYER].push(m.now, 10**30)),
            ("9", lambda m: m.state.vault.positions.pop((STAKER, 0))),
            ("9", lambda m: setattr(m.state.registry.services[1], "bond", 0)),
            ("11", lambda m: setattr(m.state.access.plans[TAB[0]], "refunded", 1)),
            ("11", lambda m: setattr(m.state.access.plans[TAB[0]], "fees", 1)),
            ("12", lambda m: setattr(m.state.vault.positions[STAKER, 0], "score", 0)),
            ("12", lambda m: m.state.units.update({HELD: 0})),
            ("13", lambda m: m.state.money.update({(m.site.currencies[0], m.market.address): 1})),
        ],
    )
    def test_says_what_is_broken(self, number: str, change: Callable[[Model], object]) -> None:
        assert number in after(change)

    def test_access_that_moves_back_breaks_the_tenth(self) -> None:
        m = opened_model()
        m.state.access.accounts[TAB].access_until = m.now + DAY
        moment = Moment(STRANGER, "AccessToken.activate", m.now, pickle.loads(pickle.dumps(m.state)), m)
        _fall(m)
        assert [words.partition(":")[0] for words in broken_laws(moment)] == ["law_10_access"]

    def test_a_settled_total_that_falls_breaks_the_fourth(self) -> None:
        m = opened_model()
        moment = Moment(STRANGER, "UsageEscrow.settle", m.now, pickle.loads(pickle.dumps(m.state)), m)
        moment.before.escrow.tabs[TAB] = Tab(settled=1)
        assert any("settled fell" in words for words in broken_laws(moment))


class TestLawsHold:
    def test_are_numbered_from_1_to_13(self) -> None:
        assert {int(law.__name__.split("_")[1]) for law in LAWS} == set(range(1, 14))

    @pytest.mark.parametrize("seed", range(5))
    def test_after_every_transaction_of_a_play(self, seed: int) -> None:
        m, dice = opened_model(), Dice(seed)
        for _ in range(150):
            m.now += dice.one(STEPS) if dice.number(0, 3) == 3 else 0
            call = dice.one(ACTS)(Scene(m, ACCOUNTS, dice))
            before = pickle.loads(pickle.dumps(m.state))
            try:
                m.call(call.contract, call.function, call.caller, *call.arguments)
            except Refused:
                assert m.state == before
                continue
            name = f"{call.contract}.{call.function}"
            assert not broken_laws(Moment(call.caller, name, m.now, before, m, signed_in(call)))
