"""All contracts of one deployment, and the events of a receipt by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from backend.chain.bindings.access_token import AccessToken
from backend.chain.bindings.dispute_court import DisputeCourt
from backend.chain.bindings.emporion_distributor import EmporionDistributor
from backend.chain.bindings.emporion_governor import EmporionGovernor
from backend.chain.bindings.revenue_shares import RevenueShares
from backend.chain.bindings.service_registry import ServiceRegistry
from backend.chain.bindings.service_reviews import ServiceReviews
from backend.chain.bindings.staking_vault import StakingVault
from backend.chain.bindings.token_market import TokenMarket
from backend.chain.bindings.tokens import DevnetDollar, Erc20
from backend.chain.bindings.usage_escrow import UsageEscrow
from backend.chain.client import NodeClient, Receipt
from backend.chain.events import DecodedEvent, EventReader
from backend.core.deployment import Deployment
from backend.core.errors import DeploymentMismatch
from backend.core.units import Address, to_address


@dataclass(frozen=True, slots=True)
class Contracts:
    """Opened contracts; `dollar` only on a devnet."""

    client: NodeClient
    deployment: Deployment
    events: EventReader
    emp: Erc20
    registry: ServiceRegistry
    access: AccessToken
    escrow: UsageEscrow
    shares: RevenueShares
    vault: StakingVault
    market: TokenMarket

    @classmethod
    def of(cls, client: NodeClient, deployment: Deployment) -> Self:
        """Open every contract of a record. Raises DeploymentMismatch where one is missing."""

        def at(name: str) -> Address:
            return to_address(deployment.address(name))

        return cls(
            client=client,
            deployment=deployment,
            events=EventReader.of(deployment),
            emp=Erc20(client, at("EmporionToken")),
            registry=ServiceRegistry(client, at("ServiceRegistry")),
            access=AccessToken(client, at("AccessToken")),
            escrow=UsageEscrow(client, at("UsageEscrow")),
            shares=RevenueShares(client, at("RevenueShares")),
            vault=StakingVault(client, at("StakingVault")),
            market=TokenMarket(client, at("TokenMarket")),
        )

    @property
    def dollar(self) -> DevnetDollar:
        """The devnet's mintable dollar. Raises DeploymentMismatch elsewhere."""
        return DevnetDollar(self.client, to_address(self.deployment.address("TestDollar")))

    @property
    def reviews(self) -> ServiceReviews:
        """Where services are rated. Raises DeploymentMismatch where nothing is."""
        return ServiceReviews(self.client, to_address(self.deployment.address("ServiceReviews")))

    @property
    def court(self) -> DisputeCourt:
        """Where bonds are disputed. Raises DeploymentMismatch where nobody judges."""
        return DisputeCourt(self.client, to_address(self.deployment.address("DisputeCourt")))

    @property
    def governor(self) -> EmporionGovernor:
        """Where stakers decide. Raises DeploymentMismatch where an operator does."""
        return EmporionGovernor(self.client, to_address(self.deployment.address("EmporionGovernor")))

    @property
    def distributor(self) -> EmporionDistributor:
        """Where the airdrop waits. Raises DeploymentMismatch where there was none."""
        return EmporionDistributor(self.client, to_address(self.deployment.address("EmporionDistributor")))

    def currency(self, index: int) -> Erc20:
        """The ERC-20 at a place of the table. Raises DeploymentMismatch for none."""
        for line in self.deployment.currencies:
            if line.index == index:
                return Erc20(self.client, to_address(line.address))
        raise DeploymentMismatch(f"the deployment record has no currency {index}; is the record old?")

    def events_of(self, receipt: Receipt) -> list[DecodedEvent]:
        """Our contracts' events in a receipt, in order."""
        found = (self.events.decode(log) for log in receipt.logs)
        return [event for event in found if event is not None]

    def event(self, receipt: Receipt, name: str) -> Mapping[str, Any]:
        """Arguments of the first event of this name. Raises DeploymentMismatch where there is none."""
        for event in self.events_of(receipt):
            if event.name == name:
                return event.args
        raise DeploymentMismatch(f"the transaction emitted no {name}; is the record of this deployment?")
