"""What the gateway is given, and what it makes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry

from backend.accounts.key_use import KeyUse
from backend.accounts.nonces import NonceIssuer
from backend.accounts.oauth.service import OAuth
from backend.accounts.ports import NoSignatureOracle, SignatureOracle
from backend.accounts.resolver import CredentialResolver
from backend.accounts.service import KeyService
from backend.accounts.sessions import SessionService, SignInRules
from backend.accounts.signed_requests import SignedRequests
from backend.alerts.ports import AlertSender, GasTank, NoGasTank, NoSender
from backend.catalog.accounts import AccountView
from backend.catalog.analytics import Analytics
from backend.catalog.network import NetworkView
from backend.catalog.providers import ProviderView
from backend.catalog.service import Catalog
from backend.catalog.usage import UsageView
from backend.core.clock import Clock, SystemClock
from backend.core.deployment import Deployment
from backend.core.settings import Settings
from backend.core.units import Address, ChainId, ServiceId
from backend.db.notify import Changes
from backend.db.session import Store
from backend.entitlement.head import HeadWatch
from backend.entitlement.service import Gate
from backend.feed.sender import Sender
from backend.feed.service import Feed
from backend.feed.webhooks import Webhooks
from backend.gateway.admission import Admission
from backend.gateway.alerting import Alerting, alerting
from backend.gateway.client_address import ClientAddress
from backend.gateway.inference_app import InferenceApp
from backend.gateway.limits import Limiter, SharedLimits
from backend.gateway.media_app import MediaApp
from backend.gateway.media_relay import MediaRelay
from backend.gateway.metered_app import MeteredParts
from backend.gateway.metrics import Metrics, NoMetrics, Observer, Observers, Tracing
from backend.gateway.moves import HeadMoves
from backend.gateway.offers import Offers
from backend.gateway.origins import sign_in_domains
from backend.gateway.plain_relay import PlainRelay
from backend.gateway.relay import Relay
from backend.gateway.served import Accountant, Fingerprints, NoFingerprints
from backend.gateway.service_app import ServiceApp
from backend.inference.router import Router
from backend.inference.secrets import SecretBox
from backend.inference.service import Upstreams
from backend.inference.usage import ByteCounter, TokenCounter
from backend.metadata.ports import Fetcher
from backend.metadata.service import MetadataService
from backend.meter.holds import HoldKeeper
from backend.meter.service import Meter
from backend.net.client import HttpClient
from backend.pricing.service import StoredPrices
from backend.probing.service import Measurements
from backend.statements.service import Statements
from backend.storage.blobs import BlobStore


@dataclass(frozen=True, slots=True)
class GatewayDeps:
    """What a composition root hands in. `store` is the gateway's, with the chain schema readable beside it.

    Ports that reach a node or the internet (`oracle`, `fetcher`) may be left out: what needs them answers
    503.
    `aliases` are the operator's own short names of models.
    """

    settings: Settings
    deployment: Deployment
    store: Store
    meter: Meter
    upstreams: Upstreams
    blobs: BlobStore
    clock: Clock = field(default_factory=SystemClock)
    oracle: SignatureOracle = field(default_factory=NoSignatureOracle)
    fetcher: Fetcher | None = None
    outgoing: HttpClient | None = None
    """Sends webhooks; without it there are none."""
    alert_sender: AlertSender = field(default_factory=NoSender)
    gas: GasTank = field(default_factory=NoGasTank)
    fingerprints: Fingerprints = field(default_factory=NoFingerprints)
    counter: TokenCounter = field(default_factory=ByteCounter)
    limits: SharedLimits | None = None
    """Limits of units that replicas share; without them this process keeps its own."""
    traces: Tracing | None = None
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    """What /metrics shows; who else works in this process counts there too."""
    aliases: Mapping[str, ServiceId] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Services:
    """Everything the routes use, built once a process."""

    deps: GatewayDeps
    chain_id: ChainId
    watch: HeadWatch
    gate: Gate
    catalog: Catalog
    accounts: AccountView
    providers: ProviderView
    network: NetworkView
    usage: UsageView
    analytics: Analytics
    measurements: Measurements
    statements: Statements
    alerting: Alerting
    metadata: MetadataService
    keys: KeyService
    sessions: SessionService
    oauth: OAuth
    resolver: CredentialResolver
    key_use: KeyUse
    addresses: ClientAddress
    sign_ins: Limiter
    holds: HoldKeeper
    router: Router
    inference: InferenceApp
    plain: ServiceApp
    media: MediaApp
    own_changes: Changes
    metrics: Metrics | None
    moves: HeadMoves
    feed: Feed
    streams: Limiter
    webhooks: Webhooks | None
    sender: Sender | None

    @property
    def meter(self) -> Address:
        """The key that settles what is served here."""
        return Address(self.deps.meter.address)


def assemble(deps: GatewayDeps) -> Services:
    """Build the gateway's services from what was handed in."""
    settings, store, clock = deps.settings, deps.store, deps.clock
    chain_id = ChainId(deps.deployment.chain_id)
    watch = HeadWatch(store, chain_id, clock, settings.max_lag_seconds)
    catalog = Catalog(store, chain_id, Address(deps.meter.address), clock, dict(deps.aliases))
    metadata = MetadataService(store, deps.blobs, clock, deps.fetcher, settings.ipfs_gateway)
    watch.on_move(catalog.forget)
    metadata.on_stored(catalog.forget)
    credentials = _credentials(deps, chain_id)
    shared = _shared(deps, chain_id, watch, credentials.resolver)
    feed = Feed(store, chain_id, moves := HeadMoves(watch))
    webhooks, sender = _webhooks(deps, chain_id, feed)
    metered = _metered(deps, watch, catalog, metadata, shared)
    return Services(
        deps=deps,
        chain_id=chain_id,
        watch=watch,
        gate=shared.gate,
        catalog=catalog,
        accounts=AccountView(store, chain_id),
        providers=ProviderView(store, chain_id, settings.settle_interval_seconds),
        network=NetworkView(store, chain_id),
        usage=UsageView(store, chain_id, clock),
        analytics=Analytics(store, chain_id, clock),
        measurements=Measurements(store, chain_id, clock),
        statements=Statements(store, deps.deployment, StoredPrices(store)),
        alerting=alerting(settings, store, chain_id, deps.alert_sender, deps.gas, clock),
        metadata=metadata,
        keys=credentials.keys,
        sessions=credentials.sessions,
        oauth=credentials.oauth,
        resolver=shared.resolver,
        key_use=shared.key_use,
        addresses=shared.addresses,
        sign_ins=Limiter(clock),
        holds=shared.holds,
        router=shared.router,
        inference=InferenceApp(metered.parts),
        plain=ServiceApp(metered.parts, metered.plain, chain_id, deps.blobs),
        media=MediaApp(metered.parts, metered.media),
        own_changes=Changes(store, "gateway", clock=clock),
        metrics=shared.metrics,
        moves=moves,
        feed=feed,
        streams=Limiter(clock),
        webhooks=webhooks,
        sender=sender,
    )


