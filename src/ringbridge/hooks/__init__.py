"""Hooks: the office's own code at the places where calls are decided and CRMs are told."""
