"""The copies of the portals' clients, kept."""
