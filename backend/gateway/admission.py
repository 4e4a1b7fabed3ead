"""Letting a request in: scope, service, gate, limits, and credits held for its worst case."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Protocol, TypeVar

from backend.accounts.key_use import KeyUse, SetAside
from backend.accounts.principal import Principal, Scope
from backend.accounts.signed_requests import SignedRequest
from backend.catalog.schemas import ListedService
from backend.catalog.service import Catalog
from backend.core.clock import Clock
from backend.core.errors import PaymentRequired, RequestError
from backend.core.units import Measure, MicroCredits, PlanId, PlanKind
from backend.entitlement.rules import granted
from backend.entitlement.schemas import Grant, Policy, Standing, Terms
from backend.entitlement.service import Gate
from backend.gateway.limits import Limiting, Quota, Slot
from backend.gateway.metrics import NoMetrics, Observer
from backend.gateway.offers import Need, Offers
from backend.gateway.vouchers import keep_from_header, voucher_needed
from backend.inference.prepare import Call, Limits, Prepared, WorstCase, prepare
from backend.metadata.schemas import LimitsDocument
from backend.metadata.service import MetadataService
from backend.meter.pricing import RateCard, cost_exact
from backend.meter.schemas import Available, HoldRequest, Receipt, Served, TabKey

DEFAULT_OUTPUT: Final = 1_024
"""Tokens of an answer whose caller named no length; never the model's whole window."""
UNCOUNTED: Final = WorstCase(0, 0)
"""Of a plan whose measure a request is not counted in: it is charged by the request alone."""


class Bounded(Protocol):
    """A request bounded under a plan."""

    @property
    def worst(self) -> WorstCase:
        """The most it can use."""
        ...


B = TypeVar("B", bound=Bounded)
B_co = TypeVar("B_co", bound=Bounded, covariant=True)


class Job(Protocol[B_co]):
    """What is asked of a service, before a plan is chosen for it."""

    @property
    def model(self) -> str:
        """The service's name, in any of its forms."""
        ...

    def bound(self, listed: ListedService, promised: LimitsDocument | None, terms: Terms) -> B_co:
        """Bound it under a plan. Raises RequestError where it cannot be served."""
        ...

    def counts(self, measure: Measure) -> bool:
        """Whether the bound is in this measure of a plan."""
        ...


@dataclass(frozen=True, slots=True)
class ModelJob:
    """A call of a language model: counted in tokens."""

    call: Call

    @property
    def model(self) -> str:
        """The model's name."""
        return self.call.model

    def bound(self, listed: ListedService, promised: LimitsDocument | None, terms: Terms) -> Prepared:
        """The rewritten body. Raises MalformedRequest, Unprocessable."""
        return prepare(self.call, limits_for(listed, promised))

    def counts(self, measure: Measure) -> bool:
        """Tokens alone."""
        return measure is Measure.TOKENS


class Metering(Protocol):
    """What requests need of the meter."""

    async def reserve(self, hold: HoldRequest) -> bool:
        """Hold credits; False where the tab does not cover them."""
        ...

    async def void(self, hold: HoldRequest) -> None:
        """Give a hold back."""
        ...

    async def capture(self, served: Served) -> Receipt:
        """Write what was used; durable on return."""
        ...

    async def available(self, tab: TabKey) -> Available:
        """What a tab has left."""
        ...

    async def keep_voucher(self, tab: TabKey, cumulative_units: int, signature: bytes) -> Available:
        """Keep a payer's voucher if it is larger than the one kept."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks, and what the headers say: a plan chosen, a block seen."""

    request_id: str
    principal: Principal
    client: str
    plan: PlanId | None = None
    min_block: int | None = None
    signed: SignedRequest | None = None

    def require_body(self, body: bytes) -> None:
        """Hold the body against the request's own signature, if it has one. Raises InvalidSignature."""
        if self.signed is not None:
            self.signed.require_body(body)


@dataclass(slots=True)
class Admitted(Generic[B]):
    """A request let in under one grant. `hold` is None where nothing can be charged; `worst` is in the plan's
    measure.
    """

    asked: Asked
    listed: ListedService
    standing: Standing
    grant: Grant
    prepared: B
    card: RateCard
    worst: WorstCase
    hold: HoldRequest | None
    aside: SetAside | None
    slot: Slot = field(repr=False)

    @property
    def tab(self) -> TabKey:
        """The payer's tab in the plan."""
        return TabKey(self.standing.chain_id, self.grant.terms.plan_id, self.standing.holder)


