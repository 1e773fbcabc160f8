"""Calls as a human would tell them, out of what Asterisk says. Pure: no clock, no I/O."""
