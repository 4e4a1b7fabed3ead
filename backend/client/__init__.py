"""The typed client library: wallet in, then search, buy, call, verify, claim. No server dependency."""

from backend.client.blocking import Emporion
from backend.client.http import GatewayError, GatewayUnreachable
from backend.client.market import AsyncEmporion
from backend.client.models import Bought, Plan, Service
from backend.client.receipts import Verdict, check_receipt
from backend.client.webhooks import MemorySeen, Seen, check_webhook
from backend.signing.keys import LocalKey as Wallet

__all__ = [
    "AsyncEmporion",
    "Bought",
    "Emporion",
    "GatewayError",
    "GatewayUnreachable",
    "MemorySeen",
    "Plan",
    "Seen",
    "Service",
    "Verdict",
    "Wallet",
    "check_receipt",
    "check_webhook",
]
