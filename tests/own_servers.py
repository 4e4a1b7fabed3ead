"""Servers that a test starts for itself, to stop them at will: PostgreSQL, Redis, nginx. Loopback only."""

import datetime as dt
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psycopg
import pytest
import redis
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from backend.cli.devnet.ports import LOOPBACK, free_port

START_SECONDS = 60.0
TEMPLATE = Path(__file__).parents[1] / "deploy" / "nginx" / "gateway.conf.template"
WORKERS = """\
worker_processes 1;
pid nginx.pid;
error_log error.log warn;
events { worker_connections 2048; }
http {
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include gateway.conf;
}
"""


def program(name: str) -> str:
    """Path of a server's program; the test is skipped, aloud, where the machine has none."""
    places = [shutil.which(name), shutil.which(name, path="/usr/sbin")]
    places += [str(path) for path in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)]
    for place in places:
        if place is not None:
            return place
    pytest.skip(f"no {name} on this machine; apt-get install postgresql redis-server nginx")


def until(truth: Callable[[], object], what: str) -> None:
    """Ask until it is true."""
    deadline = time.monotonic() + START_SECONDS
    while not truth():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)


class OwnPostgres:
    """A PostgreSQL in a folder of its own. It refuses to run as root, so then it runs as `postgres`."""

    def __init__(self) -> None:
        self._ctl = program("pg_ctl")
        self._folder = Path(tempfile.mkdtemp(prefix="emporion-postgres-"))
        self._folder.chmod(0o755)
        self._as: list[str] = []
        if os.geteuid() == 0:
            shutil.chown(self._folder, "postgres")
            self._as = ["runuser", "-u", "postgres", "--"]
        self.port = free_port(0)
        self._data = self._folder / "db"
        self._run([program("initdb"), "-D", str(self._data), "-U", "postgres", "-A", "trust", "-E", "UTF8"])
        self.start()

    @property
    def url(self) -> str:
        """Of its one database."""
        return f"postgresql://postgres@{LOOPBACK}:{self.port}/postgres"

    def start(self) -> None:
        """Start, or start again with what it has on disk."""
        options = f"-h {LOOPBACK} -p {self.port} -k {self._folder} -c fsync=off"
        log = str(self._folder / "log")
        self._run([self._ctl, "-D", str(self._data), "-w", "-s", "-l", log, "-o", options, "start"])

    def stop(self) -> None:
        """End at once, as a crash does: connections break, what was not committed is gone."""
        self._run([self._ctl, "-D", str(self._data), "-w", "-s", "-m", "immediate", "stop"])

    def close(self) -> None:
        """Stop if it runs, and leave nothing."""
        if (self._data / "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def rows(self, statement: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        """What a statement returns; none for one that returns nothing. Committed."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def _run(self, command: list[str]) -> None:
        environment = {**os.environ, "LC_ALL": "C"}
        told = subprocess.DEVNULL  # a server that inherits a pipe keeps it open
        subprocess.run([*self._as, *command], check=True, cwd="/", env=environment, stdout=told)


class OwnRedis:
    """A Redis that keeps nothing."""

    def __init__(self) -> None:
        self._program = program("redis-server")
        self.port = free_port(0)
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        """Of its first database."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    def start(self) -> None:
        """Start, empty, and wait until it answers."""
        command = [self._program, "--bind", LOOPBACK, "--port", str(self.port), "--save", ""]
        self._process = subprocess.Popen([*command, "--dir", "/tmp"], stdout=subprocess.DEVNULL)
        until(self._answers, "Redis")

    def stop(self) -> None:
        """End at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    close = stop

    def _answers(self) -> bool:
        with redis.Redis.from_url(self.url) as client:
            try:
                return bool(client.ping())
            except redis.ConnectionError:
                return False


def rendered(values: Mapping[str, str]) -> str:
    """The proxy's configuration with its ${NAMES} filled in, as the image of nginx does."""
    text = TEMPLATE.read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace(f"${{{name}}}", value)
    return text


@dataclass
class OwnNginx:
    """nginx with the configuration of deploy/ in front of three gateways."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes]"

    @classmethod
    def start(cls, folder: Path, gateways: Sequence[str], options: str = "") -> Self:
        """Start and wait until it listens; `options` of the listening, as ` ssl`."""
        port = free_port(0)
        prepare_nginx(folder, f"{LOOPBACK}:{port}{options}", gateways)
        command = nginx_command(folder)
        process = subprocess.Popen([*command, "-g", "daemon off;"])
        until(lambda: (folder / "nginx.pid").exists() and (folder / "nginx.pid").read_text(), "nginx")
        return cls(folder, port, process)

    @property
    def url(self) -> str:
        """Where clients call."""
        return f"http://{LOOPBACK}:{self.port}"

    def served_by(self) -> set[str]:
        """The gateways that its log names."""
        words = (self.folder / "access.log").read_text(encoding="utf-8").split()
        return {word.removeprefix("upstream=") for word in words if word.startswith("upstream=127")}

    def close(self) -> None:
        """End it and its worker."""
        self.process.terminate()
        self.process.wait()


def prepare_nginx(folder: Path, listen: str, gateways: Sequence[str]) -> None:
    """Write the configuration into a folder."""
    names = {f"GATEWAY_{number}": gateway for number, gateway in enumerate(gateways, 1)}
    names |= {"GATEWAY_LISTEN": listen, "GATEWAY_NAME": "_", "GATEWAY_LOG": str(folder / "access.log")}
    (folder / "gateway.conf").write_text(rendered(names), encoding="utf-8")
    user = "user root;\n" if os.geteuid() == 0 else ""  # its worker must read the test's folder
    (folder / "nginx.conf").write_text(user + WORKERS, encoding="utf-8")


def nginx_command(folder: Path) -> list[str]:
    """How nginx is called for that folder."""
    return [
        program("nginx"),
        "-p",
        str(folder),
        "-c",
        str(folder / "nginx.conf"),
        "-e",
        str(folder / "error.log"),
    ]


def prepare_tls(folder: Path, name: str) -> Path:
    """Write the part for TLS into nginx's folder, and a certificate; the certificate's path."""
    at, key_at = folder / "tls_certificate", folder / "tls_key"
    certificate(at, key_at, name)
    text = TEMPLATE.with_name("tls.conf").read_text(encoding="utf-8")
    (folder / "tls").mkdir()
    (folder / "tls" / "tls.conf").write_text(text.replace("/run/secrets", str(folder)), encoding="utf-8")
    return at


def certificate(at: Path, key_at: Path, host: str) -> None:
    """A certificate of this minute."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    at.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    key_at.write_bytes(key.private_bytes(*pem))
