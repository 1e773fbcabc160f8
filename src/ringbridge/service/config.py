"""The office's configuration: one model for the file, the database, the page and the documentation.

Every field's description is its help text. Secrets are `Secret`: they print as stars and are stored sealed.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from datetime import date, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers
import tomli_w
from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from ringbridge.crm.bitrix24.auth import Webhook
from ringbridge.crm.bitrix24.settings import RecordingMode
from ringbridge.routing.hours import WorkingHours
from ringbridge.routing.office import Transfers
from ringbridge.routing.rules import (
    Answers,
    Attach,
    ClientKnown,
    Create,
    Hours,
    Responsible,
    Rule,
    Spread,
    SpreadList,
    TaskPlan,
)
from ringbridge.routing.templates import check
from ringbridge.service.dial_config import DialingConfig, EventsBy, Part
from ringbridge.telephony.model import Direction, Disposition
from ringbridge.telephony.numbers import parse_number

Secret = SecretStr
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
Template = Annotated[str, AfterValidator(check)]
NAME_HELP = "small Latin letters, digits, - and _; it becomes part of every call's id, so choose once"


class ConfigError(Exception):
    """A configuration that cannot be used. The text has a line for each mistake: where, what, and what to do."""


class RecordingFolderConfig(Part):
    pbx: str = Field("/var/spool/asterisk/monitor", description="The folder as the PBX names it.")
    here: str | None = Field(None, description="The same folder on this machine, where it is mounted elsewhere.")


class Pbx(Part):
    name: Name = Field(description=f"Your name for this PBX: {NAME_HELP}.")
    host: str = Field("127.0.0.1", description="Where its manager interface (AMI) listens.")
    port: int = Field(5038, ge=1, le=65535, description="AMI's port; 5039 is usual with TLS.")
    tls: bool = Field(False, description="Speak TLS to it.")
    tls_ca: Path | None = Field(None, description="PEM file with the PBX's certificate, if it signed its own.")
    tls_verify: bool = Field(True, description="Check its certificate.")
    username: str = Field(description="The manager user, from manager.conf.")
    secret: Secret = Field(description="Its secret.")
    recordings: tuple[RecordingFolderConfig, ...] = Field(
        (RecordingFolderConfig(),), description="Folders in which this PBX writes recordings."
    )
    cdr: Path | None = Field(
        None, description="Its CDR file (Master.csv): calls that came while we were away are taken from there."
    )


class Trunk(Part):
    name: str = Field(min_length=1, description="The trunk's endpoint name, as in the channel names: PJSIP/NAME-…")
    line: str | None = Field(None, description="What the CRM calls this line; without it, the number that was called.")
    title: str = Field("", description="Name of the line in the CRM, for people.")
    auto_create: bool = Field(
        True, description="The CRM makes a client when an employee calls an unknown number by it."
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


class BitrixOAuth(Part):
    client_id: str = Field(description="Of the local application, as its page shows it (local.….…).")
    client_secret: Secret = Field(description="Of the local application.")
    access_token: Secret = Field(Secret(""), description="The first token pair; renewed by itself from then on.")
    refresh_token: Secret = Field(
        Secret(""), description="The first refresh token; it opens once. Without it the installation brings the tokens."
    )
    endpoint: str = Field("", description="client_endpoint: https://your-portal/rest/")
    server: str = Field("", description="server_endpoint, where the portal told one.")
    member_id: str = Field("", description="The portal's member_id.")
    application_token: Secret = Field(
        Secret(""),
        description="By which the portal's events show that they are its. The installation brings it; else enter it.",
    )
    authorization_server: str | None = Field(None, description="Another authorization server than Bitrix24's own two.")


class Portal(Part):
    name: Name = Field(description=f"Your name for this portal: {NAME_HELP}.")
    kind: Literal["bitrix24"] = Field("bitrix24", description="Which CRM it is.")
    webhook: Secret | None = Field(None, description="Address of an incoming webhook: https://portal/rest/1/secret/")
    oauth: BitrixOAuth | None = Field(None, description="A local application's keys, instead of a webhook.")
    default_user: str = Field(description="Id of the CRM user who stands for a phone that nobody is named for.")
    transfers: Transfers = Field(
        Transfers.EACH, description="each: a record for everybody who spoke; single: one record, on who spoke last."
    )
    recordings: RecordingMode = Field(
        RecordingMode.UPLOAD, description="upload: we send the file; link: the portal fetches it from public_address."
    )
    largest_upload_mb: int = Field(100, ge=1, le=2000, description="Larger recordings are linked instead of sent.")
    add_to_chat: bool = Field(True, description="A message about each call in the employee's chat.")
    repeat_deals: bool = Field(
        False, description="A known client without an open deal gets a new one, where the rules make deals."
    )
    lines: bool = Field(True, description="Keep the portal's external lines equal to the trunks (application only).")
    allow_http: bool = Field(False, description="Allow a portal at plain http (closed networks).")
    allow_private: bool = Field(False, description="Allow a portal at a private address (closed networks).")
    ca_file: Path | None = Field(None, description="PEM file of the authority that signed the portal's certificate.")
    requests_per_second: float = Field(2.0, gt=0, le=50, description="The portal's quota: 2, Enterprise 5.")
    burst: int = Field(40, ge=1, le=250, description="How many requests it takes at once: 40 of 50, Enterprise 240.")
    request_limit: float = Field(60.0, gt=0, description="Seconds the portal may work on one request at most.")
    events: EventsBy = Field(
        EventsBy.AUTO,
        description="How clicks on numbers come: online (posted to public_address), offline (fetched every few "
        "seconds), auto (online with an https public_address), off.",
    )

    @field_validator("webhook")
    @classmethod
    def _webhook(cls, value: Secret | None) -> Secret | None:
        if value is not None:
            Webhook.parse(value.get_secret_value())
        return value

    @model_validator(mode="after")
    def _one_key(self) -> Portal:
        if (self.webhook is None) == (self.oauth is None):
            raise ValueError("give either webhook or oauth, one of the two")
        return self


class Employee(Part):
    name: str = Field(min_length=1, description="For people: it stands on the page and in no CRM.")
    extensions: tuple[str, ...] = Field((), description="Their phones on the PBX.")
    mobiles: tuple[str, ...] = Field((), description="Outside numbers that ring them.")
    users: dict[str, str] = Field(
        default_factory=dict, description="Their user id at each portal; what is missing is found by the extension."
    )


class SpreadConfig(Part):
    extensions: tuple[str, ...] = Field(min_length=1, description="The employees among whom it is dealt, by a phone.")
    how: Spread = Field(Spread.ROUND_ROBIN, description="round_robin, random, or least_loaded: who got fewest today.")


class TaskConfig(Part):
    title: Template = Field(TaskPlan().title, description="Title of the task.")
    text: Template = Field(TaskPlan().text, description="Text of the task.")
    within_minutes: int = Field(60, ge=1, le=60 * 24 * 30, description="Deadline, in minutes of working time.")


class RuleRow(Part):
    name: str = Field(min_length=1, description="For people: the call's story names the row that decided.")
    direction: Literal["inbound", "outbound"] | None = Field(None, description="Only calls of this direction.")
    results: tuple[Disposition, ...] = Field((), description="Only calls that ended so.")
    trunks: tuple[str, ...] = Field((), description="Only calls by these trunks, or to these numbers of ours.")
    extensions: tuple[str, ...] = Field((), description="Only calls in which one of these phones had a part.")
    queues: tuple[str, ...] = Field((), description="Only calls that waited in one of these queues or groups.")
    numbers: tuple[str, ...] = Field((), description="Only calls with these clients' numbers.")
    client: ClientKnown | None = Field(None, description="known or unknown to the CRM; costs a request per call.")
    hours: Hours | None = Field(None, description="working or outside: when the call came, see [hours].")
    register_call: bool | None = Field(
        None, alias="register", description="Whether the CRM is told of the call at all."
    )
    create: Create | None = Field(
        None, description="What to make of an unknown number: nothing, client (as the CRM does it), lead, contact, …"
    )
    source: str | None = Field(None, description="Source of a client that is made (its id in the CRM).")
    title: Template | None = Field(None, description="Title of a lead or deal that is made.")
    pipeline: str | None = Field(None, description="Pipeline of a deal that is made (its id in the CRM).")
    stage: str | None = Field(None, description="Stage of a lead or deal that is made (its id in the CRM).")
    tags: tuple[str, ...] | None = Field(None, description="Tags of what is made, where the CRM has tags.")
    attach: Attach | None = Field(
        None, description="Of several clients with one number: first, or speakers (the one whose owner speaks)."
    )
    recording: bool | None = Field(None, description="Hand the recording to the CRM.")
    new_to: tuple[Responsible, ...] | None = Field(
        None, description="Whose a new client is, tried in this order: speaker, last_rung, first_rung, default."
    )
    missed_to: tuple[Responsible, ...] | None = Field(
        None,
        description="Whose a missed call is, tried in order: client_owner, last_rung, first_rung, spread, default.",
    )
    spread: SpreadConfig | None = Field(None, description='The list that missed_to = ["spread"] deals over.')
    task: TaskConfig | bool | None = Field(None, description="A task for a missed call: true, or its texts.")
    activity: Template | None = Field(None, description="Text that completes the CRM's activity when the call ended.")

    def rule(self, region: str) -> Rule:
        return Rule(
            name=self.name,
            answers=Answers(
                register=self.register_call,
                create=self.create,
                source=self.source,
                title=self.title,
                pipeline=self.pipeline,
                stage=self.stage,
                tags=self.tags,
                attach=self.attach,
                recording=self.recording,
                new_to=self.new_to,
                missed_to=self.missed_to,
                spread=SpreadList(extensions=self.spread.extensions, how=self.spread.how) if self.spread else None,
                task=_plan(self.task),
                activity=self.activity,
            ),
            direction=Direction(self.direction) if self.direction else None,
            results=frozenset(self.results),
            trunks=frozenset(self.trunks),
            extensions=frozenset(self.extensions),
            queues=frozenset(self.queues),
            numbers=frozenset(_e164(number, region) for number in self.numbers),
            client=self.client,
            hours=self.hours,
        )


def _plan(task: TaskConfig | bool | None) -> TaskPlan | bool | None:
    if not isinstance(task, TaskConfig):
        return task
    return TaskPlan(title=task.title, text=task.text, within=timedelta(minutes=task.within_minutes))


class HoursConfig(Part):
    opens: time = Field(time(9), description="When the office opens.")
    closes: time = Field(time(18), description="When it closes; earlier than opens: after midnight.")
    days: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = Field(
        ("mon", "tue", "wed", "thu", "fri"), description="On which days."
    )
    holidays: tuple[date, ...] = Field((), description="Days on which it stays closed.")

    def hours(self, zone: ZoneInfo) -> WorkingHours:
        days = frozenset(WEEK.index(day) for day in self.days)
        return WorkingHours(
            opens=self.opens, closes=self.closes, days=days, holidays=frozenset(self.holidays), zone=zone
        )


WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _e164(number: str, region: str) -> str:
    parsed = parse_number(number, region)
    return str(parsed) if parsed else number


class Office(Part):
    region: str = Field("RU", description="Country by which local numbers are read (ISO 3166: RU, KZ, DE).")
    timezone: str = Field("Europe/Moscow", description="The office's time zone, for people (Europe/Moscow).")
    public_address: str | None = Field(
        None, description="How a portal reaches this server from outside: https://calls.example.com"
    )
    pbx: tuple[Pbx, ...] = Field((), description="The PBXs.")
    trunk: tuple[Trunk, ...] = Field((), description="The trunks: by them clients come and are called.")
    portal: tuple[Portal, ...] = Field((), description="The CRMs.")
    employee: tuple[Employee, ...] = Field((), description="Who is behind which phone.")
    dialing: DialingConfig = Field(DialingConfig(), description="How a call is made that somebody asks for.")
    hours: HoursConfig = Field(HoursConfig(), description="Working hours.")
    rule: tuple[RuleRow, ...] = Field((), description="The rules, first match wins.")

    @field_validator("region")
    @classmethod
    def _region(cls, value: str) -> str:
        if value not in phonenumbers.SUPPORTED_REGIONS:
            raise ValueError(f"{value!r} is no country code of two capital letters, such as RU")
        return value

    @field_validator("timezone")
    @classmethod
    def _timezone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"{value!r} is no time zone, such as Europe/Moscow") from error
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Office:
        for what, parts in (("pbx", self.pbx), ("trunk", self.trunk), ("portal", self.portal)):
            _unique(what, [part.name for part in parts])
        _unique("employee extension", [phone for employee in self.employee for phone in employee.extensions])
        if self.dialing.pbx and self.dialing.pbx not in {pbx.name for pbx in self.pbx}:
            raise ValueError(f"dialing: no pbx is named {self.dialing.pbx}")
        known = {portal.name for portal in self.portal}
        for employee in self.employee:
            if unknown := set(employee.users) - known:
                raise ValueError(f"employee {employee.name}: no portal is named {', '.join(sorted(unknown))}")
        for portal in self.portal:
            if portal.events is EventsBy.ONLINE and not self.public_address:
                raise ValueError(f"portal {portal.name}: events that are posted to us need public_address")
            if portal.recordings is RecordingMode.LINK and not self.public_address:
                raise ValueError(f"portal {portal.name}: recordings by link need public_address")
        return self

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


def _unique(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{what} {name} stands twice")
        seen.add(name)


# The file


def read_office(path: Path) -> Office:
    """Raises `ConfigError`."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error
    return office_of(document, str(path))


