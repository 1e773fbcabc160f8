"""The portals' leads and deals, kept."""
