"""The shared fixtures themselves.

close_the_internet
├── a connection beyond loopback is refused, as is the look-up of a public name
└── loopback and literal addresses stay open
new_database_url
├── sqlite: empty, the settings' word for the two files
└── postgres: a database without tables that answers
database_url
└── finds no row of an earlier test, on either engine
stores_home
└── holds files that are whole by themselves
redis_url
└── answers to PING
"""

import socket
from pathlib import Path

import psycopg
import pytest
import redis
from sqlalchemy import insert, select

from backend.core.settings import load_settings
from backend.db.stores import open_chain_store
from backend.db.tables.chain import Heartbeat
from tests.loopback import InternetClosed


class TestCloseTheInternet:
    def test_refuses_to_connect_beyond_loopback(self) -> None:
        with socket.socket() as door, pytest.raises(InternetClosed, match="192.0.2.1:80"):
            door.connect(("192.0.2.1", 80))

    def test_refuses_to_look_up_a_public_name(self) -> None:
        with pytest.raises(InternetClosed, match="example.org"):
            socket.getaddrinfo("example.org", 80)

    def test_leaves_loopback_open(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            socket.create_connection(server.getsockname()).close()
        assert socket.getaddrinfo("localhost", 80)


class TestNewDatabaseUrl:
    def test_names_a_database_without_tables_on_each_engine(self, new_database_url: str) -> None:
        if new_database_url:
            with psycopg.connect(new_database_url) as connection:
                found = connection.execute(
                    "SELECT * FROM pg_tables WHERE schemaname IN ('public', 'chain', 'gateway')"
                ).fetchall()
            assert found == []


class TestDatabaseUrl:
    @pytest.mark.parametrize("_time", ["first", "second"])
    async def test_has_no_row_of_an_earlier_test(self, _time: str, tmp_path: Path, database_url: str) -> None:
        store = await open_chain_store(load_settings(home=tmp_path, database_url=database_url, devnet=True))
        async with store.write_connection() as connection:
            assert (await connection.execute(select(Heartbeat))).all() == []
            row = {"chain_id": 1, "confirmed_at_ms": 2, "node_number": 3}
            await connection.execute(insert(Heartbeat).values(row))
        await store.close()


class TestStoresHome:
    def test_holds_files_that_are_whole(self, stores_home: Path) -> None:
        assert {file.name for file in stores_home.iterdir()} == {"chain.db", "gateway.db"}


class TestRedisUrl:
    def test_answers(self, redis_url: str) -> None:
        with redis.Redis.from_url(redis_url) as client:
            assert client.ping()
