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
    |   |   +-- WalletRequired         403 wallet_required
    |   +-- NotFound                   404 not_found
    |   |   +-- ModelNotFound          404 model_not_found
    |   +-- MethodNotAllowed           405 method_not_allowed
    |   +-- RequestTimeout             408 request_timeout         retryable
    |   +-- Conflict                   409 conflict
    |   +-- BodyTooLarge               413 body_too_large
    |   +-- ContextLengthExceeded      413 context_length_exceeded
    |   +-- UnsupportedMediaType       415 unsupported_media_type
    |   +-- RangeUnsatisfiable         416 range_unsatisfiable
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
    |   +-- LimitsUnreachable          503 limits_unreachable      retryable
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

from collections.abc import Iterator

from backend.core.chain_errors import (
    ChainError,
    ContractRevert,
    DeploymentMismatch,
    InsufficientFunds,
    LogsRefused,
    NodeError,
    NodeThrottled,
    NodeUnreachable,
    TransactionNotMined,
    TransactionReverted,
    WrongChain,
)
from backend.core.error_root import EmporionError
from backend.core.request_errors import (
    AddressNotAllowed,
    BodyTooLarge,
    Conflict,
    ContextLengthExceeded,
    Forbidden,
    FreshSignatureRequired,
    InvalidCredential,
    InvalidNonce,
    InvalidSignature,
    MalformedRequest,
    MethodNotAllowed,
    ModelNotFound,
    NotFound,
    PaymentRequired,
    RangeUnsatisfiable,
    RateLimited,
    RequestError,
    RequestTimeout,
    ScopeMissing,
    ServiceRetired,
    SpendCapReached,
    Unprocessable,
    UnsupportedMediaType,
    WalletRequired,
    WrongNetwork,
)
from backend.core.service_errors import (
    AddressBlocked,
    DatabaseBusy,
    DatabaseError,
    DatabaseMismatch,
    DatabaseNewer,
    DatabaseUnreachable,
    Draining,
    IndexStale,
    LimitsUnreachable,
    MissingDependency,
    PortAbsent,
    SettingsError,
    SigningKeyError,
    SigningKeyNotFound,
    Unavailable,
    UnsafeSettings,
    UpstreamError,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
    WrongPassword,
)

__all__ = [
    "AddressBlocked",
    "AddressNotAllowed",
    "BodyTooLarge",
    "ChainError",
    "Conflict",
    "ContextLengthExceeded",
    "ContractRevert",
    "DatabaseBusy",
    "DatabaseError",
    "DatabaseMismatch",
    "DatabaseNewer",
    "DatabaseUnreachable",
    "DeploymentMismatch",
    "Draining",
    "EmporionError",
    "Forbidden",
    "FreshSignatureRequired",
    "IndexStale",
    "InsufficientFunds",
    "InvalidCredential",
    "InvalidNonce",
    "InvalidSignature",
    "LimitsUnreachable",
    "LogsRefused",
    "MalformedRequest",
    "MethodNotAllowed",
    "MissingDependency",
    "ModelNotFound",
    "NodeError",
    "NodeThrottled",
    "NodeUnreachable",
    "NotFound",
    "PaymentRequired",
    "PortAbsent",
    "RangeUnsatisfiable",
    "RateLimited",
    "RequestError",
    "RequestTimeout",
    "ScopeMissing",
    "ServiceRetired",
    "SettingsError",
    "SigningKeyError",
    "SigningKeyNotFound",
    "SpendCapReached",
    "TransactionNotMined",
    "TransactionReverted",
    "Unavailable",
    "Unprocessable",
    "UnsafeSettings",
    "UnsupportedMediaType",
    "UpstreamError",
    "UpstreamRejected",
    "UpstreamTimeout",
    "UpstreamUnavailable",
    "WalletRequired",
    "WrongChain",
    "WrongNetwork",
    "WrongPassword",
    "all_errors",
]


def _walk(root: type[EmporionError]) -> Iterator[type[EmporionError]]:
    yield root
    for child in root.__subclasses__():
        yield from _walk(child)


def all_errors() -> list[type[EmporionError]]:
    """Every class of the tree defined here, root first: the source of the error table in the docs."""
    return [kind for kind in _walk(EmporionError) if kind.__module__.startswith("backend.core.")]
