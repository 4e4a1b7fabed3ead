"""StakingVault: gas of its entry points stays under the specification's figures."""

from __future__ import annotations

from tests.contracts.staking_vault.conftest import DAY, EMP, MAX, STREAM, USD, USD_INDEX, VaultStage

LOCK_FIRST, LOCK_AGAIN = 242_000, 172_000
CLAIM_FIRST, CLAIM_REPEAT = 86_000, 68_000


class TestGas:
    def live(self, v: VaultStage) -> None:
        v.lock(EMP, MAX, v.other)
        v.stage.advance(DAY)
        v.stream(7 * USD)
        v.stage.advance(DAY)

    def test_lock(self, v: VaultStage) -> None:
        self.live(v)
        first = v.lock(EMP, MAX)["gasUsed"]
        v.stage.advance(DAY)
        again = v.lock(EMP, MAX)["gasUsed"]
        print(f"lock:first {first}, lock:again {again}")
        assert first <= LOCK_FIRST
        assert again <= LOCK_AGAIN

    def test_claim(self, v: VaultStage) -> None:
        self.live(v)
        v.lock(EMP, MAX)
        v.stage.advance(STREAM // 4)
        first = v.send("claim", [USD_INDEX], v.staker, sender=v.staker)["gasUsed"]
        v.stage.advance(STREAM // 4)
        repeat = v.send("claim", [USD_INDEX], v.staker, sender=v.staker)["gasUsed"]
        print(f"claim:first {first}, claim:repeat {repeat}")
        assert first <= CLAIM_FIRST
        assert repeat <= CLAIM_REPEAT
