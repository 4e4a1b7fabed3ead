"""Reading an EIP-4361 message and its signature: cheap refusals first, the parser (20 ms) last."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from backend.core.errors import InvalidCredential, InvalidSignature, MalformedRequest
from backend.core.units import Address, ChainId, Hash32, UnixTime, keccak, to_address

if TYPE_CHECKING:
    from siwe import SiweMessage

MESSAGE_LIMIT: Final = 4_096
SIGNATURE_LIMIT: Final = 8_192
"""Bytes; an ERC-6492 signature carries the wallet's creation code."""
_NONCE: Final = re.compile(r"^Nonce: ([A-Za-z0-9]{8,128})$", re.MULTILINE)
_HEADER: Final = " wants you to sign in with your Ethereum account:\n"
_HALF_ORDER: Final = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
_CLOCK_SKEW: Final = 60
"""Seconds a wallet's clock may run ahead of ours."""


CONSENT: Final = "consent-"
"""A request id that begins so is of a consent to an app (`backend.accounts.oauth`): it signs nobody in."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """What a checked message says. `owned` is true where the signature recovers to the address itself."""

    chain_id: ChainId
    address: Address
    digest: Hash32
    owned: bool
    expires_at: UnixTime | None
    request_id: str = ""


def nonce_of(message: str, domains: frozenset[str]) -> str:
    """The nonce of a message that could be meant for us. Raises MalformedRequest and InvalidCredential."""
    if len(message) > MESSAGE_LIMIT:
        raise MalformedRequest(f"the sign-in message is longer than {MESSAGE_LIMIT} characters")
    domain = message.partition(_HEADER)[0].rpartition("://")[2] if _HEADER in message[:512] else None
    if domain is None:
        raise MalformedRequest("the message is not an EIP-4361 sign-in message")
    if domain not in domains:
        raise InvalidCredential(
            f"the message is for another domain than {', '.join(sorted(domains))}", domains=sorted(domains)
        )
    found = _NONCE.findall(message)
    if len(found) != 1:
        raise MalformedRequest("the message must have exactly one line 'Nonce: ...'")
    return str(found[0])


def signature_bytes(signature: str) -> bytes:
    """A signature from hexadecimal. Raises MalformedRequest."""
    try:
        raw = bytes.fromhex(signature.removeprefix("0x"))
    except ValueError:
        raise MalformedRequest("the signature is not hexadecimal; send what the wallet returned") from None
    if not 65 <= len(raw) <= SIGNATURE_LIMIT:
        raise MalformedRequest(f"the signature has {len(raw)} bytes; a wallet gives at least 65")
    return raw


def read_sign_in(message: str, signature: bytes, nonce: str, chains: frozenset[int], now: UnixTime) -> SignIn:
    """Parse strictly and check domain, URI, chain and times, then who signed.

    Raises MalformedRequest, InvalidCredential, InvalidSignature. Takes about 20 ms: call it in a thread.
    """
    parsed = _parsed(message)
    if parsed.chain_id not in chains:
        raise InvalidCredential(f"the message is for chain {parsed.chain_id}; here it is {sorted(chains)}")
    if urlsplit(parsed.uri).netloc != parsed.domain:
        raise InvalidCredential(f"the message's URI {parsed.uri} is not on its domain {parsed.domain}")
    _check_issued(parsed, now)
    return SignIn(
        chain_id=ChainId(parsed.chain_id),
        address=to_address(parsed.address),
        digest=_digest(message),
        owned=_owned(parsed, signature, nonce, now),
        expires_at=_expiry(parsed),
        request_id=parsed.request_id or "",
    )


def _parsed(message: str) -> "SiweMessage":
    from siwe import SiweMessage  # loads web3

    try:
        parsed = SiweMessage.from_message(message)
    except (ValueError, TypeError) as error:
        raise MalformedRequest("the sign-in message breaks the grammar of EIP-4361") from error
    if parsed.prepare_message() != message:
        raise MalformedRequest("the sign-in message is not in EIP-4361's own form")
    return parsed


def _check_issued(parsed: "SiweMessage", now: UnixTime) -> None:
    issued = datetime.fromisoformat(str(parsed.issued_at).replace("Z", "+00:00")).timestamp()
    if issued > now + _CLOCK_SKEW:
        raise InvalidCredential("the message was issued in the future; set the wallet's clock")


def _expiry(parsed: "SiweMessage") -> UnixTime | None:
    if parsed.expiration_time is None:
        return None
    return UnixTime(
        int(datetime.fromisoformat(str(parsed.expiration_time).replace("Z", "+00:00")).timestamp())
    )


def _owned(parsed: "SiweMessage", signature: bytes, nonce: str, now: UnixTime) -> bool:
    import siwe

    if len(signature) == 65 and int.from_bytes(signature[32:64]) > _HALF_ORDER:
        raise InvalidSignature("the signature is malleable (high s); sign again")
    try:
        parsed.verify(
            "0x" + signature.hex(),
            domain=parsed.domain,
            nonce=nonce,
            uri=str(parsed.uri),
            chain_id=parsed.chain_id,
            timestamp=datetime.fromtimestamp(now, UTC),
            strict=True,
        )
    except siwe.InvalidSignature:
        return False
    except siwe.ExpiredMessage:
        raise InvalidCredential("the sign-in message has expired; sign a new one") from None
    except siwe.NotYetValidMessage:
        raise InvalidCredential("the sign-in message is not valid yet") from None
    except siwe.VerificationError as error:
        raise InvalidCredential(f"the sign-in message does not fit: {type(error).__name__}") from error
    return True


def _digest(message: str) -> Hash32:
    """EIP-191 personal-message hash: what a contract wallet is asked about."""
    body = message.encode()
    return keccak(b"\x19Ethereum Signed Message:\n" + str(len(body)).encode() + body)