class Admission:
    """Decides which plan pays for a request, or says why none does."""

    def __init__(
        self,
        catalog: Catalog,
        gate: Gate,
        metadata: MetadataService,
        meter: Metering,
        key_use: KeyUse,
        limits: Limiting,
        offers: Offers,
        clock: Clock,
        policy: Policy,
        observer: Observer | None = None,
    ) -> None:
        self._observer = observer or NoMetrics()
        self._catalog = catalog
        self._gate = gate
        self._metadata = metadata
        self._meter = meter
        self._key_use = key_use
        self._limits = limits
        self._offers = offers
        self._clock = clock
        self._policy: Policy = policy

    async def admit(self, asked: Asked, job: Job[B]) -> Admitted[B]:
        """Let a request in. Raises RequestError and its kind; PaymentRequired carries offers."""
        asked.principal.require_scope(Scope.INFERENCE)
        listed = await self._catalog.resolve(job.model)
        asked.principal.require_service(listed.service_id)
        policy = listed.document.get("confirmation") or self._policy
        try:
            standing, grants = await self._gate.admit(
                asked.principal.address,
                listed.service_id,
                policy=policy,
                wanted=asked.plan,
                min_block=asked.min_block,
            )
        except PaymentRequired as error:
            raise await self._with_offers(error, asked, listed, job) from None
        try:
            return await self._first(asked, listed, standing, grants, job)
        except PaymentRequired as error:
            if "vouchers" in error.details:
                raise
            newer = await self._gate.newer(standing, policy, asked.min_block)
            later = () if newer is None else granted(newer, asked.plan)
            if newer is None or not later:
                raise
        return await self._first(asked, listed, newer, later, job)

    async def take_voucher(self, principal: Principal, text: str | None) -> None:
        """Keep the voucher of a header, if there is one. Raises MalformedRequest, InvalidSignature."""
        if text is not None:
            await keep_from_header(self._meter, principal.chain_id, principal.address, text)

    async def release(self, admitted: Admitted[Any]) -> None:
        """Undo everything: nothing was served."""
        try:
            if admitted.hold is not None:
                await self._meter.void(admitted.hold)
        finally:
            await admitted.slot.release(0)
        await self._free_aside(admitted, MicroCredits(0))

    async def settle(self, admitted: Admitted[Any], served: Served) -> Receipt:
        """Write what was served and free what was set aside beyond it."""
        try:
            receipt = await self._meter.capture(served)
        finally:
            await admitted.slot.release(served.units_in + served.units_out)
        self._observer.served(served, receipt.body.micro_credits)
        await self._free_aside(admitted, receipt.body.micro_credits)
        return receipt

    async def _free_aside(self, admitted: Admitted[Any], spent: MicroCredits) -> None:
        aside, admitted.aside = admitted.aside, None
        await self._key_use.settle(aside, spent)

    async def _first(
        self, asked: Asked, listed: ListedService, standing: Standing, grants: tuple[Grant, ...], job: Job[B]
    ) -> Admitted[B]:
        """The first grant that can pay. Raises PaymentRequired where every tab is too small."""
        worst: dict[int, int] = {}
        for grant in grants:
            admitted = await self._try(asked, listed, standing, grant, job, worst)
            if admitted is not None:
                return admitted
        need = Need(self._clock.now(), worst)
        if wanted := await self._vouchers(standing, worst):
            raise PaymentRequired(
                "the tab demands vouchers and the one kept does not cover this request; sign a larger one, "
                "send it by PUT /v1/vouchers/{plan_id} or in Emporion-Voucher",
                vouchers=wanted,
                worst_case_micro_credits={str(plan): str(cost) for plan, cost in worst.items()},
            )
        raise PaymentRequired(
            "the credits left do not cover the most this request can cost; buy or deposit more, or ask for "
            "less (max_tokens, a smaller range)",
            offers=self._offers.for_standing(standing, need),
            worst_case_micro_credits={str(plan): str(cost) for plan, cost in worst.items()},
        )

    async def _try(
        self,
        asked: Asked,
        listed: ListedService,
        standing: Standing,
        grant: Grant,
        job: Job[B],
        worst: dict[int, int],
    ) -> Admitted[B] | None:
        promised = await self._metadata.limits(grant.terms.limits_hash)
        prepared = job.bound(listed, promised, grant.terms)
        card = card_of(grant.terms)
        counted = prepared.worst if job.counts(grant.terms.measure) else UNCOUNTED
        cost = cost_exact(card, counted.units_in, counted.units_out)
        worst[grant.terms.plan_id] = cost
        tokens = prepared.worst.units_in + prepared.worst.units_out
        key = (int(grant.terms.plan_id), bytes(standing.holder))
        slot = await self._limits.take(key, quota_for(grant, promised), tokens)
        admitted = Admitted(asked, listed, standing, grant, prepared, card, counted, None, None, slot)
        try:
            paid = await self._hold(admitted, cost)
        except BaseException:
            await asyncio.shield(slot.release(0))
            raise
        if not paid:
            await slot.release(0)
        return admitted if paid else None

    async def _hold(self, admitted: Admitted[Any], cost: MicroCredits) -> bool:
        """Set the worst case aside in the key's cap and in the tab; False where the tab does not cover it."""
        if cost == 0:
            return True
        asked = admitted.asked
        admitted.aside = await self._key_use.set_aside(asked.principal, cost)
        hold = HoldRequest(asked.request_id, admitted.tab, cost)
        try:
            held = await self._meter.reserve(hold)
        except BaseException:
            await self._key_use.settle(admitted.aside, MicroCredits(0))
            raise
        if not held:
            await self._key_use.settle(admitted.aside, MicroCredits(0))
            admitted.aside = None
        admitted.hold = hold if held else None
        return held

    async def _vouchers(self, standing: Standing, worst: dict[int, int]) -> list[dict[str, Any]]:
        """The vouchers of which any would let the request through."""
        found = []
        for plan_id, cost in worst.items():
            tab = TabKey(standing.chain_id, PlanId(plan_id), standing.holder)
            needed = voucher_needed(tab, await self._meter.available(tab), MicroCredits(cost))
            if needed is not None:
                found.append(needed)
        return found

    async def _with_offers(
        self, error: PaymentRequired, asked: Asked, listed: ListedService, job: Job[Bounded]
    ) -> PaymentRequired:
        """The same refusal with what would help, priced for this request."""
        standing = await self._gate.standing(asked.principal.address, listed.service_id, self._policy)
        worst: dict[int, int] = {}
        for one in standing.owned:
            promised = await self._metadata.limits(one.terms.limits_hash)
            try:
                case = job.bound(listed, promised, one.terms).worst
            except RequestError:
                continue
            case = case if job.counts(one.terms.measure) else UNCOUNTED
            worst[one.terms.plan_id] = cost_exact(card_of(one.terms), case.units_in, case.units_out)
        offers: list[dict[str, Any]] = self._offers.for_standing(standing, Need(self._clock.now(), worst))
        if asked.plan is not None:
            offers = [offer for offer in offers if offer["plan_id"] == asked.plan]
        return PaymentRequired(error.message, offers=offers, service_id=int(listed.service_id))


