"""The examination of an installation, and what a person who helps needs to see of it."""
