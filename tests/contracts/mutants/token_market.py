"""Ways to break TokenMarket."""

from __future__ import annotations

from typing import Final

from tests.contracts.mutants.mutant import Mutant

FILL = "token_market/test_fill.py"
_MOVE = (
    "IERC1155(listing.token).safeTransferFrom(listing.seller, msg.sender, listing.id, units, \"\")"
)  # fmt: skip

TOKEN_MARKET: Final = (
    Mutant(
        "money moves although the units do not",
        "TokenMarket",
        f"        {_MOVE};\n",
        f"        try {_MOVE} {{}} catch {{}}\n",
        FILL,
    ),
    Mutant(
        "any price is paid",
        "TokenMarket",
        "        if (cost > maxCost) revert Errors.TokenMarket_CostAboveMaximum(cost, maxCost);\n",
        "",
        FILL,
    ),
    Mutant(
        "a payment may fall short",
        "TokenMarket",
        "        if (received != amount) revert Errors.TokenMarket_ShortPayment(to, received, amount);\n",
        "",
        FILL,
    ),
    Mutant(
        "a fill may be entered again",
        "TokenMarket",
        "uint256 deadline) external nonReentrant {",
        "uint256 deadline) external {",
        FILL,
    ),
    Mutant(
        "a sold offer stays",
        "TokenMarket",
        "        if (remaining == 0) delete _listings[listingId];\n"
        "        else _listings[listingId].units = remaining;\n",
        "",
        FILL,
    ),
)
