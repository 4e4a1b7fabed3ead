"""Which chains one indexer follows: that of the settings, and others named beside it as RECORD=URL."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from backend.chain.heads import HeadFeed
from backend.cli.wiring import Chain, announced_heads, chain
from backend.core.errors import DeploymentMismatch, SettingsError
from backend.core.settings import Settings


@dataclass(frozen=True, slots=True)
class Followed:
    """A chain, its nodes, and what announces its heads, if anything does."""

    chain: Chain
    feed: HeadFeed | None


def settings_of_each(settings: Settings, also: Sequence[str] = ()) -> list[Settings]:
    """The settings once a chain, their own first. A record named again adds a node; a ws:// URL gives heads.

    Raises SettingsError for what is no RECORD=URL, and for a record without a node.
    """
    urls: dict[Path, list[str]] = {}
    for pair in [*settings.other_chains, *also]:
        record, _, url = pair.partition("=")
        if not record or urlsplit(url).scheme not in ("http", "https", "ws", "wss"):
            raise SettingsError(
                f"{pair!r} names no further chain; write RECORD=URL, as base.json=http://node"
            )
        urls.setdefault(Path(record).expanduser(), []).append(url)
    return [settings, *(_beside(settings, record, named) for record, named in urls.items())]


def _beside(settings: Settings, record: Path, urls: Sequence[str]) -> Settings:
    nodes = [url for url in urls if url.startswith("http")]
    sockets = [url for url in urls if not url.startswith("http")]
    if not nodes:
        raise SettingsError(f"{record} has no node to ask; add {record}=http://...")
    changed = {"deployment_file": record, "rpc_urls": nodes, "ws_url": sockets[0] if sockets else ""}
    return settings.model_copy(update=changed)


@asynccontextmanager
async def followed(each: Sequence[Settings]) -> AsyncIterator[list[Followed]]:
    """All of them, their nodes checked. Raises ChainError, DeploymentMismatch where two are of one chain."""
    async with AsyncExitStack() as stack:
        found: dict[int, Followed] = {}
        for settings in each:
            one = await stack.enter_async_context(chain(settings))
            chain_id = one.deployment.chain_id
            if chain_id in found:
                raise DeploymentMismatch(
                    f"{settings.deployment_path} is a second record of chain {chain_id}; name one a chain"
                )
            feed = await stack.enter_async_context(announced_heads(settings))
            found[chain_id] = Followed(one, feed)
        yield list(found.values())
