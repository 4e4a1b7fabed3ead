"""Tabs, holds, usage and signed receipts."""
