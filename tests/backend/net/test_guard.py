"""The guard against forged outgoing requests.

check_url
  when the scheme, user, host or port is not allowed -> blocked, says what would be right
  when it is public https -> passes
  when loopback is allowed -> plain http on this machine passes, elsewhere not
check_address
  when private, link-local, metadata, multicast, unspecified, carried inside IPv6 -> blocked
  when public -> passes
check_resolved
  when one of several addresses is private -> all of the answer is blocked
  when an ordinary name means this machine -> blocked even on a devnet
guarded_socket
  when the address is private -> blocked before a socket exists
Target
  when the base has a query, dots, escapes -> blocked
  when the path is not listed -> blocked
"""

import socket

import pytest
from yarl import URL

from backend.core.errors import AddressBlocked
from backend.net.guard import (
    DEVNET,
    LOOPBACK_ONLY,
    OPERATOR,
    PUBLIC_ONLY,
    BlockedAtConnectError,
    check_address,
    check_resolved,
    check_url,
    guarded_socket,
)
from backend.net.target import Target

PRIVATE = [
    "127.0.0.1",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fd00:ec2::254",
    "ff02::1",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "fe80::1%eth0",
    "2130706433",
]
PUBLIC = ["1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]


class TestCheckUrl:
    @pytest.mark.parametrize(
        ("url", "said"),
        [
            ("http://example.com/", "scheme"),
            ("ftp://example.com/", "scheme"),
            ("file:///etc/passwd", "full URL"),
            ("//example.com/x", "scheme"),
            ("https://user:pw@example.com/", "user or password"),
            ("https://user@example.com/", "user or password"),
            ("https://example.com:22/", "port 22"),
            ("https://localhost/", "outside"),
            ("https://a.localhost./", "outside"),
            ("https://127.0.0.1/", "outside"),
            ("https://[::1]/", "outside"),
            ("https://10.0.0.1/", "10.0.0.1"),
            ("https://169.254.169.254/", "169.254.169.254"),
            ("https://[::ffff:10.0.0.1]/", "not an address"),
        ],
    )
    def test_blocked(self, url: str, said: str) -> None:
        with pytest.raises(AddressBlocked, match=said):
            check_url(URL(url), PUBLIC_ONLY)

    def test_public_https_passes(self) -> None:
        url = URL("https://api.example.com:8443/v1")
        assert check_url(url, PUBLIC_ONLY) == url

    def test_devnet_adds_this_machine_only(self) -> None:
        check_url(URL("http://127.0.0.1:9999/v1"), DEVNET)
        check_url(URL("http://localhost:80/v1"), DEVNET)
        for url in ("http://example.com/", "https://10.0.0.1/", "gopher://localhost/"):
            with pytest.raises(AddressBlocked):
                check_url(URL(url), DEVNET)

    def test_loopback_only_refuses_the_rest(self) -> None:
        with pytest.raises(AddressBlocked, match="outside"):
            check_url(URL("https://example.com/"), LOOPBACK_ONLY)


class TestCheckAddress:
    @pytest.mark.parametrize("address", PRIVATE)
    def test_not_public(self, address: str) -> None:
        with pytest.raises(AddressBlocked):
            check_address(address, PUBLIC_ONLY)

    @pytest.mark.parametrize("address", PUBLIC)
    def test_public(self, address: str) -> None:
        check_address(address, PUBLIC_ONLY)
        with pytest.raises(AddressBlocked):
            check_address(address, LOOPBACK_ONLY)


class TestCheckResolved:
    def test_one_private_address_spoils_the_answer(self) -> None:
        with pytest.raises(AddressBlocked):
            check_resolved("provider.example", ["1.1.1.1", "10.0.0.1"], PUBLIC_ONLY)

    def test_ordinary_name_meaning_this_machine(self) -> None:
        with pytest.raises(AddressBlocked, match="resolves to"):
            check_resolved("rebind.example", ["127.0.0.1"], DEVNET)

    def test_localhost_meaning_another_machine(self) -> None:
        with pytest.raises(AddressBlocked):
            check_resolved("localhost", ["1.1.1.1"], DEVNET)


class TestGuardedSocket:
    def test_private_address(self) -> None:
        row = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", 443))
        with pytest.raises(BlockedAtConnectError):
            guarded_socket(row, PUBLIC_ONLY)

    def test_public_address(self) -> None:
        row = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("1.1.1.1", 443))
        with guarded_socket(row, PUBLIC_ONLY) as made:
            assert made.family == socket.AF_INET


class TestTarget:
    @pytest.mark.parametrize(
        "base",
        [
            "https://example.com/v1?key=1",
            "https://example.com/v1?",
            "https://example.com/v1#x",
            "https://example.com/../v1",
            "https://example.com/%2e%2e/v1",
            "https://example.com/a\\b",
            "https://example.com:99999/",
            "example.com",
        ],
    )
    def test_odd_base(self, base: str) -> None:
        with pytest.raises(AddressBlocked):
            Target.at(base, frozenset({"/v1/x"}), PUBLIC_ONLY)

    def test_path_not_listed(self) -> None:
        target = Target.at("https://example.com", frozenset({"/v1/x"}), PUBLIC_ONLY)
        with pytest.raises(AddressBlocked, match="not a path"):
            target.url("/v1/../admin")

    def test_base_path_and_origin(self) -> None:
        target = Target.at("https://Example.com/openai/", frozenset({"/v1/x"}), PUBLIC_ONLY)
        assert str(target.url("/v1/x")) == "https://example.com/openai/v1/x"
        assert target.origin == "https://example.com:443"


class TestOperatorPolicy:
    @pytest.mark.parametrize(
        "url", ["http://node:8545", "http://10.0.0.7:8545", "https://rpc.example.com/v1/key"]
    )
    def test_own_word_may_name_private_places(self, url: str) -> None:
        assert check_url(URL(url), OPERATOR) == URL(url)

    @pytest.mark.parametrize("url", ["http://user:secret@node:8545", "/rpc", "node:8545"])
    def test_form_is_checked_all_the_same(self, url: str) -> None:
        with pytest.raises(AddressBlocked):
            check_url(URL(url), OPERATOR)

    def test_private_addresses_may_be_connected_to(self) -> None:
        check_resolved("node", ["172.18.0.2"], OPERATOR)

    def test_strangers_words_may_not(self) -> None:
        with pytest.raises(AddressBlocked):
            check_resolved("node", ["172.18.0.2"], PUBLIC_ONLY)