def card_of(terms: Terms) -> RateCard:
    """A plan's rate card; other plans than Metered charge nothing."""
    if terms.kind is not PlanKind.METERED:
        return RateCard(0, 0, 0)
    return RateCard(terms.per_request, terms.per_unit_in, terms.per_unit_out)


def limits_for(listed: ListedService, promised: LimitsDocument | None) -> Limits:
    """Of the model and the plan, whichever is smaller."""
    facts: dict[str, Any] = listed.document.get("model") or {}
    context = facts.get("context", 2_048)
    most = facts.get("max_output", DEFAULT_OUTPUT)
    if promised is not None:
        context = min(context, promised.context or context)
        most = min(most, promised.max_output or most)
    return Limits(
        context=context,
        default_output=min(DEFAULT_OUTPUT, most),
        most_output=most,
        image_tokens=facts.get("image_tokens"),
    )


def quota_for(grant: Grant, promised: LimitsDocument | None) -> Quota:
    """The plan's limits for the units held. Units that can be moved always count one by one: a flat limit
    would be multiplied by spreading them over wallets (docs/decisions/0010).
    """
    if promised is None:
        return Quota()
    scale = int(grant.units) if promised.per_unit or grant.terms.transferable else 1

    def scaled(limit: int | None) -> int | None:
        return None if limit is None else limit * max(scale, 1)

    return Quota(
        scaled(promised.requests_per_minute),
        scaled(promised.tokens_per_minute),
        scaled(promised.concurrent),
    )
