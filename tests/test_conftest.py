"""The shared fixtures themselves.

close_the_internet
├── a connection beyond loopback is refused, as is the look-up of a public name
└── loopback and literal addresses stay open
database_url
├── sqlite: empty, the settings' word for the two files
└── postgres: an empty database that answers
redis_url
└── answers to PING
"""

import socket

import psycopg
import pytest
import redis

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


class TestDatabaseUrl:
    def test_names_an_empty_database_on_each_engine(self, database_url: str) -> None:
        if database_url:
            with psycopg.connect(database_url) as connection:
                tables = connection.execute("SELECT * FROM pg_tables WHERE schemaname = 'public'").fetchall()
            assert tables == []


class TestRedisUrl:
    def test_answers(self, redis_url: str) -> None:
        with redis.Redis.from_url(redis_url) as client:
            assert client.ping()
