"""A chain for development: anvil under our hand, the contracts on it, accounts with known keys, a history."""
