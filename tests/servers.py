"""Servers of this machine that tests use when they answer."""

import os
import secrets
import socket
from dataclasses import dataclass, field
from typing import Self

import psycopg
from psycopg import sql

_EMPTY = """
DO $$
DECLARE entry record;
BEGIN
    FOR entry IN
        SELECT schemaname, tablename FROM pg_tables
        WHERE schemaname IN ('chain', 'gateway') AND tablename <> 'alembic_version'
    LOOP
        EXECUTE format('DELETE FROM %I.%I', entry.schemaname, entry.tablename);
    END LOOP;
END $$
"""


class ServerAbsent(Exception):
    """A server does not answer; the message says where it was looked for and how to start it."""


@dataclass
class PostgresServer:
    """A server on which databases may be created."""

    url: str
    _created: list[str] = field(default_factory=list)

    @classmethod
    def found(cls) -> Self:
        """The server of EMPORION_TEST_POSTGRES_URL, or the one on 127.0.0.1:5432.

        Raises:
            ServerAbsent: none lets us in.
        """
        given = os.environ.get("EMPORION_TEST_POSTGRES_URL")
        candidates = [given] if given else [f"postgresql://{user}@127.0.0.1:5432" for user in _users()]
        reasons = []
        for url in candidates:
            try:
                with psycopg.connect(url, dbname="postgres", connect_timeout=2):
                    return cls(url)
            except psycopg.OperationalError as error:
                reasons.append(f"{url}: {str(error).strip().splitlines()[-1]}")
        advice = "start PostgreSQL with trust for 127.0.0.1, or set EMPORION_TEST_POSTGRES_URL"
        raise ServerAbsent(f"no PostgreSQL ({'; '.join(reasons)}); {advice}")

    def create(self) -> str:
        """Create an empty database; gives its URL."""
        name = f"emporion_test_{os.getpid()}_{secrets.token_hex(6)}"
        self._execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        self._created.append(name)
        return f"{self.url}/{name}"

    def drop(self, url: str) -> None:
        """Drop a database made here, whoever is still connected."""
        name = url.rsplit("/", 1)[1]
        self._created.remove(name)
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def empty(self, url: str) -> None:
        """Delete every row of the two stores in a database made here; tables and versions stay."""
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(_EMPTY)

    def drop_all(self) -> None:
        """Drop what was created and not dropped."""
        for name in list(self._created):
            self.drop(f"{self.url}/{name}")

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url, dbname="postgres", autocommit=True) as connection:
            connection.execute(statement)


@dataclass
class RedisServer:
    """A Redis whose database 15 is ours."""

    url: str

    @classmethod
    def found(cls) -> Self:
        """The server of EMPORION_TEST_REDIS_URL, or the one on 127.0.0.1:6379.

        Raises:
            ServerAbsent: nothing listens there.
        """
        given = os.environ.get("EMPORION_TEST_REDIS_URL")
        if given:
            return cls(given)
        try:
            socket.create_connection(("127.0.0.1", 6379), timeout=2).close()
        except OSError as error:
            advice = "start redis-server, or set EMPORION_TEST_REDIS_URL"
            raise ServerAbsent(f"no Redis on 127.0.0.1:6379 ({error}); {advice}") from error
        return cls("redis://127.0.0.1:6379/15")


def _users() -> list[str]:
    return list(dict.fromkeys(["postgres", os.environ.get("USER", "root"), "root"]))
