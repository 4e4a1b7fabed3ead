"""Services and their plans, as the gateway offers them; read only."""
