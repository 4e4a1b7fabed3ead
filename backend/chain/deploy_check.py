"""Whether a chain holds what a deployment record says: its id, its genesis, the code at every address."""

from collections.abc import Mapping

from backend.chain.client import NodeClient
from backend.core.deployment import Deployment
from backend.core.errors import DeploymentMismatch
from backend.core.units import hex_of, to_address
from contracts.artifacts import load


async def verify(client: NodeClient, deployment: Deployment) -> None:
    """Check a record against its chain. Raises WrongChain, DeploymentMismatch, NodeUnreachable."""
    await client.require_chain(deployment.chain_id)
    require_genesis(deployment, hex_of(await client.genesis_hash()))
    await require_code(client, {name: to_address(deployment.address(name)) for name in deployment.contracts})


async def require_code(client: NodeClient, addresses: Mapping[str, bytes]) -> None:
    """Raises DeploymentMismatch naming every contract whose code on the chain is not its artifact's."""
    codes = await client.codes(list(addresses.values()))
    pairs = zip(addresses, codes, strict=True)
    wrong = [name for name, code in pairs if not load(name).runtime_matches(code)]
    if wrong:
        raise DeploymentMismatch(
            f"the chain does not hold the code of {', '.join(wrong)}: the contracts were changed since, or "
            "the record is of another chain; deploy anew with another record",
            contracts=wrong,
        )


def require_genesis(deployment: Deployment, genesis: str) -> None:
    """Raises DeploymentMismatch where a chain of the same id began differently."""
    if deployment.genesis_hash != genesis:
        raise DeploymentMismatch(
            f"the deployment record is of another chain {deployment.chain_id} (genesis "
            f"{deployment.genesis_hash[:10]}, the node's is {genesis[:10]}): a devnet that was started anew? "
            "Move the record away and deploy"
        )
