"""Ringbridge connects an Asterisk PBX to a company's CRM."""

__version__ = "0.1.0"