@dataclass(frozen=True, slots=True)
class _Credentials:
    """Every way to prove who calls, and what resolves them all."""

    keys: KeyService
    sessions: SessionService
    oauth: OAuth
    resolver: CredentialResolver


def _credentials(deps: GatewayDeps, chain_id: ChainId) -> _Credentials:
    settings, store, clock = deps.settings, deps.store, deps.clock
    keys = KeyService(store, clock, settings.network, settings.key_max_days)
    sessions = _sessions(deps, chain_id)
    oauth = OAuth(store, clock, sessions, settings.base_url)
    signed = _signed(deps, chain_id)
    resolver = CredentialResolver(keys, sessions, settings.network, clock, signed, oauth.tokens)
    return _Credentials(keys, sessions, oauth, resolver)


@dataclass(frozen=True, slots=True)
class _Shared:
    """What the model routes and the others both use."""

    gate: Gate
    resolver: CredentialResolver
    key_use: KeyUse
    holds: HoldKeeper
    router: Router
    addresses: ClientAddress
    metrics: Metrics | None


def _shared(deps: GatewayDeps, chain_id: ChainId, watch: HeadWatch, resolver: CredentialResolver) -> _Shared:
    settings, store, clock = deps.settings, deps.store, deps.clock
    return _Shared(
        gate=Gate(store, chain_id, watch, clock, settings.index_wait_ms / 1000),
        resolver=resolver,
        key_use=KeyUse(store, clock),
        holds=HoldKeeper(deps.meter, clock),
        router=Router(clock),
        addresses=ClientAddress(settings.trusted_proxies),
        metrics=Metrics(deps.registry) if settings.metrics_port else None,
    )


