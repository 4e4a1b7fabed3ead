"""The only reader of the environment. A setting is ``EMPORION_<NAME>``; its description is its documentation.

``load_settings()`` reads and checks; wrong, unknown or unsafe settings raise SettingsError, all of them named
at once with the way out. Tests pass values by keyword: ``load_settings(home=path, devnet=True)``.
"""

import difflib
import os
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from backend.core.errors import SettingsError, UnsafeSettings
from backend.core.safety import DEVNET_MASTER_KEY, problems_of

PREFIX: Final = "EMPORION_"
_TEST_PREFIX: Final = "EMPORION_TEST_"


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _listed(value: object) -> object:
    return _split(value) if isinstance(value, str) else value


Listed = Annotated[list[str], NoDecode, BeforeValidator(_listed)]
"""Several values in one variable, separated by commas."""


class Settings(BaseSettings):
    """All settings, with safe defaults for one machine."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True, env_ignore_empty=True)

    home: Path = Field(Path("~/.emporion"), description="Folder of all that is kept on disk.")
    network: Literal["live", "dev"] = Field(
        "live", description="Label in API keys; keys of the other are refused."
    )
    devnet: bool = Field(False, description="A throw-away chain on this machine: known secrets are accepted.")

    database_url: str = Field(
        "", description="postgresql://user@host/name. Empty: two SQLite files in EMPORION_HOME."
    )
    database_pool: int = Field(10, ge=1, le=200, description="Connections of this process to PostgreSQL.")
    redis_url: str = Field(
        "", description="redis://host for the plans' limits, shared by replicas. Empty: each keeps its own."
    )

    rpc_urls: Listed = Field(["http://127.0.0.1:8545"], description="JSON-RPC URLs, comma separated.")
    ws_url: str = Field("", description="ws:// URL for new heads. Empty: the node is polled.")
    poll_interval_ms: int = Field(500, ge=10, description="Pause between two looks at the node's head.")
    deployment_file: Path | None = Field(
        None, description="Deployment record. Empty: deployment.json in EMPORION_HOME."
    )
    other_chains: Listed = Field(
        [],
        description="Further chains to index: RECORD=URL, comma separated; again for another node or ws://.",
    )
    confirmation: Literal["latest", "safe", "finalized"] = Field(
        "latest", description="Head that grants access where a service names none; latest withdraws it."
    )
    finality_depth: int = Field(64, ge=1, description="Blocks to finality if the node has no finalized tag.")

    gateway_host: str = Field("127.0.0.1", description="Address the gateway listens on.")
    gateway_port: int = Field(8080, ge=0, le=65535, description="Port of the gateway; 0 takes a free one.")
    metrics_host: str = Field(
        "127.0.0.1", description="Address of /metrics; only your own Prometheus should reach it."
    )
    metrics_port: int = Field(
        0, ge=0, le=65535, description="Port of /metrics of this process; 0 turns it off."
    )
    traces_url: str = Field(
        "", description="OTLP/HTTP URL of a collector of traces; needs the extra `traces`. Empty: none."
    )
    public_url: str = Field("", description="URL under which others reach the gateway. Empty: host and port.")
    wallet_rpc_url: str = Field("", description="RPC URL told to wallets and to the page. Empty: none.")
    trusted_proxies: Listed = Field(
        [], description="Addresses or CIDRs of proxies that end TLS and whose forwarded headers are believed."
    )
    cors_origins: Listed = Field([], description="Origins whose browsers may call; * allows every one.")
    max_body_bytes: int = Field(4 * 1024 * 1024, ge=1024, description="Largest request body.")
    body_seconds: int = Field(30, ge=1, le=600, description="Longest time a request body may take to arrive.")
    max_lag_seconds: int = Field(30, ge=1, description="Silence of the node after which 503 index_stale.")
    index_wait_ms: int = Field(2000, ge=0, description="Longest wait for the indexer before a 402.")
    siwe_domain: str = Field("", description="Domain wallets sign in to. Empty: that of the public URL.")
    session_seconds: int = Field(3600, ge=60, description="Life of a wallet session.")
    key_max_days: int = Field(
        0, ge=0, le=3650, description="Days after which an API key must be rotated; 0: never."
    )
    audit_days: int = Field(400, ge=30, le=36500, description="Days the audit trail is kept.")
    usage_days: int = Field(
        400, ge=90, le=36500, description="Days usage and receipts are kept, longer until they are settled."
    )
    nonce_seconds: int = Field(300, ge=30, description="Life of a sign-in nonce.")

    signed_requests: Literal["off", "erc8128-draft"] = Field(
        "off", description="Requests signed one by one (RFC 9421): off, or the draft profile they follow."
    )

    master_key: SecretStr = Field(
        SecretStr(""), description="64 hexadecimal digits that encrypt secrets at rest; a devnet has its own."
    )
    earlier_master_keys: SecretStr = Field(
        SecretStr(""), description="Master keys of before, comma separated: what they sealed is sealed anew."
    )
    meter_keystore: Path | None = Field(None, description="Encrypted JSON keystore of the meter key.")
    meter_key_file: Path | None = Field(None, description="File that holds the meter key in hexadecimal.")
    meter_key: SecretStr = Field(SecretStr(""), description="The meter key in hexadecimal; a file is better.")
    signer_url: str = Field(
        "",
        description="URL of a remote signer (Web3Signer's eth1 shape); it holds the key below.",
    )
    signer_address: str = Field(
        "", description="Address whose key the remote signer holds: it is the meter, and deploys."
    )
    wallet_signer_url: str = Field(
        "", description="URL of a remote signer for the command line's wallet; it holds the key below."
    )
    wallet_signer_address: str = Field(
        "", description="Address of that wallet: `keep`, `probe`, `provider` and the rest sign as it."
    )
    keystore_password: SecretStr = Field(SecretStr(""), description="Keystore password; else a prompt asks.")
    private_key: SecretStr = Field(SecretStr(""), description="Key of the command line's wallet.")
    key_file: Path | None = Field(None, description="File with the key of the command line's wallet.")

    allow_loopback_upstreams: bool = Field(
        False, description="Upstreams by plain HTTP on this machine; devnet only."
    )
    mail_url: SecretStr = Field(
        SecretStr(""), description="Mail server of alerts, as mailtos://user:password@host. Empty: no mail."
    )
    ipfs_gateway: str = Field("", description="https:// URL of an IPFS gateway for ipfs:// documents.")
    embedded_model: bool = Field(
        True, description="Run the embedded model; off where inference runs elsewhere."
    )
    model_slots: int = Field(4, ge=1, le=64, description="Requests the embedded model answers at once.")
    model_threads: int = Field(2, ge=1, le=256, description="Threads of the embedded model.")
    settle_interval_seconds: int = Field(60, ge=1, description="Longest age of unsettled usage.")
    settle_min_units: int = Field(
        1, ge=1, description="Whole credits of a tab that start a settlement early."
    )

    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level logged.")
    log_format: Literal["console", "json"] = Field("console", description="Lines for people or for programs.")

    @property
    def home_path(self) -> Path:
        """EMPORION_HOME, absolute."""
        return self.home.expanduser().resolve()

    @property
    def deployment_path(self) -> Path:
        """Where the deployment record lies."""
        return (self.deployment_file or self.home_path / "deployment.json").expanduser()

    @property
    def keys_path(self) -> Path:
        """Folder of encrypted keystores."""
        return self.home_path / "keys"

    @property
    def blobs_path(self) -> Path:
        """Folder of content-addressed documents."""
        return self.home_path / "blobs"

    @property
    def is_sqlite(self) -> bool:
        """Whether the stores are the two SQLite files."""
        return not self.database_url

    @property
    def base_url(self) -> str:
        """The gateway's URL as others see it, without a slash at the end."""
        return (self.public_url or f"http://{self.gateway_host}:{self.gateway_port}").rstrip("/")

    @property
    def sign_in_domain(self) -> str:
        """The domain EIP-4361 messages must name."""
        return self.siwe_domain or urlsplit(self.base_url).netloc

    def master_secret(self) -> bytes:
        """The 32 bytes that encrypt secrets at rest. Raises SettingsError when none is set."""
        text = self.master_key.get_secret_value() or (DEVNET_MASTER_KEY if self.devnet else "")
        if not text:
            raise SettingsError(
                "EMPORION_MASTER_KEY is not set; make one with "
                "python -c 'import secrets; print(secrets.token_hex(32))' and keep it"
            )
        return bytes.fromhex(text.removeprefix("0x"))

    def earlier_master_secrets(self) -> tuple[bytes, ...]:
        """Keys that open what they sealed before the master key was changed."""
        texts = _split(self.earlier_master_keys.get_secret_value())
        return tuple(bytes.fromhex(text.removeprefix("0x")) for text in texts)


