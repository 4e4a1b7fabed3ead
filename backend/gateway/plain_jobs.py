"""Requests of services that are no language models: bounded before, counted after, in the plan's measure."""

from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from backend.catalog.schemas import ListedService
from backend.core.errors import BodyTooLarge, MalformedRequest, NotFound, Unprocessable, UpstreamError
from backend.core.units import Hash32, Measure, to_hash
from backend.entitlement.schemas import Terms
from backend.gateway.byte_ranges import ByteRange, range_of
from backend.inference.prepare import WorstCase
from backend.inference.usage import BYTES_PER_TOKEN, Usage, usage_of
from backend.metadata.json_schemas import JsonSchema
from backend.metadata.schemas import LimitsDocument
from backend.meter.pricing import kib_up

KIB: Final = 1024
MOST_ANSWER_KIB: Final = 16 * KIB
MOST_OUTPUT: Final = {Measure.TOKENS: 1_024, Measure.KIB: KIB, Measure.ROWS: 1_000, Measure.SECONDS: 60}
"""Measures of one answer where the plan's limits name none."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """A call bounded: what it may use in the plan's measure, how large its answer and how long it may be."""

    worst: WorstCase
    measure: Measure
    most_bytes: int
    most_seconds: int | None


@dataclass(slots=True)
class InvokeJob:
    """Any JSON sent to a service. `value` is the body, read."""

    model: str
    body: bytes
    value: Any
    _checked: bool = field(default=False, init=False)

    def bound(self, listed: ListedService, promised: LimitsDocument | None, terms: Terms) -> Invocation:
        """Check the request against the service's schema and bound it. Raises Unprocessable."""
        if not self._checked:
            self._check(listed)
            self._checked = True
        measure = terms.measure
        most = (promised.max_output if promised is not None else None) or MOST_OUTPUT[measure]
        units_in = {
            Measure.TOKENS: len(self.body),
            Measure.KIB: kib_up(len(self.body)),
            Measure.ROWS: rows_of(self.value),
            Measure.SECONDS: 0,
        }
        return Invocation(
            worst=WorstCase(units_in[measure], most),
            measure=measure,
            most_bytes=min(most if measure is Measure.KIB else MOST_ANSWER_KIB, MOST_ANSWER_KIB) * KIB,
            most_seconds=most if measure is Measure.SECONDS else None,
        )

    def counts(self, measure: Measure) -> bool:
        """Every measure."""
        return True

    def _check(self, listed: ListedService) -> None:
        schema = listed.document.get("request_schema")
        if schema and (problems := JsonSchema(schema).problems(self.value)):
            raise Unprocessable("the request breaks the service's schema", problems=problems)


def read_invocation(model: str, body: bytes) -> InvokeJob:
    """Parse a body. Raises MalformedRequest when it is not JSON."""
    try:
        return InvokeJob(model, body, orjson.loads(body))
    except orjson.JSONDecodeError as error:
        raise MalformedRequest("the body is not JSON in UTF-8", position=error.pos) from None


def check_answer(listed: ListedService, body: bytes) -> Any:
    """An answer, read. Raises UpstreamError where it is no JSON or breaks the service's own schema."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise UpstreamError("the service's server did not answer with JSON") from None
    schema = listed.document.get("response_schema")
    if schema and JsonSchema(schema).problems(value):
        raise UpstreamError("the service's answer breaks the schema it promised; nothing is charged")
    return value


def usage_of_call(job: Invocation, request: InvokeJob, answer: bytes, value: Any, seconds: float) -> Usage:
    """What a call used, in its plan's measure; tokens by the service's own count where it gives one."""
    if job.measure is Measure.KIB:
        return Usage(kib_up(len(request.body)), kib_up(len(answer)))
    if job.measure is Measure.ROWS:
        return Usage(rows_of(request.value), rows_of(value)).within(job.worst)
    if job.measure is Measure.SECONDS:
        return Usage(0, -(-int(seconds * 1000) // 1000)).within(job.worst)
    told = usage_of(value) or Usage(
        -(-len(request.body) // BYTES_PER_TOKEN), -(-len(answer) // BYTES_PER_TOKEN), estimated=True
    )
    return told.within(job.worst)


def rows_of(value: Any) -> int:
    """Rows of a JSON value: of a list its items, of an object those of `rows`, else one."""
    rows = value.get("rows") if isinstance(value, dict) else value
    return len(rows) if isinstance(rows, list) else 1


@dataclass(frozen=True, slots=True)
class DataRead:
    """A range of one file, bounded."""

    worst: WorstCase
    measure: Measure
    file: "FileFacts"
    range: ByteRange


@dataclass(frozen=True, slots=True)
class FileFacts:
    """A file as the service's document lists it."""

    path: str
    size: int
    hash: Hash32
    media_type: str
    rows: int | None

    @property
    def etag(self) -> str:
        """Its name by content: it never changes under one name."""
        return f'"{self.hash.hex()}"'


@dataclass(frozen=True, slots=True)
class DataJob:
    """A read of a data set. `asked` is the Range header; it counts only where `if_range` names the file as
    it is.
    """

    model: str
    path: str
    asked: str | None
    if_range: str | None

    def bound(self, listed: ListedService, promised: LimitsDocument | None, terms: Terms) -> DataRead:
        """The file and range. Raises NotFound, RangeUnsatisfiable, BodyTooLarge over the plan's limit."""
        file = file_of(listed, self.path)
        fresh = self.if_range is None or self.if_range.strip() == file.etag
        part = range_of(self.asked if fresh else None, file.size)
        rows = part.length if file.rows is None else min(part.length, file.rows)
        most = {Measure.KIB: int(kib_up(part.length)), Measure.ROWS: rows}.get(terms.measure, 0)
        limit = promised.max_output if promised is not None else None
        if limit is not None and most > limit:
            raise BodyTooLarge(f"the plan allows {limit} of its measure a request; ask for a smaller range")
        return DataRead(WorstCase(0, most), terms.measure, file, part)

    def counts(self, measure: Measure) -> bool:
        """KiB and rows; other plans are charged by the request."""
        return measure in (Measure.KIB, Measure.ROWS)


def file_of(listed: ListedService, path: str) -> FileFacts:
    """A file of a service's document. Raises NotFound."""
    facts = listed.document.get("data") or {}
    for file in facts.get("files", ()):
        if file["path"] == path:
            return FileFacts(path, file["size"], to_hash(file["hash"]), file["media_type"], file.get("rows"))
    raise NotFound(f"service {listed.service_id} lists no file {path[:200]!r}; see its metadata")
