"""API keys from issue to revocation.

issue, rotate
├── when the signature is older than five minutes, it should be refused
└── it should show the key once and keep only its hash
resolve
├── when the check is wrong, or it is of the other network, it should be refused without a look-up
├── when it is unknown, revoked or expired, it should be refused
├── when the caller is outside its networks, it should be refused
└── it should find the wallet and its limits
rotate
├── with overlap both secrets should work, until the old one dies
├── while it overlaps it can be rolled back, and the new secret dies
└── without overlap the old one should die at once
change
├── what narrows needs no fresh signature, what widens does; what is left out stays
└── a revoked key, another account's: refused
age
├── a secret older than the gateway allows is refused until it is rotated; its end is told a week before
└── an overlap never outlives it
caps
├── when a request could pass the daily cap, it should be refused
└── however many arrive at once, the cap should hold
"""

import asyncio
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from sqlalchemy import select

from backend.accounts.key_format import check_of, make_key
from backend.accounts.key_use import KeyUse
from backend.accounts.principal import Principal, Scope
from backend.accounts.resolver import CredentialResolver
from backend.accounts.schemas import KeyChange, KeyRequest
from backend.accounts.service import KeyService
from backend.accounts.sessions import SessionService
from backend.core.clock import ManualClock
from backend.core.errors import (
    AddressNotAllowed,
    Conflict,
    FreshSignatureRequired,
    InvalidCredential,
    NotFound,
    ScopeMissing,
    SpendCapReached,
    WrongNetwork,
)
from backend.core.units import Address, MicroCredits, ServiceId
from backend.db.session import Store
from backend.db.tables.accounts import ApiKeySecret
from tests.backend.accounts.conftest import CLIENT, presented


class TestIssue:
    async def test_needs_a_fresh_signature(
        self, keys: KeyService, owner: Principal, clock: ManualClock
    ) -> None:
        await clock.advance(301)
        with pytest.raises(FreshSignatureRequired):
            await keys.issue(owner, KeyRequest(), CLIENT)

    async def test_refuses_a_key_that_makes_keys(
        self, keys: KeyService, owner: Principal, resolver: CredentialResolver
    ) -> None:
        made = await keys.issue(owner, KeyRequest(scopes=list(Scope)), CLIENT)
        by_key = await resolver.resolve(presented(made.key))
        with pytest.raises(FreshSignatureRequired):
            await keys.issue(by_key, KeyRequest(), CLIENT)

    async def test_keeps_only_a_hash(self, keys: KeyService, owner: Principal, store: Store) -> None:
        made = await keys.issue(owner, KeyRequest(name="laptop"), CLIENT)
        async with store.read() as session:
            rows = (await session.execute(select(ApiKeySecret))).scalars().all()
        assert made.key.startswith(f"emp_dev_{made.id}_")
        assert made.key.encode() not in rows[0].secret_hash
        assert "key" not in (await keys.all_of(owner))[0].model_dump()


class TestResolve:
    async def test_refuses_a_wrong_check_before_any_look_up(
        self, resolver: CredentialResolver, store: Store
    ) -> None:
        await store.close()
        text = make_key("dev").text
        with pytest.raises(InvalidCredential, match="mistyped"):
            await resolver.resolve(presented(text[:-1] + ("0" if text[-1] != "0" else "1")))
        with pytest.raises(WrongNetwork):
            await resolver.resolve(presented(make_key("live").text))

    @pytest.mark.parametrize("token", [None, "", "sk-something", "emp_dev_", "ems_" + "a" * 43, "é" * 60])
    async def test_refuses_what_is_no_key(self, resolver: CredentialResolver, token: str | None) -> None:
        with pytest.raises(InvalidCredential):
            await resolver.resolve(presented(token))

    async def test_refuses_a_key_nobody_made(self, resolver: CredentialResolver) -> None:
        with pytest.raises(InvalidCredential, match="not known"):
            await resolver.resolve(presented(make_key("dev").text))

    async def test_refuses_an_expired_key(
        self, keys: KeyService, owner: Principal, resolver: CredentialResolver, clock: ManualClock
    ) -> None:
        made = await keys.issue(owner, KeyRequest(expires_in=60), CLIENT)
        await clock.advance(60)
        with pytest.raises(InvalidCredential, match="expired"):
            await resolver.resolve(presented(made.key))

    async def test_refuses_a_caller_outside_the_networks(
        self, keys: KeyService, owner: Principal, resolver: CredentialResolver
    ) -> None:
        made = await keys.issue(owner, KeyRequest(networks=["203.0.113.0/24", "2001:db8::/32"]), CLIENT)
        assert await resolver.resolve(presented(made.key))
        assert await resolver.resolve(presented(made.key, "2001:db8::7"))
        for stranger in ("198.51.100.1", "", "::ffff:203.0.113.9"):
            with pytest.raises(AddressNotAllowed):
                await resolver.resolve(presented(made.key, stranger))

    async def test_finds_the_wallet_and_its_limits(
        self, keys: KeyService, owner: Principal, resolver: CredentialResolver
    ) -> None:
        made = await keys.issue(owner, KeyRequest(services=[7], scopes=[Scope.INFERENCE]), CLIENT)
        found = await resolver.resolve(presented(made.key))
        assert (found.address, found.key_id) == (owner.address, made.id)
        with pytest.raises(ScopeMissing):
            found.require_scope(Scope.READ)
        with pytest.raises(ScopeMissing):
            found.require_service(ServiceId(8))


