"""Errors of the caller's side; ``errors`` draws the whole tree."""

from collections.abc import Mapping, Sequence

from backend.core.error_root import EmporionError


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


class WalletRequired(Forbidden):
    """The act is the wallet's own: a session or a signed request, no key and no app."""

    code = "wallet_required"


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


class RangeUnsatisfiable(RequestError):
    """A byte range that lies outside the file of ``size`` bytes."""

    status = 416
    code = "range_unsatisfiable"

    def headers(self) -> dict[str, str]:
        """How long the file is (RFC 9110, 15.5.17)."""
        return {"Content-Range": f"bytes */{self.details.get('size', '*')}"}


class Unprocessable(RequestError):
    """Right shape, impossible content; ``details['problems']`` lists each."""

    status = 422
    code = "unprocessable"


class RateLimited(RequestError):
    """Over a limit of the units held. ``retry_after`` is in whole seconds."""

    status = 429
    code = "rate_limited"
    retryable = True

    def __init__(
        self,
        message: str,
        retry_after: int = 1,
        *,
        about: Mapping[str, str] | None = None,
        **details: object,
    ) -> None:
        super().__init__(message, retry_after=retry_after, **details)
        self.retry_after = retry_after
        self._about = dict(about or {})

    def headers(self) -> dict[str, str]:
        """When to come back (RFC 9110, 10.2.3), and what is left until then."""
        return {**self._about, "Retry-After": str(self.retry_after)}
