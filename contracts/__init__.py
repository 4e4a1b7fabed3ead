"""What the chain knows: sources, generated artifacts, and the loader everything reads them with."""