class TestRevoke:
    async def test_refuses_another_accounts_key(self, keys: KeyService, owner: Principal) -> None:
        with pytest.raises(NotFound):
            await keys.revoke(owner, "nothere", CLIENT)

    async def test_kills_one_or_all(
        self, keys: KeyService, owner: Principal, resolver: CredentialResolver
    ) -> None:
        made = [await keys.issue(owner, KeyRequest(), CLIENT) for _ in range(3)]
        assert await keys.revoke(owner, made[0].id, CLIENT) == 1
        assert await keys.revoke(owner, made[0].id, CLIENT) == 0
        assert await keys.revoke(owner, None, CLIENT) == 2
        for one in made:
            with pytest.raises(InvalidCredential, match="revoked"):
                await resolver.resolve(presented(one.key))

    async def test_lets_a_key_revoke_itself(
        self, keys: KeyService, owner: Principal, resolver: CredentialResolver
    ) -> None:
        made, other = [await keys.issue(owner, KeyRequest(), CLIENT) for _ in range(2)]
        by_key = await resolver.resolve(presented(made.key))
        with pytest.raises(ScopeMissing):
            await keys.revoke(by_key, other.id, CLIENT)
        assert await keys.revoke(by_key, made.id, CLIENT) == 1


class TestRotate:
    async def test_lets_both_secrets_live_while_it_overlaps(
        self, keys: KeyService, owner: Principal, resolver: CredentialResolver, clock: ManualClock
    ) -> None:
        made = await keys.issue(owner, KeyRequest(), CLIENT)
        turned = await keys.rotate(owner, made.id, 120, CLIENT)
        assert (await resolver.resolve(presented(made.key))).superseded
        assert not (await resolver.resolve(presented(turned.key))).superseded
        with pytest.raises(Conflict, match="overlaps"):
            await keys.rotate(owner, made.id, 120, CLIENT)
        await clock.advance(121)
        assert await resolver.resolve(presented(turned.key))
        with pytest.raises(InvalidCredential, match="rotated"):
            await resolver.resolve(presented(made.key))

    async def test_can_be_rolled_back_meanwhile(
        self, keys: KeyService, owner: Principal, resolver: CredentialResolver, clock: ManualClock
    ) -> None:
        made = await keys.issue(owner, KeyRequest(), CLIENT)
        turned = await keys.rotate(owner, made.id, 120, CLIENT)
        await keys.roll_back(owner, made.id, CLIENT)
        await clock.advance(200)
        assert not (await resolver.resolve(presented(made.key))).superseded
        with pytest.raises(InvalidCredential):
            await resolver.resolve(presented(turned.key))
        again = await keys.rotate(owner, made.id, 0, CLIENT)
        assert again.version == 3

    async def test_ends_the_old_secret_at_once_without_overlap(
        self, keys: KeyService, owner: Principal, resolver: CredentialResolver
    ) -> None:
        made = await keys.issue(owner, KeyRequest(), CLIENT)
        await keys.rotate(owner, made.id, 0, CLIENT)
        with pytest.raises(InvalidCredential):
            await resolver.resolve(presented(made.key))
        with pytest.raises(Conflict, match="roll back"):
            await keys.roll_back(owner, made.id, CLIENT)


