"""Errors of nodes, transactions and contracts; ``errors`` draws the whole tree."""

from collections.abc import Mapping

from backend.core.error_root import EmporionError


class ChainError(EmporionError):
    """The node or the chain."""

    status = 502
    code = "chain_error"


class NodeUnreachable(ChainError):
    """No node answers."""

    status = 503
    code = "node_unreachable"
    retryable = True


class NodeThrottled(NodeUnreachable):
    """The node wants fewer requests. ``retry_after`` is in seconds, 0 where it does not say."""

    code = "node_throttled"

    def __init__(self, message: str, retry_after: int = 0, **details: object) -> None:
        super().__init__(message, retry_after=retry_after, **details)
        self.retry_after = retry_after


class NodeError(ChainError):
    """The node answered with an error that is no revert."""

    code = "node_error"


class LogsRefused(NodeError):
    """A range of logs too wide, too large or too slow for the node: ask for less.

    ``suggested`` is the inclusive range of blocks that the node says it would answer, if it does.
    """

    code = "logs_refused"

    def __init__(self, message: str, suggested: tuple[int, int] | None = None, **details: object) -> None:
        super().__init__(message, suggested=suggested, **details)
        self.suggested = suggested


class WrongChain(ChainError):
    """The node is on another chain than the deployment record."""

    status = 500
    code = "wrong_chain"


class DeploymentMismatch(ChainError):
    """The chain does not hold what the deployment record says."""

    status = 500
    code = "deployment_mismatch"


class TransactionNotMined(ChainError):
    """Sent, and not mined in time; it may still be."""

    status = 504
    code = "transaction_not_mined"
    retryable = True


class InsufficientFunds(ChainError):
    """The sender cannot pay the gas or the amount."""

    status = 402
    code = "insufficient_funds"


class TransactionReverted(ChainError):
    """Mined or simulated, and undone."""

    status = 409
    code = "transaction_reverted"


class ContractRevert(TransactionReverted):
    """A custom error of one of our contracts, decoded.

    ``selector`` is 4 bytes, ``name`` the Solidity name (``AccessToken_SaleClosed``), ``arguments`` its values
    by name. Which selector carries which name comes from the ABIs; ``backend.chain`` decodes them.
    """

    code = "contract_revert"

    def __init__(self, selector: bytes, name: str, arguments: Mapping[str, object], advice: str = "") -> None:
        told = ", ".join(f"{key}={value}" for key, value in arguments.items())
        tail = f"; {advice}" if advice else ""
        super().__init__(
            f"the contract refused: {name}({told}){tail}",
            selector="0x" + selector.hex(),
            name=name,
            arguments={key: _plain(value) for key, value in arguments.items()},
        )
        self.selector = selector
        self.name = name
        self.arguments = dict(arguments)


def _plain(value: object) -> object:
    """A value fit for JSON without loss: big integers as text, bytes as hexadecimal."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, bool) or value is None else str(value)
