"""The root of the exception tree; ``errors`` draws all of it."""

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
