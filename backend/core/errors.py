"""Every error this program raises on purpose.

::

    EmporionError                      500 internal_error
    +-- RequestError                   the caller's side; the message says what to change
    |   +-- MalformedRequest           400 malformed_request
    |   +-- InvalidCredential          401 invalid_credential
    |   |   +-- InvalidSignature       401 invalid_signature
    |   |   +-- InvalidNonce           401 invalid_nonce
    |   |   +-- WrongNetwork           401 wrong_network
    |   +-- PaymentRequired            402 payment_required        (offers)
    |   +-- Forbidden                  403 forbidden               (buying would not help)
    |   |   +-- ScopeMissing           403 scope_missing
    |   |   +-- AddressNotAllowed      403 address_not_allowed     (CIDR list of the key)
    |   |   +-- SpendCapReached        403 spend_cap_reached
    |   |   +-- ServiceRetired         403 service_retired
    |   |   +-- FreshSignatureRequired 403 fresh_signature_required
    |   +-- NotFound                   404 not_found
    |   |   +-- ModelNotFound          404 model_not_found
    |   +-- MethodNotAllowed           405 method_not_allowed
    |   +-- RequestTimeout             408 request_timeout         retryable
    |   +-- Conflict                   409 conflict
    |   +-- BodyTooLarge               413 body_too_large
    |   +-- ContextLengthExceeded      413 context_length_exceeded
    |   +-- UnsupportedMediaType       415 unsupported_media_type
    |   +-- Unprocessable              422 unprocessable
    |   +-- RateLimited                429 rate_limited            retryable (retry_after)
    +-- UpstreamError                  502 upstream_error          retryable
    |   +-- UpstreamRejected           502 upstream_rejected
    |   +-- UpstreamUnavailable        503 upstream_unavailable    retryable
    |   +-- UpstreamTimeout            504 upstream_timeout        retryable
    |   +-- AddressBlocked             502 address_blocked         (SSRF guard)
    +-- Unavailable                    503 unavailable             retryable
    |   +-- IndexStale                 503 index_stale             retryable
    |   +-- PortAbsent                 503 port_absent
    |   +-- Draining                   503 draining                retryable
    +-- SettingsError                  500 settings_error
    |   +-- UnsafeSettings             500 unsafe_settings
    |   +-- MissingDependency          500 missing_dependency
    +-- SigningKeyError                500 signing_key_error
    |   +-- WrongPassword              500 wrong_password
    |   +-- SigningKeyNotFound         500 signing_key_not_found
    +-- DatabaseError                  500 database_error
    |   +-- DatabaseUnreachable        503 database_unreachable    retryable
    |   +-- DatabaseBusy               503 database_busy           retryable
    |   +-- DatabaseNewer              500 database_newer
    |   +-- DatabaseMismatch           500 database_mismatch       (another chain or deployment)
    +-- ChainError                     502 chain_error
        +-- NodeUnreachable            503 node_unreachable        retryable
        |   +-- NodeThrottled          503 node_throttled          retryable (retry_after)
        +-- NodeError                  502 node_error
        |   +-- LogsRefused            502 logs_refused            (suggested range)
        +-- WrongChain                 500 wrong_chain
        +-- DeploymentMismatch         500 deployment_mismatch
        +-- TransactionNotMined        504 transaction_not_mined   retryable
        +-- InsufficientFunds          402 insufficient_funds
        +-- TransactionReverted        409 transaction_reverted
            +-- ContractRevert         409 contract_revert         (selector, name, arguments)

The message is for people and ends with what to do; ``code`` is for programs and never changes; ``details``
are the values that explain it. ``retryable`` says whether the same call may succeed later, unchanged.
"""

# ruff: noqa: N818 (named after what is wrong; the tree above shows that all are errors)

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar


class EmporionError(Exception):
    """Root of the tree. ``details`` must be fit for JSON and hold no secret."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.details: dict[str, object] = details

    def headers(self) -> dict[str, str]:
        """HTTP headers that go with the answer."""
        return {}


class RequestError(EmporionError):
    """The request cannot be served as it is; the caller can change it."""

    status = 400
    code = "request_error"


class MalformedRequest(RequestError):
    """A value does not have the shape it must have."""

    status = 400
    code = "malformed_request"


class InvalidCredential(RequestError):
    """No credential, or one that proves nobody."""

    status = 401
    code = "invalid_credential"

    def headers(self) -> dict[str, str]:
        """Say which scheme is understood (RFC 9110, 11.6.1)."""
        return {"WWW-Authenticate": "Bearer"}


class InvalidSignature(InvalidCredential):
    """A signature that does not recover to who it names, or is malleable."""

    code = "invalid_signature"


class InvalidNonce(InvalidCredential):
    """A nonce that was never issued, was used, or has expired."""

    code = "invalid_nonce"


class WrongNetwork(InvalidCredential):
    """A credential of another network (live or dev)."""

    code = "wrong_network"


class PaymentRequired(RequestError):
    """Buying or depositing would help; ``offers`` says what."""

    status = 402
    code = "payment_required"

    def __init__(self, message: str, offers: Sequence[Mapping[str, object]] = (), **details: object) -> None:
        super().__init__(message, offers=[dict(offer) for offer in offers], **details)
        self.offers = [dict(offer) for offer in offers]

    def headers(self) -> dict[str, str]:
        """Prices change with the block: never cached."""
        return {"Cache-Control": "no-store"}


class Forbidden(RequestError):
    """Known caller, and buying would not help."""

    status = 403
    code = "forbidden"


class ScopeMissing(Forbidden):
    """The key was not given this right."""

    code = "scope_missing"


class AddressNotAllowed(Forbidden):
    """The caller's network address is outside the key's list."""

    code = "address_not_allowed"


class SpendCapReached(Forbidden):
    """The key's daily cap is used up."""

    code = "spend_cap_reached"


