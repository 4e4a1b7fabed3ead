"""Who may call what, from indexed ownership; read only."""