def office_of(document: dict[str, Any], origin: str = "configuration") -> Office:
    """Raises `ConfigError`, with a line for each mistake."""
    try:
        return Office.model_validate(document)
    except ValidationError as error:
        lines = [f"{origin}: {_mistake(each)}" for each in error.errors()]  # type: ignore[arg-type]
        raise ConfigError("\n".join(lines)) from error


SECRETS = frozenset({"secret", "webhook", "client_secret", "access_token", "refresh_token", "application_token"})


def _mistake(error: dict[str, Any]) -> str:
    place = ""
    for step in error["loc"]:
        place += f"[{step + 1}]" if isinstance(step, int) else f".{step}" if place else str(step)
    words = {
        "extra_forbidden": "no such setting",
        "missing": "is missing",
    }.get(error["type"], error["msg"].removeprefix("Value error, "))
    secret = any(part in SECRETS for part in error["loc"])
    given = "" if secret or error["type"] in {"missing", "value_error"} else f" (given: {str(error['input'])[:60]!r})"
    return f"{place or 'the office'}: {words}{given}"


def document_of(office: Office, *, secrets: bool = True) -> dict[str, Any]:
    """The office as plain values, what is at its default left out; the same office comes of it again."""
    return _plain(office.model_dump(by_alias=True, exclude_defaults=True), secrets=secrets)  # type: ignore[no-any-return]


def _plain(value: Any, *, secrets: bool) -> Any:
    match value:
        case SecretStr():
            return value.get_secret_value() if secrets else str(value)
        case dict():
            return {key: _plain(each, secrets=secrets) for key, each in value.items() if each is not None}
        case list() | tuple():
            return [_plain(each, secrets=secrets) for each in value]
        case Path():
            return str(value)
        case date() | time():
            return value.isoformat()
    return value


def write_office(office: Office, *, secrets: bool = True) -> str:
    """TOML."""
    return tomli_w.dumps(document_of(office, secrets=secrets))