class ServiceRetired(Forbidden):
    """The service has ended."""

    code = "service_retired"


class FreshSignatureRequired(Forbidden):
    """The act needs a wallet signature younger than five minutes."""

    code = "fresh_signature_required"


class NotFound(RequestError):
    """There is no such thing, or the caller may not know of it."""

    status = 404
    code = "not_found"


class ModelNotFound(NotFound):
    """No service is sold under this model name."""

    code = "model_not_found"


class MethodNotAllowed(RequestError):
    """The route does not know the method."""

    status = 405
    code = "method_not_allowed"


class RequestTimeout(RequestError):
    """The request's body did not arrive in time."""

    status = 408
    code = "request_timeout"
    retryable = True


class Conflict(RequestError):
    """The state has moved on, or the same key was sent with another content."""

    status = 409
    code = "conflict"


class BodyTooLarge(RequestError):
    """More bytes than the gateway or the plan accepts."""

    status = 413
    code = "body_too_large"


class ContextLengthExceeded(RequestError):
    """More tokens than the model or the plan accepts."""

    status = 413
    code = "context_length_exceeded"


class UnsupportedMediaType(RequestError):
    """A content type the route does not read."""

    status = 415
    code = "unsupported_media_type"


class Unprocessable(RequestError):
    """Right shape, impossible content; ``details['problems']`` lists each."""

    status = 422
    code = "unprocessable"


class RateLimited(RequestError):
    """Over a limit of the units held. ``retry_after`` is in whole seconds."""

    status = 429
    code = "rate_limited"
    retryable = True

    def __init__(self, message: str, retry_after: int = 1, **details: object) -> None:
        super().__init__(message, retry_after=retry_after, **details)
        self.retry_after = retry_after

    def headers(self) -> dict[str, str]:
        """When to come back (RFC 9110, 10.2.3)."""
        return {"Retry-After": str(self.retry_after)}


class UpstreamError(EmporionError):
    """What serves the model failed. The upstream's own words are never passed on."""

    status = 502
    code = "upstream_error"
    retryable = True


class UpstreamRejected(UpstreamError):
    """The upstream refused this request; another try would be refused too."""

    code = "upstream_rejected"
    retryable = False


class UpstreamUnavailable(UpstreamError):
    """No healthy upstream is left."""

    status = 503
    code = "upstream_unavailable"


class UpstreamTimeout(UpstreamError):
    """The upstream did not answer in time."""

    status = 504
    code = "upstream_timeout"


class AddressBlocked(UpstreamError):
    """An outgoing request to an address, port or path that is not allowed."""

    code = "address_blocked"
    retryable = False


class Unavailable(EmporionError):
    """This process cannot serve now."""

    status = 503
    code = "unavailable"
    retryable = True


class IndexStale(Unavailable):
    """The node has not confirmed the indexed head for too long."""

    code = "index_stale"


class PortAbsent(Unavailable):
    """A port to the node (signature oracle, payments) was not handed in at start."""

    code = "port_absent"
    retryable = False


class Draining(Unavailable):
    """The process is stopping and takes no new work."""

    code = "draining"


class SettingsError(EmporionError):
    """A setting is missing or wrong; the message names the variable."""

    code = "settings_error"


class UnsafeSettings(SettingsError):
    """Settings that would put money or secrets at risk."""

    code = "unsafe_settings"


class MissingDependency(SettingsError):
    """A program or package that must be installed."""

    code = "missing_dependency"


class SigningKeyError(EmporionError):
    """A private key cannot be read or is not one."""

    code = "signing_key_error"


class WrongPassword(SigningKeyError):
    """The keystore's password is another."""

    code = "wrong_password"


class SigningKeyNotFound(SigningKeyError):
    """No key of this name or address."""

    code = "signing_key_not_found"


class DatabaseError(EmporionError):
    """The store failed."""

    code = "database_error"


class DatabaseUnreachable(DatabaseError):
    """No connection to the database, or it was lost."""

    status = 503
    code = "database_unreachable"
    retryable = True


class DatabaseBusy(DatabaseError):
    """A writer waited longer than it may."""

    status = 503
    code = "database_busy"
    retryable = True


class DatabaseNewer(DatabaseError):
    """The database was written by a newer version of this program."""

    code = "database_newer"


class DatabaseMismatch(DatabaseError):
    """The database belongs to another chain or deployment."""

    code = "database_mismatch"


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


def _walk(root: type[EmporionError]) -> Iterator[type[EmporionError]]:
    yield root
    for child in root.__subclasses__():
        yield from _walk(child)


def all_errors() -> list[type[EmporionError]]:
    """Every class of the tree defined here, root first: the source of the error table in the docs."""
    return [kind for kind in _walk(EmporionError) if kind.__module__ == __name__]
