"""The part of the configuration that says by which trunks and numbers clients come, and what that says of them."""

from __future__ import annotations

from pydantic import Field, field_validator

from ringbridge.service.config.distribution import NewClientsConfig
from ringbridge.service.config.parts import Part
from ringbridge.service.config.rules import HoursConfig

AUTO_CREATE = "The CRM makes a client when an employee calls an unknown number by it."


class LeadConfig(Part):
    source: str = Field(
        "",
        json_schema_extra={"suggests": "sources"},
        description="Source of a client or deal that is made: its id at Bitrix24; amoCRM gets one of this name.",
    )
    pipeline: str = Field(
        "", json_schema_extra={"suggests": "pipelines"}, description="Pipeline of the deal (its id in the CRM)."
    )
    stage: str = Field(
        "", json_schema_extra={"suggests": "stages"}, description="Stage of the lead or deal (its id in the CRM)."
    )
    tags: tuple[str, ...] = Field((), description="Tags of what is made, where the CRM has tags.")


class Trunk(Part):
    name: str = Field(min_length=1, description="The trunk's endpoint name, as in the channel names: PJSIP/NAME-…")
    line: str | None = Field(None, description="What the CRM calls this line; without it, the number that was called.")
    title: str = Field("", description="Name of the line in the CRM, for people.")
    auto_create: bool = Field(True, description=AUTO_CREATE)
    source: str = Field(
        "", description="What brings the calls of this trunk, such as an advertisement: analytics count by it."
    )
    lead: LeadConfig = Field(
        LeadConfig(), description="What the CRM is told of new clients of this trunk, where no rule says otherwise."
    )
    numbers: tuple[str, ...] = Field(
        (), description="Our numbers on this trunk: a CRM line of such a name is dialled by it as well."
    )
    dial_prefix: str = Field(
        "",
        pattern=r"^[0-9*#]*$",
        description="Dialled before a client's number: the call leaves by this trunk.",
    )
    dial_context: str = Field("", description="Context of the dialplan from which calls leave by this trunk.")
    dial_variables: dict[str, str] = Field(
        default_factory=dict, description="Channel variables by which the dialplan chooses this trunk."
    )
    hours: HoursConfig | None = Field(None, description="When incoming calls of this trunk are distributed.")
    new_clients: NewClientsConfig = Field(
        NewClientsConfig(), description="Who rings when a number calls by this trunk that nobody knows."
    )


class OurNumber(Part):
    """One number of ours that clients call: what it says goes before what the trunk says."""

    number: str = Field(description="The number that clients call, in whichever spelling.")
    title: str = Field("", description="Name of its line in the CRM, for people.")
    line: str = Field(
        "", description="What the CRM calls its line; the number itself, if it has a title only, else as its trunk's."
    )
    trunk: str = Field(
        "",
        json_schema_extra={"suggests": "trunks"},
        description="By which trunk an employee's call leaves who chooses this line in the CRM.",
    )
    auto_create: bool = Field(True, description=AUTO_CREATE)
    source: str = Field("", description="What brings the calls to it, such as an advertisement: analytics count by it.")
    lead: LeadConfig = Field(
        LeadConfig(), description="What the CRM is told of new clients of this number, where no rule says otherwise."
    )

    @property
    def own_line(self) -> str:
        """Empty: it has none, its calls are of its trunk's line."""
        return self.line or (self.number if self.title else "")

    @field_validator("number")
    @classmethod
    def _has_digits(cls, value: str) -> str:
        if not any(sign.isdecimal() for sign in value):
            raise ValueError(f"{value!r} is no number: it has no digits")
        return value
