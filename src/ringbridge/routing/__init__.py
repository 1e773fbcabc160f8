"""Decisions, pure: what is wanted of a CRM for what happened on the phone."""
