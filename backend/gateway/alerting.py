"""Alerts put together, and sign-ins that failed told to whom they were tried as."""

from dataclasses import dataclass

from backend.accounts.principal import network_of
from backend.alerts.channels import Channels
from backend.alerts.ports import AlertSender, GasTank
from backend.alerts.service import Alerts
from backend.alerts.worker import AlertWorker
from backend.core.clock import Clock
from backend.core.errors import InvalidCredential, InvalidNonce, MalformedRequest
from backend.core.settings import Settings
from backend.core.units import Address, ChainId, to_address
from backend.db.session import Store
from backend.inference.secrets import SecretBox
from backend.net.guard import DEVNET, PUBLIC_ONLY


@dataclass(frozen=True, slots=True)
class Alerting:
    """What routes use, and the task that delivers."""

    alerts: Alerts
    worker: AlertWorker


def alerting(
    settings: Settings, store: Store, chain_id: ChainId, sender: AlertSender, gas: GasTank, clock: Clock
) -> Alerting:
    """Build both. Targets on this machine are allowed where upstreams there are: on a devnet."""
    policy = DEVNET if settings.allow_loopback_upstreams else PUBLIC_ONLY
    box = SecretBox(settings.master_secret(), settings.earlier_master_secrets())
    alerts = Alerts(store, chain_id, Channels(store, sender, box, policy, clock), gas, clock)
    return Alerting(alerts, AlertWorker(store, alerts, sender, clock))


async def note_refusal(alerts: Alerts, message: str, client: str, error: InvalidCredential) -> None:
    """Note a refused sign-in for the account it names, if it names one."""
    account = _named(message)
    if account is None:
        return
    if isinstance(error, InvalidNonce):
        if error.details.get("used"):
            await alerts.nonce_replayed(account, network_of(client))
        return
    await alerts.sign_in_failed(account, network_of(client))


def _named(message: str) -> Address | None:
    """The account of an EIP-4361 message: its second line."""
    lines = message[:1_000].split("\n", 2)
    try:
        return to_address(lines[1].strip()) if len(lines) > 1 else None
    except MalformedRequest:
        return None
