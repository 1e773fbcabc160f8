"""The office's portals: opened, watched, heard."""
