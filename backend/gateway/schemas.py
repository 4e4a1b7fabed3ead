"""Shapes of the gateway's own answers; those of other packages are in their schemas."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from backend.core.errors import EmporionError


class Problem(BaseModel):
    """RFC 9457 problem details, with a stable `code` (the error table is in docs/api.md)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    retryable: bool
    request_id: str
    details: dict[str, Any]


class ModelEntry(BaseModel):
    """A model as OpenAI lists it; what is beyond is ours."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str
    name: str
    slug: str | None
    operations: list[str]
    context: int | None


class ModelList(BaseModel):
    """Models, as OpenAI lists them."""

    object: Literal["list"] = "list"
    data: list[ModelEntry]


class StoredFile(BaseModel):
    """A file of a data set that is kept here."""

    path: str
    hash: str
    size: int


class ErasedReply(BaseModel):
    """Rows erased or emptied, by table, and what stays and why."""

    erased: dict[str, int]
    kept: dict[str, str]


class RevokedReply(BaseModel):
    """How many keys died."""

    revoked: int


class HealthReply(BaseModel):
    """The process runs."""

    status: Literal["ok"] = "ok"


class UpstreamHealth(BaseModel):
    """How many of a service's upstreams are well, as last seen, of how many."""

    service_id: int
    well: int
    bound: int


class ReadyReply(BaseModel):
    """Whether requests can be served, and what is in the way. `upstreams`: of the services in use."""

    ready: bool
    index_lag_seconds: int
    block_number: int | None
    holds_open: int
    upstreams: list[UpstreamHealth]
    problems: list[str]


class ContractReply(BaseModel):
    """A deployed contract."""

    address: str
    block: int
    transaction: str
    abi: list[dict[str, Any]] | None = None


class CurrencyReply(BaseModel):
    """A currency of the table."""

    index: int
    address: str
    symbol: str
    name: str
    decimals: int


class ChainReply(BaseModel):
    """A chain this gateway serves: what a wallet or a client needs to act on it."""

    chain_id: int
    genesis_hash: str
    start_block: int
    devnet: bool
    rpc_url: str | None = None
    """For wallets; none where the operator names none."""
    contracts: dict[str, ContractReply]
    currencies: list[CurrencyReply]


class DeploymentReply(BaseModel):
    """Chains, addresses, ABIs, currencies; and this gateway's meter and network."""

    gateway: str
    network: Literal["live", "dev"]
    meter: str
    chains: list[ChainReply]


class ReceiptReply(BaseModel):
    """A signed receipt (EIP-712 `UsageReceipt`)."""

    request_id: str
    chain_id: int
    sequence: int
    payer: str
    plan_id: int
    service_id: int
    model_digest: str
    request_hash: str
    response_hash: str
    units_in: int
    units_out: int
    micro_credits: str
    cumulative_micro_credits: str
    issued_at: int
    previous_receipt: str
    digest: str
    meter: str
    signature: str
    engine_fingerprint: str = Field(
        description="Runtime, weights, processor features and parameters of the embedded engine that "
        "answered, as canonical JSON, for `emporion verify-receipt --rerun`; empty for any other upstream. "
        "Not signed."
    )
    voided_micro_credits: str | None = None
    """Of its charge, what is not asked for any more since a fork took back the deposit behind it."""


class ProofReply(BaseModel):
    """A receipt's way to a settlement's Merkle root (sorted-pair keccak256)."""

    request_id: str
    leaf: str
    path: list[str]
    root: str
    cumulative_units: str
    transaction: str | None
    settled: bool


class EstimateRequest(BaseModel):
    """A job: so many requests of so many measures each (tokens for language models)."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field(min_length=1, max_length=200)
    requests: int = Field(default=1, ge=1, le=10**12)
    units_in: int = Field(default=0, ge=0, le=10**12)
    units_out: int = Field(default=0, ge=0, le=10**12)


class PlanEstimate(BaseModel):
    """What the job takes under one plan; `cost` is in base units of the currency, for whole units."""

    plan_id: int
    kind: Literal["pass", "timed", "metered"]
    micro_credits: str
    units: str
    cost: str
    currency: int
    sale_open: bool


class EstimateReply(BaseModel):
    """The job under every plan of the service, cheapest first."""

    service_id: int
    plans: list[PlanEstimate]


class CreditsReply(BaseModel):
    """What a metered plan has left here, in micro-credits. `returnable_credits` are whole: what a withdrawal
    brings back as things are, while it runs too; calls under way count as served.
    """

    plan_id: int
    available_micro_credits: str
    available_credits: str
    returnable_credits: str


class VoucherRequest(BaseModel):
    """A signed voucher: credits of the tab in all, over its whole life."""

    model_config = ConfigDict(extra="forbid")

    cumulative_units: str = Field(pattern=r"^[1-9][0-9]{0,18}$", examples=["25"])
    signature: str = Field(
        pattern=r"^0x([0-9a-fA-F]{2}){65,4096}$", description="EIP-712, or a contract wallet's (ERC-1271)."
    )


class VoucherReply(BaseModel):
    """How a tab stands. `short_by` is how much larger a voucher would have to be to free all that is
    deposited.
    """

    plan_id: int
    payer: str
    demanded: bool
    cumulative_micro_credits: str
    available_micro_credits: str
    available_credits: str
    short_by_micro_credits: str
    domain: dict[str, Any]
    """What `UsageVoucher(address payer,uint256 planId,uint256 cumulativeUnits)` is signed under (EIP-712)."""


def problems(*kinds: type[EmporionError]) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route, for its OpenAPI entry: one line a status."""
    found: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        entry = found.setdefault(
            kind.status,
            {"model": Problem, "description": "", "content": {"application/problem+json": {}}},
        )
        entry["description"] = f"{entry['description']} {kind.code}".strip()
    return found
