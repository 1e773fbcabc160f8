"""The part of the configuration that lets other programs and the company's site ask for calls."""

from __future__ import annotations

from enum import StrEnum
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from ringbridge.service.config.parts import Name, Part, Secret

SHORTEST = 24


class Permission(StrEnum):
    DIAL = "dial"  # connect an employee or a group with any number that the guards let pass
    CALLBACK = "callback"  # order a call, as a client does
    ROUTE = "route"  # ask whom an incoming call is put through to, from another machine
    WATCH = "watch"  # read figures and status, for monitoring; send calls again


class ApiToken(Part):
    name: Name = Field(description="Your name for the program or site: it stands in the log and names its requests.")
    secret: Secret = Field(description=f"What it shows as a bearer token: at least {SHORTEST} characters, by chance.")
    may: tuple[Permission, ...] = Field(
        min_length=1,
        description="dial: connect an employee or a group with a number; callback: order a call as a client does; "
        "route: ask whom a call is put through to, from another machine; watch: read what is for monitoring.",
    )
    origins: tuple[str, ...] = Field(
        (), description='Sites whose pages may use it, for callback only: ["https://www.example.com"].'
    )

    @field_validator("secret")
    @classmethod
    def _long(cls, value: Secret) -> Secret:
        if len(value.get_secret_value()) < SHORTEST:
            raise ValueError(f"the secret is too short: at least {SHORTEST} characters (openssl rand -hex 24)")
        return value

    @field_validator("origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            parts = urlsplit(origin)
            if parts.scheme not in {"https", "http"} or origin != f"{parts.scheme}://{parts.netloc}" or "*" in origin:
                raise ValueError(f"{origin!r} is no origin, such as https://www.example.com with nothing behind it")
        return value

    @model_validator(mode="after")
    def _public_ones_only_order(self) -> ApiToken:
        if self.origins and self.may != (Permission.CALLBACK,):
            raise ValueError("a page shows its token to everybody: with origins it may do callback and nothing else")
        return self
