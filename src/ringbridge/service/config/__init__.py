"""The office's configuration: one model for the file, the database, the page and the documentation."""

from ringbridge.service.config.office import (
    SECRETS,
    WORDS,
    ConfigError,
    Employee,
    Office,
    Pbx,
    document_in,
    document_of,
    mistakes_of,
    office_of,
    read_office,
    write_office,
)

__all__ = [
    "SECRETS",
    "WORDS",
    "ConfigError",
    "Employee",
    "Office",
    "Pbx",
    "document_in",
    "document_of",
    "mistakes_of",
    "office_of",
    "read_office",
    "write_office",
]
