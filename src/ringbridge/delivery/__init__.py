"""Durable delivery: what was decided is carried out at least once, in order, and settled once."""
