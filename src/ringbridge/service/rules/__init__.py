"""The office's rules: changed, reviewed, tried on a call."""
