"""deploy/compose.yaml, read."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
PARTS = {name: part for name, part in COMPOSE["services"].items() if part["image"] == "emporion"}
"""Those that run the program."""
GATEWAYS = {name: part for name, part in PARTS.items() if part["command"] == ["serve"]}
VARIABLE = re.compile(r"\$\{(\w+)(:-|:\?)?([^}]*)\}")


def filled(text: str, values: Mapping[str, str]) -> str:
    """A text with its ${NAMES} as compose fills them in; what has no value is empty."""
    return VARIABLE.sub(lambda found: values.get(found[1], ""), str(text)).replace("$$", "$")
