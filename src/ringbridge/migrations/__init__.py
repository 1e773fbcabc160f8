"""The database's schema, step by step. Each step stays as it was released; a new one is added behind it."""

HEAD = "0017"
"""The last step. A test holds it against the steps themselves."""
