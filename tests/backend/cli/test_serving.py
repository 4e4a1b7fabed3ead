"""The gateway's socket.

listening
├── given port 0: a free one, and the settings know it
└── given a taken port: refused before anything starts, with what to set
"""

import socket
from pathlib import Path

import pytest

from backend.cli.serving import listening
from backend.core.errors import SettingsError
from backend.core.settings import load_settings


class TestListening:
    def test_takes_any_port(self, tmp_path: Path) -> None:
        with listening(load_settings(home=tmp_path, gateway_port=0)) as (opened, settings):
            assert settings.gateway_port == opened.getsockname()[1] > 0
            assert settings.base_url.endswith(f":{settings.gateway_port}")

    def test_refuses_a_taken_port(self, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with (
                pytest.raises(SettingsError, match=f"127.0.0.1:{port}.*EMPORION_GATEWAY_PORT"),
                listening(load_settings(home=tmp_path, gateway_port=port)),
            ):
                pass
