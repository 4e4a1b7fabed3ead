"""How the database learns the chain: follow, decode, project, undo."""
