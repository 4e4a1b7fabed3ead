"""Requests that a wallet's key signs one by one: RFC 9421 with RFC 9530, profile of the draft ERC-8128.

Only ordinary accounts: the nonce is the client's, so no node is asked about a contract wallet's. A signature
covers method, authority, path, query and body, lives a minute at most, and counts once.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from backend.accounts.nonces import consume
from backend.accounts.principal import Principal
from backend.core.clock import Clock
from backend.core.errors import InvalidCredential, InvalidNonce, InvalidSignature
from backend.core.units import Address, ChainId, UnixTime, checksum
from backend.db.session import Store
from backend.signing.ecdsa import recover
from backend.signing.http_messages import content_digest, personal_digest, signature_base

LONGEST_SECONDS: Final = 60
SKEW_SECONDS: Final = 5
"""How far ahead the signer's clock may be."""
PURPOSE: Final = "signed-request"
MOST_BYTES: Final = 2_048
DIGEST: Final = "content-digest"
DERIVED: Final = ("@method", "@authority", "@path", "@query")
REQUIRED: Final = frozenset({"@method", "@authority", "@path"})
_INPUT: Final = re.compile(
    r'(?P<label>[a-z][a-z0-9_.*-]{0,63})=(?P<all>\((?P<names>"[!#-~]+"(?: "[!#-~]+")*)\)'
    r'(?P<parameters>(?:;(?:created=\d{1,12}|expires=\d{1,12}|nonce="[!#-\[\]-~]{8,128}"|keyid="[!#-~]{1,200}"'
    r'|alg="[a-z0-9-]{1,40}"|tag="[!#-~]{1,100}"))+))'
)
_PARAMETER: Final = re.compile(r';([a-z]+)=(?:"([^"]*)"|(\d+))')
_KEY_ID: Final = re.compile(r"erc8128:(\d{1,20}):0x([0-9a-fA-F]{40})")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/=]{4,200}")
_NAME: Final = re.compile(r"[a-z0-9-]+")


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request that carries a signature. `headers` have lower-case names, each sent once; `path` and `query`
    are as they were sent.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]

    def require_body(self, body: bytes) -> None:
        """Raises InvalidSignature where the body is not the one whose digest was signed."""
        given = self.headers.get(DIGEST)
        if given is None and not body:
            return
        if given is None or content_digest(body) not in [part.strip() for part in given.split(",")]:
            raise InvalidSignature("the body is not the one that was signed: see Content-Digest, SHA-256")

    def value_of(self, name: str) -> str:
        """A component's value. Raises InvalidSignature for one the request lacks or we do not know."""
        if name == "@method":
            return self.method
        if name == "@path":
            return self.path or "/"
        if name == "@query":
            return f"?{self.query}"
        if name == "@authority":
            return authority_of(self.headers.get("host", ""))
        if not _NAME.fullmatch(name) or name not in self.headers:
            raise InvalidSignature(f"the signature covers {name[:60]!r}, which this request does not have")
        return self.headers[name].strip()


@dataclass(frozen=True, slots=True)
class SignatureInput:
    """What `Signature-Input` says; `text` is what of it is signed."""

    label: str
    names: tuple[str, ...]
    text: str
    created: int
    expires: int
    nonce: str
    chain_id: ChainId
    address: Address


def authority_of(host: str) -> str:
    """A host as signatures name it: lower case, without the scheme's own port."""
    return host.lower().removesuffix(":443").removesuffix(":80")


