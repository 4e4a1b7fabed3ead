"""The caller's statement, and nobody else's."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response

from backend.core.errors import IndexStale, InvalidCredential, MalformedRequest, ScopeMissing, Unprocessable
from backend.core.units import checksum
from backend.gateway.rights import Given, Reader
from backend.gateway.schemas import problems
from backend.statements.periods import period_of
from backend.statements.replies import reply_of
from backend.statements.schemas import StatementReply
from backend.statements.sheet import sheet_of

_ALWAYS = (InvalidCredential, ScopeMissing, MalformedRequest, Unprocessable, IndexStale)
_TYPES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "model": StatementReply}
}


def router() -> APIRouter:
    """The routes."""
    api = APIRouter(prefix="/v1", tags=["accounts"])

    @api.get(
        "/statements", response_model=StatementReply, responses=_TYPES | dict(problems(*_ALWAYS).items())
    )
    async def statement(
        principal: Reader,
        given: Given,
        response: Response,
        start: Annotated[
            str | None, Query(alias="from", max_length=40, description="First day or second.")
        ] = None,
        end: Annotated[
            str | None, Query(alias="to", max_length=40, description="The first time after it.")
        ] = None,
        format: Literal["json", "csv"] = "json",  # noqa: A002 - the parameter's name on the wire
        method: Annotated[Literal["fifo", "average"], Query(description="How units are costed.")] = "fifo",
    ) -> StatementReply | Response:
        """Purchases, uses, refunds, revenue, rewards, gifts and transfers of a period, classed and costed."""
        made = await given.statements.statement(principal.address, period_of(start, end), method)
        private = {"cache-control": "no-store"}
        response.headers.update(private)
        if format == "json":
            return reply_of(made)
        name = f"emporion-{checksum(principal.address)}.csv"
        private["content-disposition"] = f'attachment; filename="{name}"'
        return Response(sheet_of(made), media_type="text/csv; charset=utf-8", headers=private)

    return api
