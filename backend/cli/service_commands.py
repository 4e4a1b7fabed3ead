"""`emporion provider pause` and the like: what the owner of a service changes on chain."""

from typing import Annotated, Any, Literal

import typer

from backend.chain.bindings import Contracts
from backend.cli.acting import acted, sent
from backend.cli.manifest import base_units
from backend.cli.options import AsJson, EmpArgument, KeyName, PlanArgument, ServiceArgument
from backend.cli.outcomes import EMP_DECIMALS, moment, told
from backend.cli.trading import Trader
from backend.core.units import ServiceStatus, checksum, to_address

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask first.")]


def add_to(provider: typer.Typer) -> None:
    """Add these commands."""
    for command in (pause, resume, retire, bond, unbond, sale, meter):
        provider.command(command.__name__)(command)


def pause(service: ServiceArgument, key: KeyName = None, as_json: AsJson = False) -> None:
    """Stop selling a service; what was sold is served on."""
    _set_status(service, ServiceStatus.PAUSED, key, as_json)


def resume(service: ServiceArgument, key: KeyName = None, as_json: AsJson = False) -> None:
    """Sell a paused service again."""
    _set_status(service, ServiceStatus.ACTIVE, key, as_json)


def retire(service: ServiceArgument, yes: Yes = False, key: KeyName = None, as_json: AsJson = False) -> None:
    """End a service for good: periods and credits not used yet can be refunded."""
    if not yes:
        question = f"service {service} ends for good and its buyers may take their money back. Go on?"
        typer.confirm(question, abort=True, err=True)
    _set_status(service, ServiceStatus.RETIRED, key, as_json)


def bond(service: ServiceArgument, amount: EmpArgument, key: KeyName = None, as_json: AsJson = False) -> None:
    """Add EMP to the bond of a service; any wallet may."""
    units = base_units(amount, EMP_DECIMALS)
    sent(lambda _, trader: trader.bond(service, units), key, as_json, service=service)


def unbond(
    service: ServiceArgument,
    request: Annotated[
        str | None, typer.Option("--request", metavar="EMP", help="Ask for so much in all; 0 takes it back.")
    ] = None,
    key: KeyName = None,
    as_json: AsJson = False,
) -> None:
    """Take a part of the bond back: first with --request, then, after the cooldown, without."""
    units = None if request is None else base_units(request, EMP_DECIMALS)

    async def work(contracts: Contracts, trader: Trader) -> dict[str, Any]:
        if units is None:
            take = contracts.registry.unbond(service, trader.address)
            return told(contracts, await trader.send(take), service=service)
        receipt = await trader.send(contracts.registry.request_unbond(service, units))
        return told(contracts, receipt, service=service, **await _ready(contracts, service))

    acted(work, key, as_json)


def sale(
    plan: PlanArgument,
    state: Annotated[Literal["open", "close"], typer.Argument(help="open or close.")],
    key: KeyName = None,
    as_json: AsJson = False,
) -> None:
    """Open or close the sale of a plan; what was sold of it is served on."""
    sent(
        lambda contracts, trader: trader.send(contracts.access.set_sale_open(plan, state == "open")),
        key,
        as_json,
        plan=plan,
    )


def meter(
    service: ServiceArgument,
    address: Annotated[str, typer.Argument(help="Whose key signs receipts and settles from now on.")],
    leaked: Annotated[
        bool, typer.Option("--leaked", help="Send it twice: the old key settles nothing any more.")
    ] = False,
    key: KeyName = None,
    as_json: AsJson = False,
) -> None:
    """Name another meter; the old one settles what it served for the withdrawal delay, unless --leaked."""
    chosen = to_address(address)

    async def work(contracts: Contracts, trader: Trader) -> dict[str, Any]:
        receipt = await trader.send(contracts.registry.set_meter(service, chosen))
        if leaked:  # only the last key that was replaced may still settle: now that is the new one itself
            receipt = await trader.send(contracts.registry.set_meter(service, chosen))
        until = int(contracts.event(receipt, "MeterSet")["previousMeterUntil"])
        old = "never again" if leaked else f"until {moment(until)}"
        return told(contracts, receipt, service=service, meter=checksum(chosen), old_key_settles=old)

    acted(work, key, as_json)


def _set_status(service: int, status: ServiceStatus, key: str | None, as_json: bool) -> None:
    sent(
        lambda contracts, trader: trader.send(contracts.registry.set_status(service, status)),
        key,
        as_json,
        service=service,
    )


async def _ready(contracts: Contracts, service: int) -> dict[str, Any]:
    """When the part asked for can be taken: the cooldown counts from the later of request and last sale."""
    found = await contracts.registry.service(service)
    if not found.unbonding:
        return {}
    began = max(found.unbond_requested_at, found.last_sale)
    return {"ready_at": moment(began + await contracts.registry.unbond_cooldown())}
