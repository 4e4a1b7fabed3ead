"""Ways to break ServiceRegistry."""

from __future__ import annotations

from typing import Final

from tests.contracts.mutants.mutant import Mutant

SETTLE = "usage_escrow/test_settle.py"
REGISTER = "service_registry/test_register.py"
BOND = "service_registry/test_bond.py"

SERVICE_REGISTRY: Final = (
    Mutant(
        "the last sale is forgotten",
        "ServiceRegistry",
        "Math.max(service.unbondRequestedAt, service.lastSale)",
        "uint256(service.unbondRequestedAt)",
        BOND,
    ),
    Mutant(
        "a bond leaves under a dispute",
        "ServiceRegistry",
        "if (service.openDisputes != 0) {",
        "if (false) {",
        BOND,
    ),
    Mutant(
        "a bond on its way out still sells",
        "ServiceRegistry",
        "return service.bond - service.unbonding;",
        "return service.bond;",
        BOND,
    ),
    Mutant(
        "a slashed part leaves all the same",
        "ServiceRegistry",
        "uint256 unbonding = Math.min(service.unbonding, left);",
        "uint256 unbonding = service.unbonding;",
        BOND,
    ),
    Mutant(
        "anybody notes sales",
        "ServiceRegistry",
        "if (msg.sender != _accessToken) revert",
        "if (false) revert",
        REGISTER,
    ),
    Mutant(
        "silence is answered later",
        "ServiceRegistry",
        "if (block.timestamp > answerBy) revert",
        "if (false) revert",
        BOND,
    ),
    Mutant(
        "a pause is renewed at once",
        "ServiceRegistry",
        "if (block.timestamp < allowedAt) revert Errors.ServiceRegistry_PauseTooSoon(allowedAt);",
        "allowedAt;",
        BOND,
    ),
    Mutant(
        "retirement is taken back",
        "ServiceRegistry",
        "        _requireNotRetired(serviceId);\n        if (status ==",
        "        if (status ==",
        REGISTER,
    ),
    Mutant(
        "the minimum rises at will",
        "ServiceRegistry",
        "if (block.timestamp < allowedAt) revert Errors.ServiceRegistry_MinBondTooSoon(allowedAt);",
        "allowedAt;",
        BOND,
    ),
    Mutant(
        "a flag outlives the bond",
        "ServiceRegistry",
        "block.timestamp >= since + _flagPeriod && _countingBond(service) < _minBond) return true;",
        "block.timestamp >= since + _flagPeriod) return true;",
        BOND,
    ),
    Mutant(
        "a deposit is paid twice",
        "ServiceRegistry",
        "        service.challengeUntil = 0;\n",
        "",
        BOND,
    ),
    Mutant(
        "a deposit that was paid still shows",
        "ServiceRegistry",
        "        service.challengeDeposit = 0;\n",
        "",
        BOND,
    ),
    Mutant(
        "the old key settles for ever",
        "ServiceRegistry",
        "return block.timestamp <= service.previousMeterUntil && key == service.previousMeter;",
        "return key == service.previousMeter;",
        SETTLE,
    ),
)
