"""Typed calls and transactions of every contract; `Contracts.of(client, deployment)` opens them all."""

from backend.chain.bindings.contracts import Contracts

__all__ = ["Contracts"]
