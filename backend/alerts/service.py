"""Alerts of one chain's accounts: what is wanted, what is found, what was told."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.alerts import repository, watch_repository
from backend.alerts.channels import Channels, channel_reply
from backend.alerts.detectors import DETECTORS, Watch
from backend.alerts.kinds import MEANINGS, Finding, Kind
from backend.alerts.ports import GasTank
from backend.alerts.quiet import clock_of, minutes_of
from backend.alerts.schemas import AlertReply, AlertsReply, AlertsRequest, KindReply, QuietHours
from backend.core.clock import Clock
from backend.core.errors import Unprocessable
from backend.core.units import UINT256_MAX, Address, ChainId, checksum
from backend.db.session import Store

RECENT: Final = 100
KEPT_SECONDS: Final = 90 * 86_400
_HOUR: Final = 3_600
_ACCOUNTS_COUNTED: Final = 10_000


class Alerts:
    """Settings of accounts, and the search for what to tell them."""

    def __init__(
        self, store: Store, chain_id: ChainId, channels: Channels, gas: GasTank, clock: Clock
    ) -> None:
        self.channels = channels
        self._store = store
        self._chain_id = chain_id
        self._gas = gas
        self._clock = clock
        self._failed: Counter[tuple[Address, int]] = Counter()

    async def shown(self, account: Address) -> AlertsReply:
        """Everything about an account's alerts."""
        async with self._store.read_connection() as db:
            quiet = await repository.account(db, self._chain_id, account)
            rules = {row.kind: row for row in await repository.rules(db, self._chain_id, account)}
            channels = await repository.channels(db, self._chain_id, account)
            recent = await repository.recent(db, self._chain_id, account, RECENT)
        return AlertsReply(
            kinds=[_kind(kind, rules.get(kind.value)) for kind in Kind],
            quiet_hours=_quiet(quiet),
            channels=[channel_reply(row) for row in channels],
            recent=[
                AlertReply(id=row.id, kind=row.kind, at=row.at, text=row.text, facts=row.facts)
                for row in recent
            ],
        )

    async def put(self, account: Address, wanted: AlertsRequest) -> AlertsReply:
        """Replace what an account wants. Raises Unprocessable for channels that are not its own."""
        now, quiet = self._clock.now(), wanted.quiet_hours
        async with self._store.write_connection() as db:
            known = await repository.channels(db, self._chain_id, account)
            _require_known(wanted, {row.id for row in known})
            before = {row.kind: row for row in await repository.rules(db, self._chain_id, account)}
            row = {
                "chain_id": self._chain_id,
                "account": account,
                "quiet_from": minutes_of(quiet.start) if quiet else None,
                "quiet_to": minutes_of(quiet.end) if quiet else None,
                "updated_at": now,
            }
            await repository.put_account(db, row)
            rows = [self._rule(account, kind, wanted, before.get(kind.value), now) for kind in wanted.kinds]
            await repository.replace_rules(db, self._chain_id, account, rows)
        return await self.shown(account)

    def _rule(
        self, account: Address, kind: Kind, wanted: AlertsRequest, before: Any, now: int
    ) -> dict[str, Any]:
        rule = wanted.kinds[kind]
        threshold = MEANINGS[kind].threshold if rule.threshold is None else int(rule.threshold)
        return {
            "chain_id": self._chain_id,
            "account": account,
            "kind": kind.value,
            "threshold": min(threshold, UINT256_MAX),
            "channels": rule.channels,
            "since": now if before is None else before.since,
        }

    async def look(self) -> int:
        """Look at everything that accounts watch, once; how many new alerts there are."""
        found = 0
        for kind in Kind:
            async with self._store.read_connection() as db:
                rules = await repository.watches(db, self._chain_id, kind.value)
            for rule in rules:
                watch = Watch(self._chain_id, Address(rule.account), rule.threshold, rule.since)
                findings = await self._findings(kind, watch)
                found += await self._note(watch.account, findings, rule.channels) if findings else 0
        return found

    async def _findings(self, kind: Kind, watch: Watch) -> list[Finding]:
        now = self._clock.now()
        if kind is Kind.METER_GAS_LOW:
            return await self._gas_low(watch, now)
        detector = DETECTORS.get(kind)
        if detector is None:
            return []
        async with self._store.read_connection() as db:
            return await detector(db, watch, now)

    async def _gas_low(self, watch: Watch, now: int) -> list[Finding]:
        """Once a meter and day."""
        async with self._store.read_connection() as db:
            services = await watch_repository.services(db, self._chain_id, watch.account)
        found = []
        for meter in sorted({Address(row.meter) for row in services}):
            wei = await self._gas.wei(meter)
            if wei is not None and wei < watch.threshold:
                text = f"meter {checksum(meter)} has {wei} wei left for gas: usage stays unsettled without it"
                facts = {"meter": checksum(meter), "wei": str(wei)}
                found.append(Finding(Kind.METER_GAS_LOW, f"{meter.hex()}:{now // 86_400}", text, facts))
        return found

    async def sign_in_failed(self, account: Address, network: str) -> None:
        """Note a failed sign-in as an account; told once an hour, from the threshold on."""
        hour = self._clock.now() // _HOUR
        self._forget_counts(hour)
        self._failed[account, hour] += 1
        count = self._failed[account, hour]
        text = f"{count} sign-ins as you failed within an hour, the last from {network}"
        finding = Finding(Kind.FAILED_LOG_IN, str(hour), text, {"network": network, "count": str(count)})
        await self._note_if_wanted(account, finding, count)

    async def nonce_replayed(self, account: Address, network: str) -> None:
        """Note a spent nonce sent again in an account's name; told once an hour and network."""
        hour = self._clock.now() // _HOUR
        text = f"a sign-in message of yours was sent again from {network}: it was refused"
        finding = Finding(Kind.REPLAYED_NONCE, f"{network}:{hour}", text, {"network": network})
        await self._note_if_wanted(account, finding, 1)

    def _forget_counts(self, hour: int) -> None:
        if len(self._failed) >= _ACCOUNTS_COUNTED:
            self._failed = Counter({key: n for key, n in self._failed.items() if key[1] == hour})
        if len(self._failed) >= _ACCOUNTS_COUNTED:
            self._failed.clear()

    async def _note_if_wanted(self, account: Address, finding: Finding, count: int) -> None:
        async with self._store.read_connection() as db:
            rules = await repository.rules(db, self._chain_id, account)
        for rule in rules:
            if rule.kind == finding.kind.value and count >= rule.threshold:
                await self._note(account, [finding], rule.channels)

    async def _note(self, account: Address, findings: Sequence[Finding], channels: Sequence[str]) -> int:
        """Keep what was not told yet, and put it on its way."""
        causes = [(finding.kind.value, finding.cause) for finding in findings]
        async with self._store.read_connection() as db:
            told = await repository.told(db, self._chain_id, account, causes)
            known = await repository.channels(db, self._chain_id, account)
        fresh = [finding for finding in findings if (finding.kind.value, finding.cause) not in told]
        if not fresh:
            return 0
        open_ = [row.id for row in known if row.confirmed_at is not None and row.id in channels]
        async with self._store.write_connection() as db:
            return sum([await self._add(db, account, finding, open_) for finding in fresh])

    async def _add(
        self, db: AsyncConnection, account: Address, finding: Finding, channels: Sequence[str]
    ) -> int:
        now = self._clock.now()
        row = {
            "chain_id": self._chain_id,
            "account": account,
            "kind": finding.kind.value,
            "cause": finding.cause,
            "at": now,
            "text": finding.text,
            "facts": finding.facts,
        }
        alert_id = await repository.add_alert(db, row)
        if alert_id is None:
            return 0
        ways = [
            {
                "alert_id": alert_id,
                "channel_id": one,
                "state": "waiting",
                "next_at": now,
                "attempts": 0,
                "error": "",
            }
            for one in channels
        ]
        await repository.add_deliveries(db, ways)
        return 1

    async def forget(self) -> None:
        """Drop what was told long ago."""
        async with self._store.write_connection() as db:
            await repository.forget(db, self._clock.now() - KEPT_SECONDS)


def _require_known(wanted: AlertsRequest, known: set[str]) -> None:
    strange = {one for rule in wanted.kinds.values() for one in rule.channels} - known
    if strange:
        raise Unprocessable(
            f"no channel {sorted(strange)[0][:40]!r} of yours; add it with POST /v1/alerts/channels first"
        )


def _kind(kind: Kind, rule: Any) -> KindReply:
    meaning = MEANINGS[kind]
    return KindReply(
        kind=kind,
        summary=meaning.summary,
        unit=meaning.unit,
        enabled=rule is not None,
        threshold=str(meaning.threshold if rule is None else rule.threshold),
        channels=[] if rule is None else rule.channels,
    )


def _quiet(row: Any) -> QuietHours | None:
    if row is None or row.quiet_from is None or row.quiet_to is None:
        return None
    return QuietHours(start=clock_of(row.quiet_from), end=clock_of(row.quiet_to))
