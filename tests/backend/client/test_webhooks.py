"""Webhooks are believed when signed, young and new.

check_webhook
    given missing headers, an old or future time, another secret, a changed body: refused
    given the same message twice: refused the second time
    given one of two secrets while rotating: believed
"""

import pytest

from backend.client.webhooks import TOLERANCE_SECONDS, MemorySeen, check_webhook
from backend.core.errors import InvalidSignature
from backend.signing.webhooks import sign

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZg=="
OLDER = "whsec_ZmVkY2JhOTg3NjU0MzIxMA=="
NOW = 1_700_000_000
BODY = b'{"event": "Bought"}'


def headers(secret: str = SECRET, sent_at: int = NOW, message_id: str = "msg_1") -> dict[str, str]:
    return {
        "Webhook-Id": message_id,
        "Webhook-Timestamp": str(sent_at),
        "Webhook-Signature": f"v1,bm9uc2Vuc2U= {sign(secret, message_id, sent_at, BODY)}",
    }


class TestCheckWebhook:
    @pytest.mark.parametrize("missing", ["Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"])
    def test_missing_header_is_refused(self, missing: str) -> None:
        given = {name: value for name, value in headers().items() if name != missing}
        with pytest.raises(InvalidSignature, match="missing"):
            check_webhook(given, BODY, [SECRET], NOW, MemorySeen())

    @pytest.mark.parametrize("shift", [-TOLERANCE_SECONDS - 1, TOLERANCE_SECONDS + 1])
    def test_wrong_time_is_refused(self, shift: int) -> None:
        with pytest.raises(InvalidSignature, match="old"):
            check_webhook(headers(sent_at=NOW + shift), BODY, [SECRET], NOW, MemorySeen())

    def test_other_secret_is_refused(self) -> None:
        with pytest.raises(InvalidSignature, match="our secret"):
            check_webhook(headers(OLDER), BODY, [SECRET], NOW, MemorySeen())

    def test_changed_body_is_refused(self) -> None:
        with pytest.raises(InvalidSignature, match="our secret"):
            check_webhook(headers(), BODY + b" ", [SECRET], NOW, MemorySeen())

    def test_second_arrival_is_refused(self) -> None:
        seen = MemorySeen()
        assert check_webhook(headers(), BODY, [SECRET], NOW, seen) == "msg_1"
        with pytest.raises(InvalidSignature, match="before"):
            check_webhook(headers(), BODY, [SECRET], NOW, seen)

    def test_both_secrets_count_while_rotating(self) -> None:
        assert check_webhook(headers(OLDER), BODY, [SECRET, OLDER], NOW, MemorySeen()) == "msg_1"

    def test_forged_message_is_not_noted(self) -> None:
        seen = MemorySeen()
        with pytest.raises(InvalidSignature):
            check_webhook(headers(OLDER), BODY, [SECRET], NOW, seen)
        assert check_webhook(headers(), BODY, [SECRET], NOW, seen) == "msg_1"
