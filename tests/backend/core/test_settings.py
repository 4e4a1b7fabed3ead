"""Settings.

load_settings
├── given a wrong value: it should name the variable, and every one of several
├── given an unknown variable: it should suggest the near one
├── given a secret of wrong shape: it should not repeat it
├── given plain HTTP off loopback, public secrets or loopback upstreams outside a devnet: it should refuse
├── given the same on a devnet: it should accept the secrets
└── given nothing: it should be safe defaults
child_environment
└── it should give the same settings to a child
master_secret
├── given none: it should say how to make one
└── on a devnet: it should be the public one
"""

from pathlib import Path

import pytest

from backend.core.errors import SettingsError, UnsafeSettings
from backend.core.safety import DEVNET_KEYS, DEVNET_MASTER_KEY, is_loopback
from backend.core.settings import Settings, child_environment, load_settings


@pytest.fixture(autouse=True)
def no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"EMPORION_{name.upper()}", raising=False)


class TestLoadSettings:
    def test_given_wrong_values_names_each(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("EMPORION_GATEWAY_PORT", "eighty")
        monkeypatch.setenv("EMPORION_NETWORK", "moon")
        with pytest.raises(SettingsError, match=r"(?s)EMPORION_NETWORK.*EMPORION_GATEWAY_PORT"):
            load_settings()

    def test_given_an_unknown_variable_suggests(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("EMPORION_RPC_URL", "http://127.0.0.1:1")
        with pytest.raises(SettingsError, match="did you mean EMPORION_RPC_URLS"):
            load_settings()

    def test_given_a_secret_of_wrong_shape_keeps_it_quiet(self) -> None:
        with pytest.raises(UnsafeSettings, match="64 hexadecimal") as caught:
            load_settings(master_key="hunter2hunter2")
        assert "hunter2" not in str(caught.value)

    @pytest.mark.parametrize(
        ("given", "advice"),
        [
            ({"gateway_host": "0.0.0.0"}, "EMPORION_TRUSTED_PROXIES"),
            ({"gateway_host": "example.org"}, "EMPORION_TRUSTED_PROXIES"),
            ({"public_url": "http://example.org"}, "use https"),
            ({"allow_loopback_upstreams": True}, "EMPORION_DEVNET"),
            ({"cors_origins": "*,https://a.example"}, "only"),
            ({"master_key": DEVNET_MASTER_KEY}, "make your own"),
            ({"meter_key": min(DEVNET_KEYS)}, "use your own"),
            ({"private_key": "0x" + max(DEVNET_KEYS)}, "use your own"),
            ({"database_url": "mysql://localhost/x"}, "postgresql://"),
            ({"rpc_urls": ""}, "at least one"),
            ({"rpc_urls": "ws://127.0.0.1:1"}, "EMPORION_WS_URL"),
            ({"ws_url": "http://127.0.0.1:1"}, "ws://"),
            ({"redis_url": "http://127.0.0.1:1"}, "redis://"),
            ({"trusted_proxies": "nginx"}, "CIDR"),
        ],
    )
    def test_given_the_unsafe_refuses_and_says_the_fix(self, given: dict[str, object], advice: str) -> None:
        with pytest.raises(UnsafeSettings, match=advice):
            load_settings(**given)

    def test_on_a_devnet_accepts_public_secrets(self) -> None:
        settings = load_settings(
            devnet=True,
            master_key=DEVNET_MASTER_KEY,
            meter_key=min(DEVNET_KEYS),
            allow_loopback_upstreams=True,
        )
        assert settings.master_secret() == bytes.fromhex(DEVNET_MASTER_KEY)

    def test_given_nothing_is_safe(self) -> None:
        settings = load_settings()
        assert (settings.is_sqlite, settings.devnet, settings.gateway_host) == (True, False, "127.0.0.1")
        assert settings.deployment_path.parent == settings.home_path

    def test_reads_lists(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("EMPORION_RPC_URLS", "http://127.0.0.1:1, http://127.0.0.1:2")
        assert load_settings().rpc_urls == ["http://127.0.0.1:1", "http://127.0.0.1:2"]

    def test_describes_every_setting(self) -> None:
        assert all(field.description for field in Settings.model_fields.values())


class TestChildEnvironment:
    def test_gives_a_child_the_same(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        parent = load_settings(
            home=tmp_path, devnet=True, gateway_port=0, rpc_urls=["http://127.0.0.1:1", "http://127.0.0.1:2"],
            master_key="ab" * 32,
        )  # fmt: skip
        for name, value in child_environment(parent).items():
            monkeypatch.setenv(name, value)
        assert load_settings() == parent


class TestMasterSecret:
    def test_given_none_says_how_to_make_one(self) -> None:
        with pytest.raises(SettingsError, match="token_hex"):
            load_settings().master_secret()

    def test_on_a_devnet_is_the_public_one(self) -> None:
        assert load_settings(devnet=True).master_secret().hex() == DEVNET_MASTER_KEY


class TestIsLoopback:
    @pytest.mark.parametrize(("host", "expected"), [
        ("localhost", True), ("127.0.0.9", True), ("::1", True), ("10.0.0.1", False), ("example.org", False),
    ])  # fmt: skip
    def test_knows_this_machine(self, host: str, expected: bool) -> None:
        assert is_loopback(host) is expected