def read_input(text: str) -> SignatureInput:
    """Read `Signature-Input`: one signature in canonical spelling. Raises InvalidSignature."""
    found = _INPUT.fullmatch(text) if len(text) <= MOST_BYTES else None
    if found is None:
        raise InvalidSignature(
            'Signature-Input must be one signature: eth=("@method" ...);created=..;expires=..;'
            'nonce="..";keyid=".."'
        )
    pairs = [(name, quoted or number) for name, quoted, number in _PARAMETER.findall(found["parameters"])]
    said = dict(pairs)
    missing = {"created", "expires", "nonce", "keyid"} - said.keys()
    if missing or len(said) != len(pairs):
        raise InvalidSignature(
            f"Signature-Input lacks or repeats {', '.join(sorted(missing)) or 'a parameter'}"
        )
    signer = _KEY_ID.fullmatch(said["keyid"])
    if signer is None:
        raise InvalidSignature("keyid must be erc8128:<chain id>:<0x address>")
    names = tuple(found["names"].replace('"', "").split(" "))
    if len(set(names)) != len(names):
        raise InvalidSignature("Signature-Input names a component twice")
    address = Address(bytes.fromhex(signer[2]))
    chain_id = ChainId(int(signer[1]))
    times = int(said["created"]), int(said["expires"])
    return SignatureInput(found["label"], names, found["all"], *times, said["nonce"], chain_id, address)


class SignedRequests:
    """Checks signed requests for one gateway, known by `authority`, on one chain."""

    def __init__(self, store: Store, clock: Clock, chain_id: ChainId, authority: str) -> None:
        self._store = store
        self._clock = clock
        self._chain_id = chain_id
        self._authority = authority_of(authority)

    async def resolve(self, request: SignedRequest) -> Principal:
        """Who signed it. Its body is checked apart (`require_body`), once it is read.

        Raises InvalidSignature, InvalidNonce for one used before, and what the store raises: a nonce never
        counts as fresh because nobody could be asked.
        """
        said = read_input(request.headers.get("signature-input", ""))
        now = self._clock.now()
        self._refuse_other_places(request, said)
        _refuse_uncovered(request, said)
        _refuse_untimely(said, now)
        base = signature_base([(name, request.value_of(name)) for name in said.names], said.text)
        if recover(personal_digest(base), _signature(request, said.label)) != said.address:
            raise InvalidSignature(f"the request is not signed by {checksum(said.address)} as it was sent")
        purpose = f"{PURPOSE}:{said.address.hex()}"
        await consume(self._store, purpose, said.nonce, UnixTime(said.expires + SKEW_SECONDS))
        return Principal(
            chain_id=said.chain_id,
            address=said.address,
            credential="signature",
            credential_id=said.nonce[:16],
            signed_at=UnixTime(said.created),
        )

    def _refuse_other_places(self, request: SignedRequest, said: SignatureInput) -> None:
        if request.value_of("@authority") != self._authority:
            raise InvalidSignature(f"the request names another host than {self._authority}")
        if said.chain_id != self._chain_id:
            raise InvalidSignature(f"keyid must name chain {self._chain_id}")


def _refuse_uncovered(request: SignedRequest, said: SignatureInput) -> None:
    required = set(REQUIRED)
    if request.query:
        required.add("@query")
    if DIGEST in request.headers or request.method not in ("GET", "HEAD"):
        required.add(DIGEST)
    required |= {name for name in request.headers if name.startswith("emporion-")}
    if missing := required - set(said.names):
        raise InvalidSignature(f"the signature does not cover {', '.join(sorted(missing))}")


def _refuse_untimely(said: SignatureInput, now: int) -> None:
    if said.created > now + SKEW_SECONDS or not 0 < said.expires - said.created <= LONGEST_SECONDS:
        raise InvalidSignature(f"`created` must be now and `expires` at most {LONGEST_SECONDS} s later")
    if now >= said.expires:
        raise InvalidNonce("the signature has expired; sign the request again")


def _signature(request: SignedRequest, label: str) -> bytes:
    text, before = request.headers.get("signature", ""), f"{label}=:"
    # No pattern of the label's own: each new one would be compiled, for whoever sends many.
    found = _BASE64.fullmatch(text[len(before) : -1])
    if found is None or not text.startswith(before) or not text.endswith(":"):
        raise InvalidSignature(f"Signature must be {label}=:<base64>:")
    try:
        return base64.b64decode(found[0], validate=True)
    except binascii.Error:
        raise InvalidSignature("the signature is not base64") from None


class NoSignedRequests:
    """Where signed requests are switched off."""

    async def resolve(self, request: SignedRequest) -> Principal:
        """Raises InvalidCredential."""
        raise InvalidCredential("this gateway takes no signed requests; send Authorization: Bearer")
