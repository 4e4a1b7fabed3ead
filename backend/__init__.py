"""The off-chain half of Emporion."""