def load_settings(**given: object) -> Settings:
    """Read the environment, let ``given`` win, refuse what is wrong or unsafe. Raises SettingsError."""
    _refuse_unknown()
    try:
        settings = Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        raise SettingsError("; ".join(_told(error))) from None
    if problems := problems_of(settings):
        raise UnsafeSettings("refusing to start: " + "; ".join(problems), problems=problems)
    return settings


def child_environment(settings: Settings) -> dict[str, str]:
    """The environment of a child process with these settings: ours, every set field spelled out."""
    environment = bare_environment()
    for name in sorted(settings.model_fields_set):
        environment[PREFIX + name.upper()] = _spelled(getattr(settings, name))
    return environment


def bare_environment(**more: str) -> dict[str, str]:
    """Our environment without any setting of ours, for a child process that needs none of our secrets."""
    return {key: value for key, value in os.environ.items() if not key.startswith(PREFIX)} | more


def _spelled(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, list):
        return ",".join(str(part) for part in value)
    return "" if value is None else str(value)


def _told(error: ValidationError) -> list[str]:
    """Each mistake with its variable. The value is left out: it may be a secret."""
    return [
        f"{PREFIX}{'_'.join(str(part) for part in mistake['loc'][:1]).upper()}: {mistake['msg']}"
        for mistake in error.errors(include_input=False, include_url=False)
    ]


def _refuse_unknown() -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    problems = []
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and not name.startswith(_TEST_PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            advice = f"did you mean {near[0]}?" if near else "unset it"
            problems.append(f"{name} is no setting; {advice}")
    if problems:
        raise SettingsError("; ".join(problems))