class TestChange:
    FULL: ClassVar[dict[str, Any]] = {
        "scopes": [Scope.INFERENCE, Scope.READ],
        "services": [1, 2],
        "networks": ["203.0.113.0/24"],
        "daily_cap": 100,
        "expires_in": 3_600,
    }

    async def test_narrows_without_a_fresh_signature(
        self, keys: KeyService, owner: Principal, clock: ManualClock, resolver: CredentialResolver
    ) -> None:
        made = await keys.issue(owner, KeyRequest(**self.FULL), CLIENT)
        await clock.advance(301)
        less = {
            "name": "less",
            "scopes": [Scope.READ],
            "services": [2],
            "networks": ["203.0.113.8/29"],
            "daily_cap": 99,
            "expires_in": 600,
        }
        shown = await keys.change(owner, made.id, KeyChange(**less), CLIENT)
        assert (shown.name, shown.services, shown.expires_at) == ("less", [2], clock.now() + 600)
        found = await resolver.resolve(presented(made.key))
        assert found.scopes == {Scope.READ}
        assert found.daily_cap == 99

    async def test_widens_with_a_fresh_signature_alone(
        self, keys: KeyService, owner: Principal, clock: ManualClock
    ) -> None:
        made = await keys.issue(owner, KeyRequest(**self.FULL), CLIENT)
        more: list[dict[str, Any]] = [
            {"scopes": [Scope.READ, Scope.PROVIDER]},
            {"services": []},
            {"services": [1, 3]},
            {"networks": []},
            {"networks": ["203.0.112.0/23"]},
            {"networks": ["2001:db8::/32"]},
            {"daily_cap": 101},
            {"daily_cap": None},
            {"expires_in": 7_200},
            {"expires_in": None},
        ]
        await clock.advance(301)
        for change in more:
            with pytest.raises(FreshSignatureRequired):
                await keys.change(owner, made.id, KeyChange(**change), CLIENT)
        (kept,) = await keys.all_of(owner)
        assert kept.daily_cap == 100
        fresh = replace(owner, signed_at=clock.now())
        for change in more:
            await keys.change(fresh, made.id, KeyChange(**change), CLIENT)
        (wide,) = await keys.all_of(owner)
        assert (wide.services, wide.daily_cap, wide.ends_at) == ([1, 3], None, None)
        assert (await keys.audit(owner, None, 1))[0].details["widened"] == ["expires_at"]

    async def test_refuses_dead_keys_and_strangers(self, keys: KeyService, owner: Principal) -> None:
        made = await keys.issue(owner, KeyRequest(), CLIENT)
        stranger = replace(owner, address=Address(b"\x33" * 20))
        with pytest.raises(NotFound):
            await keys.change(stranger, made.id, KeyChange(name="mine"), CLIENT)
        await keys.revoke(owner, made.id, CLIENT)
        with pytest.raises(Conflict):
            await keys.change(owner, made.id, KeyChange(name="again"), CLIENT)


class TestAge:
    async def test_a_secret_gets_too_old_and_a_rotated_one_works_again(
        self, store: Store, owner: Principal, sessions: SessionService, clock: ManualClock
    ) -> None:
        keys = KeyService(store, clock, "dev", most_days=30)
        resolver = CredentialResolver(keys, sessions, "dev", clock)
        made = await keys.issue(owner, KeyRequest(), CLIENT)
        assert made.ends_at == clock.now() + 30 * 86_400
        await clock.advance(24 * 86_400)
        assert (await keys.all_of(owner))[0].ends_soon
        await clock.advance(6 * 86_400 - 60)
        fresh = replace(owner, signed_at=clock.now())
        turned = await keys.rotate(fresh, made.id, 600, CLIENT)
        assert turned.overlap_until == clock.now() + 60
        await clock.advance(60)
        with pytest.raises(InvalidCredential):
            await resolver.resolve(presented(made.key))
        assert await resolver.resolve(presented(turned.key))
        await clock.advance(30 * 86_400)
        with pytest.raises(InvalidCredential, match="rotate it"):
            await resolver.resolve(presented(turned.key))


class TestKeyUse:
    async def test_holds_the_cap_however_many_arrive_at_once(
        self,
        keys: KeyService,
        owner: Principal,
        resolver: CredentialResolver,
        store: Store,
        clock: ManualClock,
    ) -> None:
        made = await keys.issue(owner, KeyRequest(daily_cap=1000), CLIENT)
        by_key = await resolver.resolve(presented(made.key))
        use = KeyUse(store, clock)
        asides = await asyncio.gather(
            *(use.set_aside(by_key, MicroCredits(100)) for _ in range(20)), return_exceptions=True
        )
        kept = [aside for aside in asides if not isinstance(aside, BaseException)]
        assert len(kept) == 10
        assert all(isinstance(a, SpendCapReached) for a in asides if a not in kept)
        for aside in kept:
            await use.settle(aside, MicroCredits(50))
        assert await use.set_aside(by_key, MicroCredits(500))
        with pytest.raises(SpendCapReached):
            await use.set_aside(by_key, MicroCredits(1))

    async def test_counts_by_day_and_tells_of_new_networks(
        self,
        keys: KeyService,
        owner: Principal,
        resolver: CredentialResolver,
        store: Store,
        clock: ManualClock,
    ) -> None:
        made = await keys.issue(owner, KeyRequest(), CLIENT)
        by_key = await resolver.resolve(presented(made.key))
        use = KeyUse(store, clock)
        for client in (CLIENT, CLIENT, "198.51.100.1"):
            use.count(by_key, client)
            await use.flush()
        (shown,) = await keys.all_of(owner)
        assert [day.requests for day in shown.days] == [3]
        assert shown.last_used_at == clock.now()
        trail = await keys.audit(owner, None, 10)
        assert [line.action for line in trail] == ["key.new-network", "key.issued"]
        assert trail[0].network == "198.51.100.0/24"


class TestCheck:
    def test_is_six_digits_and_moves_with_every_letter(self) -> None:
        head = make_key("live").text[:-6]
        assert len(check_of(head)) == 6
        assert check_of(head) != check_of(head[:-1] + ("a" if head[-1] != "a" else "b"))
