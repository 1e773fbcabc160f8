"""Whom a call is put through to: the office's facts, the answer within its budget, what people see of it."""
