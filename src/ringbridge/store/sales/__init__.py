"""The leads and deals of the portals, and which call brought each."""
