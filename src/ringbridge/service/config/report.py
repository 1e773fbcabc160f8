"""The part of the configuration that says whom the report of a week is sent to, and by which mail server."""

from __future__ import annotations

from datetime import time
from enum import StrEnum

from pydantic import Field, model_validator

from ringbridge.service.config.parts import Part, Secret


class Security(StrEnum):
    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class Weekday(StrEnum):
    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"

    @property
    def number(self) -> int:
        """0: Monday."""
        return list(Weekday).index(self)


class Language(StrEnum):
    RUSSIAN = "ru"
    ENGLISH = "en"


class ReportConfig(Part):
    to: tuple[str, ...] = Field((), description="E-mail addresses that get each week's report; empty: none is sent.")
    sender: str = Field("", description="E-mail address that it comes from.")
    host: str = Field("", description="The mail server (SMTP).")
    port: int = Field(
        587, ge=1, le=65535, description="Its port; usual are 587 with starttls, 465 with tls, 25 with none."
    )
    security: Security = Field(Security.STARTTLS, description="How the connection is encrypted: starttls, tls or none.")
    login: str = Field("", description="Name at the mail server; empty: it asks for none.")
    password: Secret | None = Field(None, description="Password at the mail server.")
    weekday: Weekday = Field(Weekday.MONDAY, description="Day on which the week before is reported.")
    at: time = Field(time(8), description="When, in the office's time.")
    language: Language = Field(Language.RUSSIAN, description="Language of the report: ru or en.")

    @model_validator(mode="after")
    def _complete(self) -> ReportConfig:
        if self.to and not (self.host and self.sender):
            raise ValueError("a report is sent by a mail server: host and sender are needed")
        if any("@" not in address or any(c.isspace() for c in address) for address in (*self.to, self.sender or "@")):
            raise ValueError("an e-mail address is written name@example.com, each in quotes of its own")
        if self.login and self.security is Security.NONE:
            raise ValueError("a password is not sent without encryption: security is to be starttls or tls")
        return self
