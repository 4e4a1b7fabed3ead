"""OAuth 2.1 for apps of third parties: registration, consent, tokens, devices."""
