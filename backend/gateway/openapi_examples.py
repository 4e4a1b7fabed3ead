"""An example of every JSON body that FastAPI's routes read. Tests send each to a running gateway.

What stands for a value that only a caller has (a signature, a nonce, a registered app) looks like one.
"""

from typing import Any, Final

_APP: Final = (
    "response_type=code&client_id=app_0123456789abcdef&redirect_uri=https%3A%2F%2Fapp.example%2Fback"
)
_SIGNATURE: Final = "0x" + "11" * 64 + "1b"
_MESSAGE: Final = (
    "gateway.example wants you to sign in with your Ethereum account:\n"
    "0x70997970C51812dc3A010C7d01b50e0d17dc79C8\n\n"
    "Sign in to use what your wallet owns. This costs nothing and moves nothing.\n\n"
    "URI: https://gateway.example\nVersion: 1\nChain ID: 31337\nNonce: (of GET /v1/auth/nonce)\n"
    "Issued At: 2026-01-01T00:00:00Z"
)
_CONSENT: Final[dict[str, Any]] = {"query": _APP, "services": [1], "daily_cap": 5_000_000}
BODIES: Final[dict[tuple[str, str], Any]] = {
    ("post", "/v1/auth/siwe"): {"message": _MESSAGE, "signature": _SIGNATURE},
    ("post", "/v1/keys"): {
        "name": "nightly job",
        "scopes": ["inference", "read"],
        "services": [1],
        "daily_cap": 5_000_000,
        "expires_in": 2_592_000,
    },
    ("patch", "/v1/keys/{key_id}"): {"name": "weekly job", "daily_cap": 1_000_000},
    ("post", "/v1/keys/{key_id}/rotate"): {"overlap_seconds": 3_600},
    ("post", "/v1/oauth/review"): {"query": _APP},
    ("post", "/v1/oauth/deny"): {"query": _APP},
    ("post", "/v1/oauth/consent"): {
        **_CONSENT,
        "address": "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
    },
    ("post", "/v1/oauth/approve"): {**_CONSENT, "message": _MESSAGE, "signature": _SIGNATURE},
    ("post", "/v1/oauth/apps"): {
        "client_name": "Notes",
        "redirect_uris": ["https://app.example/back"],
        "scope": "inference read",
    },
    ("post", "/v1/estimate"): {"model": "31337/1", "requests": 1_000, "units_in": 200, "units_out": 50},
    ("put", "/v1/metadata/{content_hash}"): {
        "emporion": "service/1",
        "name": "Little Model",
        "slug": "little-model",
        "summary": "Small and quick",
        "tags": ["english"],
        "model": {"operations": ["chat", "images"], "context": 2_048, "max_output": 512},
    },
    ("put", "/v1/vouchers/{plan_id}"): {"cumulative_units": "25", "signature": _SIGNATURE},
    ("put", "/v1/provider/services/{service_id}/upstream"): {
        "upstreams": [
            {
                "kind": "openai",
                "url": "https://llm.example.com/v1",
                "model": "small-instruct",
                "secret": "sk-of-the-upstream",
            }
        ]
    },
    ("post", "/v1/webhooks"): {
        "url": "https://shop.example.com/hook",
        "finality": "finalized",
        "service_id": 1,
    },
    ("post", "/v1/webhooks/{endpoint_id}/rotate"): {"overlap_seconds": 3_600},
    ("put", "/v1/alerts"): {
        "kinds": {"credits_low": {"threshold": "20"}, "sale": {}},
        "quiet_hours": {"start": "22:00", "end": "07:00"},
    },
    ("post", "/v1/alerts/channels"): {"target": "https://shop.example.com/alerts"},
    ("post", "/v1/alerts/channels/{channel_id}/confirm"): {"code": "12345678"},
}


def add_examples(paths: dict[str, Any]) -> None:
    """Put them into a document's paths."""
    for (method, path), example in BODIES.items():
        content = paths.get(path, {}).get(method, {}).get("requestBody", {}).get("content", {})
        if "application/json" in content:
            content["application/json"]["example"] = example
