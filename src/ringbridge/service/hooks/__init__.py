"""The office's own code at its places, and on trial."""
