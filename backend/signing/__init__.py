"""EIP-712 and EIP-4361 messages, built and checked; pure."""
