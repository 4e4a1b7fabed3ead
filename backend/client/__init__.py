"""The typed client library: wallet in, then search, buy, call, verify, claim. No server dependency."""

from backend.client.blocking import Emporion
from backend.client.http import GatewayError, GatewayUnreachable
from backend.client.market import AsyncEmporion
from backend.client.models import Bought, Offer, Plan, RateCard, Service
from backend.client.offering import EMP, NewPlan, NewService
from backend.client.verification import Evidence, Finding, Verdict, verify_receipt
from backend.client.webhooks import MemorySeen, Seen, check_webhook
from backend.signing.keys import LocalKey as Wallet

__all__ = [
    "EMP",
    "AsyncEmporion",
    "Bought",
    "Emporion",
    "Evidence",
    "Finding",
    "GatewayError",
    "GatewayUnreachable",
    "MemorySeen",
    "NewPlan",
    "NewService",
    "Offer",
    "Plan",
    "RateCard",
    "Seen",
    "Service",
    "Verdict",
    "Wallet",
    "check_webhook",
    "verify_receipt",
]
