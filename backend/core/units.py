"""The domain's nouns as types: ids, amounts, enums, and how a plan id is packed.

Amounts are ``int``; a NewType says which. Addresses and hashes are raw ``bytes`` inside the program and in
the database, hexadecimal only at the edges (``to_address``, ``checksum``, ``to_hash``, ``hex_of``).
Enum values equal the contracts' (``contracts/src/types/DataTypes.sol``).
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NewType

from backend.core.errors import MalformedRequest

try:
    from sha3 import keccak_256 as _fast
except ImportError:  # no wheel for this system
    _fast = None

ChainId = NewType("ChainId", int)
BlockNumber = NewType("BlockNumber", int)
UnixTime = NewType("UnixTime", int)
"""Whole seconds since 1970 (UTC)."""
Address = NewType("Address", bytes)
"""20 raw bytes."""
Hash32 = NewType("Hash32", bytes)
"""32 raw bytes."""
ServiceId = NewType("ServiceId", int)
PlanId = NewType("PlanId", int)
Units = NewType("Units", int)
"""Whole tokens of one plan: passes, periods or credits."""
BaseUnits = NewType("BaseUnits", int)
"""Money in the smallest unit of its currency."""
MicroCredits = NewType("MicroCredits", int)
"""Millionths of one credit."""
Bps = NewType("Bps", int)
"""Hundredths of a percent."""

MICRO: Final = 1_000_000
BPS_WHOLE: Final = Bps(10_000)
SHARES_WHOLE: Final = 1_000_000
UINT256_MAX: Final = 2**256 - 1
ZERO_ADDRESS: Final = Address(bytes(20))
ZERO_HASH: Final = Hash32(bytes(32))


class PlanKind(IntEnum):
    """What one unit of a plan is."""

    PASS = 0
    TIMED = 1
    METERED = 2


class ServiceKind(IntEnum):
    """What a service sells."""

    MODEL = 0
    DATASET = 1
    COMPUTE = 2
    AGENT = 3


class ServiceStatus(IntEnum):
    """Whether a service sells (Active), rests (Paused) or has ended (Retired, final)."""

    ACTIVE = 0
    PAUSED = 1
    RETIRED = 2


class Then(IntEnum):
    """What a purchase does with the bought units in the same transaction."""

    HOLD = 0
    ACTIVATE = 1
    DEPOSIT = 2


class Measure(IntEnum):
    """What a rate card counts."""

    TOKENS = 0
    KIB = 1
    ROWS = 2
    SECONDS = 3


_SERVICE_SHIFT: Final = 20
_INDEX_SHIFT: Final = 4
_TRANSFERABLE_SHIFT: Final = 2
_KIND_MASK: Final = 0b11
SERVICE_ID_LIMIT: Final = 2**33
PLAN_INDEX_LIMIT: Final = 2**16


@dataclass(frozen=True, slots=True)
class PlanParts:
    """A plan id taken apart."""

    service_id: ServiceId
    index: int
    transferable: bool
    kind: PlanKind


def pack_plan_id(service_id: int, index: int, transferable: bool, kind: PlanKind) -> PlanId:
    """Return ``serviceId << 20 | index << 4 | transferable << 2 | kind``; at most 2**53.

    Raises MalformedRequest when a part does not fit its bits.
    """
    if not 0 <= service_id < SERVICE_ID_LIMIT:
        raise MalformedRequest(f"service id {service_id} is outside 0..{SERVICE_ID_LIMIT - 1}")
    if not 0 <= index < PLAN_INDEX_LIMIT:
        raise MalformedRequest(f"plan index {index} is outside 0..{PLAN_INDEX_LIMIT - 1}")
    head = service_id << _SERVICE_SHIFT | index << _INDEX_SHIFT
    return PlanId(head | int(transferable) << _TRANSFERABLE_SHIFT | int(kind))


def unpack_plan_id(plan_id: int) -> PlanParts:
    """Take a plan id apart. Raises MalformedRequest for a number that packs to no plan."""
    kind = plan_id & _KIND_MASK
    unused = plan_id >> 3 & 1
    service_id = plan_id >> _SERVICE_SHIFT
    if kind == _KIND_MASK or unused or not 0 <= service_id < SERVICE_ID_LIMIT:
        raise MalformedRequest(f"{plan_id} is not a plan id; take one from GET /v1/services/{{id}}")
    return PlanParts(
        service_id=ServiceId(service_id),
        index=plan_id >> _INDEX_SHIFT & (PLAN_INDEX_LIMIT - 1),
        transferable=bool(plan_id >> _TRANSFERABLE_SHIFT & 1),
        kind=PlanKind(kind),
    )


def plan_service(plan_id: int) -> ServiceId:
    """The service a plan belongs to."""
    return ServiceId(plan_id >> _SERVICE_SHIFT)


def plan_kind(plan_id: int) -> PlanKind:
    """The kind of a plan, read from its id. Raises MalformedRequest for no kind."""
    return unpack_plan_id(plan_id).kind


def keccak(data: bytes) -> Hash32:
    """Keccak-256 as Ethereum uses it (not NIST SHA-3)."""
    return Hash32(_fast(data).digest() if _fast else slow_keccak(data))


def slow_keccak(data: bytes) -> bytes:
    """The same from the library that every system has."""
    from Crypto.Hash import keccak as general  # loaded only where there is no faster one

    return general.new(data=data, digest_bits=256).digest()


def _from_hex(text: str, size: int, noun: str) -> bytes:
    digits = text[2:] if text[:2] in ("0x", "0X") else ""
    try:
        raw = bytes.fromhex(digits)
    except ValueError:
        raw = b""
    if len(raw) != size or len(digits) != 2 * size:
        raise MalformedRequest(f"{text[:80]!r} is not {noun}: write 0x and {2 * size} hexadecimal digits")
    return raw


def to_address(text: str) -> Address:
    """Parse an address. Mixed case must carry a right EIP-55 checksum. Raises MalformedRequest."""
    raw = Address(_from_hex(text, 20, "an address"))
    digits = text[2:]
    if digits not in (digits.lower(), digits.upper()) and checksum(raw) != "0x" + digits:
        raise MalformedRequest(f"{text} fails its EIP-55 checksum; a digit is wrong")
    return raw


def checksum(address: Address) -> str:
    """The EIP-55 spelling of an address: letters are capital where the hash's digit is 8 or more."""
    digits = address.hex()
    pairs = zip(digits, keccak(digits.encode()).hex(), strict=False)
    return "0x" + "".join([digit.upper() if told > "7" else digit for digit, told in pairs])


def to_hash(text: str) -> Hash32:
    """Parse 32 bytes of hexadecimal. Raises MalformedRequest."""
    return Hash32(_from_hex(text, 32, "a 32-byte hash"))


def hex_of(data: bytes) -> str:
    """``0x`` and lower-case digits."""
    return "0x" + data.hex()
