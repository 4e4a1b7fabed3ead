"""OpenTelemetry traces of metered requests, where a collector is named: one span a request.

Names follow the semantic conventions for generative AI (`gen_ai.*`). No prompt, answer, wallet or key is in a
span. A caller's `traceparent` is linked, so that both sides find each other; it decides nothing: neither the
trace's id nor whether it is kept. Needs the extra `traces`; this module is imported only then.
"""

import asyncio
import re
import time
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, Self

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from backend.core.errors import EmporionError
from backend.core.units import MICRO, MicroCredits
from backend.gateway.asgi import Scope
from backend.meter.schemas import Outcome, Served

OPERATIONS: Final = {
    "/v1/chat/completions": "chat",
    "/v1/completions": "text_completion",
    "/v1/embeddings": "embeddings",
    "/v1/responses": "chat",
}
"""The conventions' names of our model routes; others are called by their own."""
_EXPORT_SECONDS: Final = 5
_PARENT: Final = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")
_MS: Final = 1_000_000


@dataclass(slots=True)
class _Begun:
    """A request under way: its id, when it came (ns of unix time), the caller's span."""

    request_id: str
    at: int
    links: tuple[Link, ...]
    told: bool = False


_begun: ContextVar[_Begun | None] = ContextVar("emporion_trace", default=None)


class Traces:
    """Makes the spans and sends them in the background. `close` sends what is left."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("emporion.gateway")

    @classmethod
    def to(cls, url: str) -> Self:
        """Traces for the collector at an OTLP/HTTP URL."""
        resource = Resource.create({"service.name": "emporion-gateway"})
        provider = TracerProvider(sampler=ALWAYS_ON, resource=resource)
        exporter = OTLPSpanExporter(endpoint=url, timeout=_EXPORT_SECONDS)
        provider.add_span_processor(BatchSpanProcessor(exporter))
        return cls(provider)

    def begin(self, scope: Scope, request_id: str) -> None:
        """A request came."""
        _begun.set(_Begun(request_id, time.time_ns(), links_of(scope)))

    def served(self, served: Served, charged: MicroCredits) -> None:
        """A usage row was written: the span of its request."""
        begun = _begun.get()
        if begun is None:
            return
        begun.told = True
        operation = OPERATIONS.get(served.route, served.route)
        model = f"{served.tab.chain_id}/{served.service_id}"
        span = self._tracer.start_span(
            f"{operation} {model}", kind=SpanKind.SERVER, links=begun.links, start_time=begun.at
        )
        span.set_attributes(
            {
                "gen_ai.operation.name": operation,
                "gen_ai.provider.name": "emporion",
                "gen_ai.request.model": model,
                "gen_ai.response.id": served.request_id,
                "gen_ai.usage.input_tokens": served.units_in,
                "gen_ai.usage.output_tokens": served.units_out,
                "emporion.plan.id": served.tab.plan_id,
                "emporion.outcome": served.outcome.value,
                "emporion.credits": charged / MICRO,
            }
        )
        if served.first_byte_ms is not None:
            span.add_event("gen_ai.first_token", timestamp=begun.at + served.first_byte_ms * _MS)
        if served.outcome is Outcome.FAILED:
            span.set_status(Status(StatusCode.ERROR))
        span.end()

    def refused(self, error: EmporionError) -> None:
        """A request was answered with an error: a span with its code, unless its row had one."""
        begun = _begun.get()
        if begun is None or begun.told:
            return
        span = self._tracer.start_span(
            "refused", kind=SpanKind.SERVER, links=begun.links, start_time=begun.at
        )
        span.set_attributes(
            {
                "error.type": error.code,
                "http.response.status_code": error.status,
                "gen_ai.response.id": begun.request_id,
            }
        )
        if error.status >= 500:
            span.set_status(Status(StatusCode.ERROR))
        span.end()

    async def close(self) -> None:
        """Send what is left; a collector that does not answer is given up."""
        await asyncio.to_thread(self._provider.shutdown)


def links_of(scope: Scope) -> tuple[Link, ...]:
    """The caller's span (W3C Trace Context), if one is named well; anything else is ignored."""
    given = [value for name, value in scope["headers"] if name == b"traceparent"]
    found = _PARENT.fullmatch(given[0]) if len(given) == 1 else None
    if found is None or given[0].startswith(b"ff"):
        return ()
    trace, span, flags = (int(part, 16) for part in found.groups())
    context = SpanContext(trace, span, is_remote=True, trace_flags=TraceFlags(flags))
    return (Link(context),) if context.is_valid else ()
