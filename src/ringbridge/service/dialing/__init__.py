"""Calls that somebody asks for."""
