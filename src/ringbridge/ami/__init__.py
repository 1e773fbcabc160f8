"""The Asterisk Manager Interface as values: bytes in, messages out, no I/O and no clock."""