@dataclass(frozen=True, slots=True)
class _Metered:
    """What the kinds of metered routes are made of."""

    parts: MeteredParts
    plain: PlainRelay
    media: MediaRelay


def _metered(
    deps: GatewayDeps, watch: HeadWatch, catalog: Catalog, metadata: MetadataService, shared: _Shared
) -> _Metered:
    clock, settings = deps.clock, deps.settings
    observer = _observer(shared.metrics, deps.traces)
    admission = Admission(
        catalog,
        shared.gate,
        metadata,
        deps.meter,
        shared.key_use,
        deps.limits or Limiter(clock),
        Offers(deps.deployment),
        clock,
        settings.confirmation,
        observer,
    )
    accountant = Accountant(clock, deps.counter)
    parts = MeteredParts(
        resolver=shared.resolver,
        key_use=shared.key_use,
        admission=admission,
        upstreams=deps.upstreams,
        router=shared.router,
        relay=Relay(admission, accountant, clock),
        holds=shared.holds,
        watch=watch,
        fingerprints=deps.fingerprints,
        addresses=shared.addresses,
        clock=clock,
        max_body_bytes=settings.max_body_bytes,
        body_seconds=settings.body_seconds,
        observer=observer,
        traces=deps.traces,
    )
    relays = (PlainRelay(admission, accountant, clock), MediaRelay(admission, accountant, clock))
    return _Metered(parts, *relays)


def _observer(metrics: Metrics | None, traces: Tracing | None) -> Observer:
    found: list[Observer] = [one for one in (metrics, traces) if one is not None]
    if len(found) > 1:
        return Observers(found)
    return found[0] if found else NoMetrics()


def _webhooks(deps: GatewayDeps, chain_id: ChainId, feed: Feed) -> tuple[Webhooks | None, Sender | None]:
    if deps.outgoing is None:
        return None, None
    settings, http = deps.settings, deps.outgoing
    box = SecretBox(settings.master_secret(), settings.earlier_master_secrets())
    webhooks = Webhooks(deps.store, deps.clock, chain_id, box, http.policy)
    return webhooks, Sender(deps.store, deps.clock, chain_id, feed, box, http)


def _signed(deps: GatewayDeps, chain_id: ChainId) -> SignedRequests | None:
    if deps.settings.signed_requests == "off":
        return None
    return SignedRequests(deps.store, deps.clock, chain_id, urlsplit(deps.settings.base_url).netloc)


def _sessions(deps: GatewayDeps, chain_id: ChainId) -> SessionService:
    settings = deps.settings
    rules = SignInRules(
        domains=sign_in_domains(settings),
        uri=settings.base_url,
        chain_ids=(chain_id,),
        session_seconds=settings.session_seconds,
    )
    issuer = NonceIssuer(settings.master_secret(), settings.nonce_seconds)
    return SessionService(deps.store, deps.clock, issuer, rules, deps.oracle)
