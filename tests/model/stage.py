"""A model without any machine: contracts at made-up addresses, a few accounts with money."""

from tests.model.opening import opening
from tests.model.protocol import Model
from tests.model.records import DAY
from tests.model.site import Site

CONTRACTS = (
    "ServiceRegistry", "AccessToken", "UsageEscrow", "RevenueShares", "StakingVault", "TokenMarket",
    "EmporionToken",
)  # fmt: skip
ACCOUNTS = tuple(bytes([0x10 + number]) * 20 for number in range(5))
GOVERNANCE, GUARDIAN, COURT, DOLLAR, EURO = (bytes([0x80 + number]) * 20 for number in range(5))
PAIRS = (
    ("AccessToken", "UsageEscrow"), ("AccessToken", "TokenMarket"), ("RevenueShares", "TokenMarket"),
)  # fmt: skip
BEGIN = 20_000 * DAY
MONEY = 10**22


def model() -> Model:
    """As deployed, accounts funded and allowances given."""
    contracts = {name: bytes([0xC0 + number]) * 20 for number, name in enumerate(CONTRACTS)}
    currencies = (DOLLAR, contracts["EmporionToken"])
    made = Model(Site(contracts, GOVERNANCE, GUARDIAN, COURT, currencies, (EURO,)), BEGIN)
    fund(made)
    return made


def fund(made: Model) -> None:
    """Money for everybody; the escrow may take units, the market units and shares."""
    site = made.site
    for account in ACCOUNTS:
        for token in (*site.currencies, *site.tokens):
            made.money.mint(token, account, MONEY)
        for owner, operator in PAIRS:
            made.state.approvals.add((owner, account, site.contracts[operator]))


def opened_model() -> Model:
    """With the small economy of the opening."""
    made = model()
    for call in opening(ACCOUNTS, made.now, made.access.address):
        made.call(call.contract, call.function, call.caller, *call.arguments)
    return made
