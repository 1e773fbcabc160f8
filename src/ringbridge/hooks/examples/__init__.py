"""Hooks to copy into the hooks folder and to change there: `ringbridge hooks example NAME`."""
