"""What the chain knows: sources, generated artifacts, and the loader the rest of the project reads them with."""
