"""`ServiceRegistry`: services, their bonds, meters, challenges."""

from collections.abc import Sequence

from tests.model.part import Part
from tests.model.records import ACTIVE, DAY, NOBODY, RETIRED, Service
from tests.model.refusal import cast, fits, refuse

PAUSE = MIN_BOND_PERIOD = 30 * DAY


class RegistryModel(Part):
    """The registry; EMP is bonded here."""

    NAME = "ServiceRegistry"

    def register(
        self,
        caller: bytes,
        kind: int,
        meter: bytes,
        uri: str,
        content_hash: bytes,
        upstreams: Sequence[tuple[int, int]],
        bond: int,
    ) -> None:
        """A new service of the caller."""
        book = self.m.state.registry
        if self.now < book.paused_until:
            refuse("ServiceRegistry_RegistrationsPaused")
        number = len(book.services) + 1
        service = Service(caller, kind, meter, uri, content_hash, cast(bond, 96), self.now)
        book.services[number] = service
        self.emit("Transfer", from_=NOBODY, to=caller, tokenId=number)
        self.emit(
            "ServiceRegistered", serviceId=number, provider=caller, meter=meter, kind=kind, uri=uri,
            contentHash=content_hash, upstreams=[{"serviceId": i, "bps": b} for i, b in upstreams], bond=bond,
        )  # fmt: skip
        if bond:
            self._take(caller, bond)
        self.m.shares.create(number, caller, upstreams)

    def set_status(self, caller: bytes, number: int, status: int) -> None:
        """Pause, reopen, retire."""
        self.require_provider(caller, number)
        service = self._not_retired(number)
        if status == RETIRED:
            return self._retire(caller, number)
        service.status = status
        self.emit("StatusSet", serviceId=number, actor=caller, status=status, retiredAt=0)
        return None

    def set_meter(self, caller: bytes, number: int, meter: bytes) -> None:
        """Another key; the old one settles for the withdrawal delay."""
        service = self.require_provider(caller, number)
        until = cast(self.now + self.m.state.escrow.delay, 40)
        service.previous_meter, service.previous_meter_until = service.meter, until
        service.meter = meter
        previous = service.previous_meter
        self.emit("MeterSet", serviceId=number, meter=meter, previousMeter=previous, previousMeterUntil=until)

    def set_metadata(self, caller: bytes, number: int, uri: str, content_hash: bytes) -> None:
        """Another document."""
        service = self.require_provider(caller, number)
        service.uri, service.content_hash = uri, content_hash
        self.emit("MetadataSet", serviceId=number, provider=caller, uri=uri, contentHash=content_hash)

    def bond(self, caller: bytes, number: int, amount: int) -> None:
        """More EMP behind a service."""
        service = self._owned(number)
        if amount == 0:
            refuse("ServiceRegistry_ZeroAmount")
        service.bond = cast(fits(service.bond + amount, 256), 96)
        self.emit("BondAdded", serviceId=number, from_=caller, amount=amount, bond=service.bond)
        self._clear_flag(caller, number)
        self._take(caller, amount)

    def request_unbond(self, caller: bytes, number: int, amount: int) -> None:
        """Ask for a part of the bond back."""
        service = self.require_provider(caller, number)
        if amount > service.bond:
            refuse("ServiceRegistry_UnbondAboveBond")
        service.unbonding = amount
        service.unbond_requested_at = self.now if amount else 0
        self.emit(
            "UnbondRequested", serviceId=number, provider=caller, unbonding=amount,
            requestedAt=service.unbond_requested_at,
        )  # fmt: skip
        self._clear_flag(caller, number)

    def unbond(self, caller: bytes, number: int, to: bytes) -> None:
        """Take out what was asked for."""
        service = self.require_provider(caller, number)
        if to == NOBODY:
            refuse("ServiceRegistry_ZeroAddress")
        amount = service.unbonding
        if amount == 0:
            refuse("ServiceRegistry_NothingUnbonding")
        if service.open_disputes:
            refuse("ServiceRegistry_DisputesOpen")
        if self.now < max(service.unbond_requested_at, service.last_sale) + self.m.state.registry.cooldown:
            refuse("ServiceRegistry_CooldownRunning")
        service.bond -= amount
        service.unbonding = service.unbond_requested_at = 0
        self.emit("Unbonded", serviceId=number, to=to, amount=amount, bond=service.bond)
        self._give(to, amount)

    def flag_underbonded(self, caller: bytes, number: int) -> None:
        """Mark a service without its bond."""
        service = self._not_retired(number)
        if counting(service) >= self.m.state.registry.min_bond:
            refuse("ServiceRegistry_NotUnderbonded")
        if service.underbonded_since:
            refuse("ServiceRegistry_AlreadyFlagged")
        service.underbonded_since = self.now
        retireable = self.now + self._settings["flagPeriod"]
        self.emit("UnderbondedSet", serviceId=number, actor=caller, since=self.now, retireableAt=retireable)

    def retire(self, caller: bytes, number: int) -> None:
        """End a service that gave no bond or no sign of life."""
        service = self._not_retired(number)
        since, until = service.underbonded_since, service.challenge_until
        below = counting(service) < self.m.state.registry.min_bond
        flagged = since != 0 and self.now >= since + self._settings["flagPeriod"] and below
        if not flagged and not (until != 0 and self.now > until):
            refuse("ServiceRegistry_NotRetireable")
        self._retire(caller, number)

    def challenge(self, caller: bytes, number: int) -> None:
        """Ask for a sign of life."""
        service = self._not_retired(number)
        if service.challenge_until:
            refuse("ServiceRegistry_ChallengeOpen")
        deposit, until = self._settings["challengeDeposit"], self.now + self._settings["challengePeriod"]
        service.challenge_until, service.challenger = until, caller
        service.challenge_deposit = deposit
        self.emit("Challenged", serviceId=number, challenger=caller, deposit=deposit, answerBy=until)
        self._take(caller, deposit)

    def answer(self, caller: bytes, number: int) -> None:
        """Give one."""
        service = self._owned(number)
        if caller not in (service.owner, service.meter):
            refuse("ServiceRegistry_NotMeterOrProvider")
        if service.challenge_until == 0:
            refuse("ServiceRegistry_NoChallenge")
        if self.now > service.challenge_until:
            refuse("ServiceRegistry_AnswerTooLate")
        self._end_challenge(number, caller, answered=True)

    def slash(self, caller: bytes, number: int, amount: int, to: bytes) -> None:
        """Take a part of a bond."""
        if caller != self.m.site.court:
            refuse("ServiceRegistry_NotCourt")
        service = self.m.state.registry.services.get(number)
        taken = min(amount, service.bond if service else 0)
        if service is None or taken == 0:
            return
        service.bond -= taken
        service.unbonding = min(service.unbonding, service.bond)
        left = {"bond": service.bond, "unbonding": service.unbonding}
        self.emit("Slashed", serviceId=number, to=to, amount=taken, **left)
        self._give(to, taken)

    def count_dispute(self, caller: bytes, number: int, opened: bool) -> None:
        """One more or one fewer dispute of a service that exists."""
        if caller != self.m.site.court:
            refuse("ServiceRegistry_NotCourt")
        service = self.m.state.registry.services[number]
        service.open_disputes = fits(service.open_disputes + (1 if opened else -1), 32)
        self.emit("DisputesSet", serviceId=number, openDisputes=service.open_disputes)

    def pause_registrations(self, caller: bytes) -> None:
        """30 days without new services."""
        self.require_guardian(caller)
        book = self.m.state.registry
        if book.paused_until and self.now < book.paused_until + PAUSE:
            refuse("ServiceRegistry_PauseTooSoon")
        book.paused_until = self.now + PAUSE
        self.emit("RegistrationsPaused", guardian=caller, until=book.paused_until)

    def set_min_bond(self, caller: bytes, amount: int) -> None:
        """At most twice as much in 30 days."""
        self.require_governance(caller)
        book = self.m.state.registry
        if amount == 0 or amount > 2 * book.min_bond:
            refuse("ServiceRegistry_MinBondOutOfBounds")
        if amount > book.min_bond:
            raised = book.min_bond_raised_at
            if raised and self.now < raised + MIN_BOND_PERIOD:
                refuse("ServiceRegistry_MinBondTooSoon")
            book.min_bond_raised_at = self.now
        book.min_bond = cast(amount, 96)
        self.emit("ParameterSet", name=b"minBond".ljust(32, b"\0"), value=amount)

    def set_unbond_cooldown(self, caller: bytes, duration: int) -> None:
        """How long a bond waits."""
        self.require_governance(caller)
        low, high = self._settings["minUnbondCooldown"], self._settings["maxUnbondCooldown"]
        if not low <= duration <= high:
            refuse("ServiceRegistry_CooldownOutOfBounds")
        self.m.state.registry.cooldown = duration
        self.emit("ParameterSet", name=b"unbondCooldown".ljust(32, b"\0"), value=duration)

    def transfer_from(self, caller: bytes, owner: bytes, to: bytes, number: int) -> None:
        """The service's token changes hands; nobody is approved."""
        if to == NOBODY:
            refuse("ERC721InvalidReceiver")
        service = self._owned(number)
        if caller != service.owner:
            refuse("ERC721InsufficientApproval")
        service.owner = to
        self.emit("Transfer", from_=caller, to=to, tokenId=number)
        if owner != caller:
            refuse("ERC721IncorrectOwner")

    def note_sale(self, number: int) -> bool:
        """Whether it sells; noted when it does."""
        service = self.m.state.registry.services.get(number)
        if service is None or not self.is_selling(number):
            return False
        service.last_sale = self.now
        return True

    def is_selling(self, number: int) -> bool:
        """Active with its bond."""
        service = self.m.state.registry.services.get(number)
        if service is None or service.status != ACTIVE:
            return False
        return counting(service) >= self.m.state.registry.min_bond

    def retired_at(self, number: int) -> int:
        """0 where it is not, or is unknown."""
        service = self.m.state.registry.services.get(number)
        return service.retired_at if service else 0

    def is_meter(self, number: int, key: bytes) -> bool:
        """Whether a key may settle now."""
        service = self.m.state.registry.services.get(number)
        if service is None or key == NOBODY:
            return False
        replaced = key == service.previous_meter and self.now <= service.previous_meter_until
        return key == service.meter or replaced

    def require_provider(self, caller: bytes, number: int) -> Service:
        """The service of its holder."""
        service = self._owned(number)
        if caller != service.owner:
            refuse("ServiceRegistry_NotProvider")
        return service

    @property
    def _settings(self) -> dict[str, int]:
        return dict(self.m.site.settings.registry)

    def _owned(self, number: int) -> Service:
        service = self.m.state.registry.services.get(number)
        return service if service else refuse("ERC721NonexistentToken")

    def _not_retired(self, number: int) -> Service:
        service = self._owned(number)
        return refuse("ServiceRegistry_Retired") if service.retired_at else service

    def _retire(self, caller: bytes, number: int) -> None:
        service = self.m.state.registry.services[number]
        service.status, service.retired_at = RETIRED, self.now
        self.emit("StatusSet", serviceId=number, actor=caller, status=RETIRED, retiredAt=self.now)
        if service.challenge_until:
            self._end_challenge(number, service.challenger, answered=False)

    def _end_challenge(self, number: int, to: bytes, *, answered: bool) -> None:
        service = self.m.state.registry.services[number]
        deposit, service.challenge_deposit = service.challenge_deposit, 0
        service.challenge_until, service.challenger = 0, NOBODY
        self.emit("ChallengeEnded", serviceId=number, to=to, deposit=deposit, answered=answered)
        self._give(to, deposit)

    def _clear_flag(self, caller: bytes, number: int) -> None:
        service = self.m.state.registry.services[number]
        if service.underbonded_since == 0 or counting(service) < self.m.state.registry.min_bond:
            return
        service.underbonded_since = 0
        self.emit("UnderbondedSet", serviceId=number, actor=caller, since=0, retireableAt=0)

    def _take(self, payer: bytes, amount: int) -> None:
        self.m.money.move(self.m.money.address, payer, self.address, amount)

    def _give(self, to: bytes, amount: int) -> None:
        self.m.money.move(self.m.money.address, self.address, to, amount)


def counting(service: Service) -> int:
    """The bond that counts for sales."""
    return service.bond - service.unbonding
