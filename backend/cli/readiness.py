"""Whether a gateway is ready, as it says itself."""

from typing import Any

from backend.cli.gateway_client import GatewayClient, GatewayRefused
from backend.core.errors import UpstreamUnavailable


async def readiness(base_url: str) -> dict[str, Any]:
    """What the gateway says of itself; not being there is an answer too."""
    async with GatewayClient.at(base_url) as client:
        try:
            body = await client.ask("GET", "/readyz")
        except GatewayRefused as error:
            body = error.body
        except UpstreamUnavailable:
            return {"url": client.base_url, "ready": False, "problems": ["no answer"]}
        return {
            "url": client.base_url,
            "ready": bool(body.get("ready")),
            "problems": body.get("problems", []),
        }
