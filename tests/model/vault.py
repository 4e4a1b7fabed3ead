"""`StakingVault`: locks, scores, votes, and rewards that stream while somebody has a score."""

from collections.abc import Sequence

from tests.model.part import Part
from tests.model.records import NOBODY, Position, Stream
from tests.model.refusal import cast, fits, refuse

EMP = 10**18
INDEX_SCALE, OWED_SCALE, UINT128 = 10**30, 10**6, 2**128
MAX_CURRENCIES = 8


class VaultModel(Part):
    """The vault; locked EMP and unpaid rewards are here."""

    NAME = "StakingVault"

    def lock(self, caller: bytes, amount: int, duration: int) -> None:
        """A new position."""
        book = self.m.state.vault
        if amount < EMP:
            refuse("StakingVault_AmountTooSmall")
        self._require_duration(duration)
        cast(amount, 96)
        score, end = self.score_down(amount, duration), self.now + duration
        index = book.made[caller]
        book.made[caller] += 1
        if index == 0 and caller not in book.delegates:
            self.delegate(caller, caller)
        self._touch(caller)
        book.total_locked = fits(book.total_locked + amount, 96)
        book.positions[caller, index] = Position(amount, score, end)
        self._book_score(caller, 0, score)
        total = book.total_score
        self.emit("Locked", owner=caller, index=index, amount=amount, score=score, end=end, totalScore=total)
        self._pull(caller, amount)

    def increase(self, caller: bytes, index: int, amount: int) -> None:
        """More EMP in a running position."""
        if amount == 0:
            refuse("StakingVault_ZeroAmount")
        score = self.score_down(amount, self._require_running(caller, index))
        self._touch(caller)
        self._grow(caller, index, amount, score, compounded=False)
        self._pull(caller, amount)

    def extend(self, caller: bytes, index: int, duration: int) -> None:
        """A later end, for at least the score it has."""
        self._require_duration(duration)
        position = self._require_position(caller, index)
        end = self.now + duration
        if end < position.end:
            refuse("StakingVault_EndBeforeOld")
        score = self.score_down(position.amount, duration)
        ended = self.now >= position.end
        if not ended and score < position.score:
            refuse("StakingVault_ScoreWouldFall")
        if ended:
            self._expire(caller, caller, index)
        self._touch(caller)
        old, position.score, position.end = position.score, score, end
        self._book_score(caller, old, score)
        self.emit(
            "Extended", owner=caller, index=index, amount=position.amount, score=score, end=end,
            totalScore=self.m.state.vault.total_score,
        )  # fmt: skip

    def compound(self, caller: bytes, index: int) -> None:
        """EMP rewards join a running position."""
        book = self.m.state.vault
        left = self._require_running(caller, index)
        if book.emp_currency is None:
            return
        amount = self.claimable(caller, book.emp_currency)
        if amount == 0:
            return
        self._touch(caller)
        reward = book.rewards[caller, book.emp_currency]
        reward.owed -= amount * OWED_SCALE
        reward.claimed += amount
        self._emit_claim(caller, self.address, book.emp_currency, amount, compounded=True)
        self._grow(caller, index, amount, self.score_down(amount, left), compounded=True)

    def expire(self, caller: bytes, owners: Sequence[bytes], indices: Sequence[int]) -> None:
        """Ended positions lose their scores."""
        if len(owners) != len(indices):
            refuse("StakingVault_LengthMismatch")
        for owner, index in zip(owners, indices, strict=True):
            if self.now >= self.m.state.vault.positions[owner, index].end:
                self._expire(caller, owner, index)

    def unlock(self, caller: bytes, index: int, to: bytes) -> None:
        """An ended position leaves."""
        book = self.m.state.vault
        position = self._require_position(caller, index)
        if self.now < position.end:
            refuse("StakingVault_StillLocked")
        self._expire(caller, caller, index)
        del book.positions[caller, index]
        book.total_locked -= position.amount
        amount, total = position.amount, book.total_score
        self.emit("Unlocked", owner=caller, index=index, to=to, amount=amount, totalScore=total)
        self.m.money.move(self.m.money.address, self.address, to, amount)

    def claim(self, caller: bytes, currencies: Sequence[int], to: bytes) -> None:
        """Rewards of the caller; the streams are read, not advanced."""
        amounts = [self._take(caller, to, currency) for currency in currencies]
        for currency, amount in zip(currencies, amounts, strict=True):
            if amount:
                self.m.money.move(self.m.access.token_of(currency), self.address, to, amount)

    def _take(self, owner: bytes, to: bytes, currency: int) -> int:
        index, owed = self._owed_down(owner, currency)
        amount, rest = divmod(owed, OWED_SCALE)
        if amount:
            reward = self.m.state.vault.rewards[owner, currency]
            reward.index, reward.owed = index, rest
            reward.claimed += amount
            self._emit_claim(owner, to, currency, amount, compounded=False)
        return amount

    def stream(self, caller: bytes, currency: int, amount: int) -> None:
        """Begin to pay out money that came."""
        book = self.m.state.vault
        if caller != self.m.shares.address:
            refuse("StakingVault_NotShares")
        if amount == 0:
            refuse("StakingVault_ZeroAmount")
        if amount >= 1 << 108:
            refuse("StakingVault_StreamTooLarge")
        if self.is_streaming(currency):
            refuse("StakingVault_StreamRunning")
        if self.m.access.token_of(currency) == self.m.money.address:
            book.emp_currency = currency
        self._advance()
        stream = book.streams.setdefault(currency, Stream())
        duration, clock = self.m.site.settings.vault["streamDuration"], self.now - book.idle
        stream.pending, stream.left, stream.end = amount, duration, clock + duration
        stream.streamed += amount
        self.emit(
            "RewardsStreamed", currency=currency, from_=caller, amount=amount, clockNow=clock,
            streamEnd=clock + duration,
        )  # fmt: skip

    def delegate(self, caller: bytes, delegatee: bytes) -> None:
        """Give the votes of the caller's score to somebody."""
        book = self.m.state.vault
        old = book.delegates.get(caller, NOBODY)
        book.delegates[caller] = delegatee
        if delegatee == NOBODY:
            del book.delegates[caller]
        self.emit("DelegateChanged", delegator=caller, fromDelegate=old, toDelegate=delegatee)
        self._move_votes(old, delegatee, book.scores[caller])

    # ---------------------------------------------------------------------------------------------- views

    def score_down(self, amount: int, duration: int) -> int:
        """1.0x at the shortest, 4.0x at the longest duration, rounded down."""
        low, high = self.m.site.settings.vault["minDuration"], self.m.site.settings.vault["maxDuration"]
        rise = fits(fits(amount * 3, 256) * (duration - low), 256) // (high - low)
        return fits(amount + rise, 256)

    def claimable(self, owner: bytes, currency: int) -> int:
        """Rewards an account can claim now."""
        return self._owed_down(owner, currency)[1] // OWED_SCALE

    def is_streaming(self, currency: int) -> bool:
        """Whether a stream still runs."""
        stream = self.m.state.vault.streams.get(currency)
        return stream is not None and stream.left > self._elapsed

    # -------------------------------------------------------------------------------------------- private

    @property
    def _elapsed(self) -> int:
        book = self.m.state.vault
        return self.now - book.updated_at if book.total_score else 0

    def _advance(self) -> None:
        book, elapsed = self.m.state.vault, self._elapsed
        if book.total_score == 0:
            book.idle += self.now - book.updated_at
        for stream in book.streams.values():
            stream.index, stream.pending, stream.left = self._streamed(stream, elapsed)
        book.updated_at = self.now

    def _streamed(self, stream: Stream, elapsed: int) -> tuple[int, int, int]:
        if stream.left == 0 or elapsed == 0:
            return stream.index, stream.pending, stream.left
        part = stream.pending * elapsed // stream.left if elapsed < stream.left else stream.pending
        index = (stream.index + part * INDEX_SCALE // self.m.state.vault.total_score) % UINT128
        return index, stream.pending - part, max(stream.left - elapsed, 0)

    def _owed_down(self, owner: bytes, currency: int) -> tuple[int, int]:
        book = self.m.state.vault
        stream, reward = book.streams.get(currency, Stream()), book.rewards[owner, currency]
        index = self._streamed(stream, self._elapsed)[0]
        earned = book.scores[owner] * ((index - reward.index) % UINT128) // (INDEX_SCALE // OWED_SCALE)
        return index, min(reward.owed + earned, UINT128 - 1)

    def _touch(self, owner: bytes) -> None:
        self._advance()
        for currency in self.m.state.vault.streams:
            index, owed = self._owed_down(owner, currency)
            reward = self.m.state.vault.rewards[owner, currency]
            if reward.index != index:
                reward.index, reward.owed = index, owed

    def _grow(self, owner: bytes, index: int, added: int, score: int, *, compounded: bool) -> None:
        book = self.m.state.vault
        position = book.positions[owner, index]
        position.amount = fits(position.amount + cast(added, 96), 96)
        position.score += cast(score, 112)
        book.total_locked = fits(book.total_locked + added, 96)
        self._book_score(owner, 0, score)
        self.emit(
            "Increased", owner=owner, index=index, added=added, compounded=compounded,
            amount=position.amount, score=position.score, end=position.end, totalScore=book.total_score,
        )  # fmt: skip

    def _expire(self, caller: bytes, owner: bytes, index: int) -> None:
        book = self.m.state.vault
        position = book.positions[owner, index]
        if position.score == 0:
            return
        self._touch(owner)
        score, position.score = position.score, 0
        self._book_score(owner, score, 0)
        amount, total = position.amount, book.total_score
        self.emit("Expired", owner=owner, index=index, actor=caller, amount=amount, totalScore=total)

    def _book_score(self, owner: bytes, removed: int, added: int) -> None:
        book = self.m.state.vault
        book.total_score += added - removed
        book.scores[owner] += added - removed
        book.supply.push(self.now, book.total_score)
        holder = book.delegates.get(owner, NOBODY)
        ends = (NOBODY, holder) if added > removed else (holder, NOBODY)
        self._move_votes(*ends, abs(added - removed))

    def _move_votes(self, sender: bytes, to: bytes, amount: int) -> None:
        if sender == to or amount == 0:
            return
        for delegate, change in ((sender, -amount), (to, amount)):
            if delegate == NOBODY:
                continue
            votes = self.m.state.vault.votes[delegate]
            old = votes.now
            votes.push(self.now, old + change)
            self.emit("DelegateVotesChanged", delegate=delegate, previousVotes=old, newVotes=votes.now)

    def _emit_claim(self, owner: bytes, to: bytes, currency: int, amount: int, *, compounded: bool) -> None:
        args = {"currency": currency, "amount": amount, "compounded": compounded}
        self.emit("RewardsClaimed", owner=owner, to=to, **args)

    def _pull(self, payer: bytes, amount: int) -> None:
        self.m.money.move(self.m.money.address, payer, self.address, amount)

    def _require_position(self, owner: bytes, index: int) -> Position:
        position = self.m.state.vault.positions[owner, index]
        return position if position.amount else refuse("StakingVault_NoPosition")

    def _require_running(self, owner: bytes, index: int) -> int:
        left = max(self._require_position(owner, index).end - self.now, 0)
        return left if left >= self._shortest else refuse("StakingVault_TooLittleLeft")

    @property
    def _shortest(self) -> int:
        return int(self.m.site.settings.vault["minDuration"])

    def _require_duration(self, duration: int) -> None:
        if not self._shortest <= duration <= self.m.site.settings.vault["maxDuration"]:
            refuse("StakingVault_DurationOutOfBounds")
