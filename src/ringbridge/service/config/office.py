"""The office's configuration: one model for the file, the database, the page and the documentation.

Every field's description is its help text. Secrets are `Secret`: they print as stars and are stored sealed.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from datetime import date, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers
import tomli_w
from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from ringbridge.crm.bitrix24.settings import RecordingMode
from ringbridge.service.config.api import ApiToken
from ringbridge.service.config.backup import BackupConfig
from ringbridge.service.config.dialing import DialingConfig, EventsBy
from ringbridge.service.config.distribution import Dialled, DistributionConfig
from ringbridge.service.config.hooks import HooksConfig
from ringbridge.service.config.parts import NAME_HELP, Name, Part, Secret
from ringbridge.service.config.portal import Portal
from ringbridge.service.config.report import ReportConfig
from ringbridge.service.config.rules import HoursConfig, RuleRow
from ringbridge.service.config.trunk import OurNumber, Trunk
from ringbridge.telephony.numbers import comparable


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
    mp3: bool = Field(False, description="Send recordings as mp3, where ffmpeg, lame or sox is installed to make them.")
    cdr: Path | None = Field(
        None, description="Its CDR file (Master.csv): calls that came while we were away are taken from there."
    )
    cel: Path | None = Field(
        None, description="Its CEL file (cel-custom/Master.csv): it tells transfers and pickups in those calls too."
    )
    timezone: str | None = Field(
        None,
        description="Its clock's time zone, in which those files and the folders of recordings are written; by default "
        "the office's. UTC where cdr.conf has usegmtime=yes.",
    )
    trace_hours: float = Field(
        2,
        ge=0,
        le=72,
        description="How long what it says is kept in memory, so that a call that was told wrongly can be downloaded "
        "from its page for a report; 0 keeps nothing. At most 16 MB.",
    )

    @field_validator("timezone")
    @classmethod
    def _timezone(cls, value: str | None) -> str | None:
        return value if value is None else _known_zone(value)


class Employee(Part):
    name: str = Field(min_length=1, description="For people: it stands on the page and in no CRM.")
    extensions: tuple[str, ...] = Field((), description="Their phones on the PBX.")
    mobiles: tuple[str, ...] = Field((), description="Outside numbers that ring them.")
    email: str = Field("", description="By it, or else by the name, a CRM's user is suggested for this employee.")
    users: dict[str, str] = Field(
        default_factory=dict, description="Their user id at each portal; what is missing is found by the extension."
    )
    deputy: str = Field(
        "",
        json_schema_extra={"suggests": "phones"},
        description="Who stands in for them: an extension of another employee.",
    )
    group: Dialled = Field("", description="Ring group or queue that stands in for them.")
    absent_from: date | None = Field(None, description="First day of an absence: no call is put through to them.")
    absent_until: date | None = Field(None, description="Its last day.")

    @model_validator(mode="after")
    def _plausible(self) -> Employee:
        if self.deputy and self.deputy in self.extensions:
            raise ValueError(f"employee {self.name} would stand in for themselves: name another one's extension")
        if self.absent_from and self.absent_until and self.absent_until < self.absent_from:
            raise ValueError(f"employee {self.name}: absent_until is before absent_from")
        return self


class Office(Part):
    region: str = Field("RU", description="Country by which local numbers are read (ISO 3166: RU, KZ, DE).")
    timezone: str = Field("Europe/Moscow", description="The office's time zone, for people (Europe/Moscow).")
    public_address: str | None = Field(
        None, description="How a portal reaches this server from outside: https://calls.example.com"
    )
    keep_calls_days: int = Field(
        0,
        ge=0,
        description="After so many days calls are forgotten, with their stories and what was sent to the CRMs for "
        "them; 0 keeps them for ever. Sums in the analytics stay.",
    )
    pbx: tuple[Pbx, ...] = Field((), description="The PBXs.")
    trunk: tuple[Trunk, ...] = Field((), description="The trunks: by them clients come and are called.")
    number: tuple[OurNumber, ...] = Field(
        (), description="Our numbers, where one has a name, a line or an advertisement of its own."
    )
    portal: tuple[Portal, ...] = Field((), description="The CRMs.")
    employee: tuple[Employee, ...] = Field((), description="Who is behind which phone.")
    dialing: DialingConfig = Field(DialingConfig(), description="How a call is made that somebody asks for.")
    hours: HoursConfig = Field(HoursConfig(), description="Working hours.")
    distribution: DistributionConfig = Field(
        DistributionConfig(), description="Whom incoming calls are put through to."
    )
    rule: tuple[RuleRow, ...] = Field((), description="The rules, first match wins.")
    hooks: HooksConfig = Field(HooksConfig(), description="The office's own code.")
    report: ReportConfig = Field(ReportConfig(), description="The report of each week by e-mail.")
    backup: BackupConfig = Field(BackupConfig(), description="When a backup is made, and where it goes.")
    api_token: tuple[ApiToken, ...] = Field((), description="Who may ask for calls by our interface.")

    @field_validator("region")
    @classmethod
    def _region(cls, value: str) -> str:
        if value not in phonenumbers.SUPPORTED_REGIONS:
            raise ValueError(f"{value!r} is no country code of two capital letters, such as RU")
        return value

    @field_validator("timezone")
    @classmethod
    def _timezone(cls, value: str) -> str:
        return _known_zone(value)

    @model_validator(mode="after")
    def _known_numbers(self) -> Office:
        _unique("number", [comparable(one.number, self.region) for one in self.number])
        trunks = {trunk.name for trunk in self.trunk}
        for one in self.number:
            if one.trunk and one.trunk not in trunks:
                raise ValueError(f"number {one.number}: no trunk is named {one.trunk}")
        return self

    @model_validator(mode="after")
    def _consistent(self) -> Office:
        named = (("pbx", self.pbx), ("trunk", self.trunk), ("portal", self.portal), ("api_token", self.api_token))
        for what, parts in named:
            _unique(what, [part.name for part in parts])
        _unique("employee extension", [phone for employee in self.employee for phone in employee.extensions])
        if self.dialing.pbx and self.dialing.pbx not in {pbx.name for pbx in self.pbx}:
            raise ValueError(f"dialing: no pbx is named {self.dialing.pbx}")
        known = {portal.name for portal in self.portal}
        phones = {phone for employee in self.employee for phone in employee.extensions}
        for employee in self.employee:
            if employee.deputy and employee.deputy not in phones:
                raise ValueError(
                    f"employee {employee.name}: the deputy's extension {employee.deputy} stands with no employee"
                )
            if unknown := set(employee.users) - known:
                raise ValueError(f"employee {employee.name}: no portal is named {', '.join(sorted(unknown))}")
        for portal in self.portal:
            if portal.events is EventsBy.ONLINE and not self.public_address:
                raise ValueError(f"portal {portal.name}: events that are posted to us need public_address")
            if portal.kind == "bitrix24" and portal.recordings is RecordingMode.LINK and not self.public_address:
                raise ValueError(f"portal {portal.name}: recordings by link need public_address")
        return self

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def zone_of(self, pbx: Pbx) -> ZoneInfo:
        return ZoneInfo(pbx.timezone or self.timezone)


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"{name!r} is no time zone, such as Europe/Moscow") from error
    return name


def _unique(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{what} {name} stands twice")
        seen.add(name)


# The file


def read_office(path: Path) -> Office:
    """Raises `ConfigError`."""
    return office_of(document_in(path), str(path))


def document_in(path: Path) -> dict[str, Any]:
    """Not looked at yet. Raises `ConfigError`."""
    try:
        text = path.read_text(encoding="utf-8-sig")  # Windows' editors write a mark before it
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not in UTF-8: save it so (line {_line(path, error.start)})") from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error


def _line(path: Path, byte: int) -> int:
    return path.read_bytes().count(b"\n", 0, byte) + 1


def office_of(document: dict[str, Any], origin: str = "configuration") -> Office:
    """Raises `ConfigError`, with a line for each mistake."""
    try:
        return Office.model_validate(document)
    except ValidationError as error:
        told = (_mistake(each) for each in _judged(error))
        raise ConfigError("\n".join(f"{origin}: {line}" for line in told)) from error


SECRETS = frozenset(
    {"secret", "secrets", "webhook", "client_secret", "access_token", "refresh_token", "application_token", "token"}
)


WORDS = {
    "extra_forbidden": "no such setting",
    "missing": "is missing",
    "tuple_type": 'write a list: ["101", "102"]',
    "string_type": "write a text in quotes",
    "bool_type": "write true or false",
    "bool_parsing": "write true or false",
    "int_parsing": "write a whole number",
    "int_type": "write a whole number",
    "float_parsing": "write a number",
    "model_type": "write a table with settings of its own",
}


def _of_the_other_kind(error: dict[str, Any]) -> bool:
    """A table where true would do as well is judged as a table only."""
    return error["loc"][-1:] == ("bool",) and isinstance(error["input"], dict)


def _judged(error: ValidationError) -> list[dict[str, Any]]:
    return [each for each in error.errors() if not _of_the_other_kind(each)]  # type: ignore[arg-type,misc]


def mistakes_of(error: ValidationError) -> list[tuple[tuple[str | int, ...], str]]:
    """Each with its place in the office, and what is wrong in words."""
    return [(tuple(step for step in each["loc"] if step not in OF_UNIONS), _words(each)) for each in _judged(error)]


def _words(error: dict[str, Any]) -> str:
    words: str = WORDS.get(error["type"], error["msg"].removeprefix("Value error, "))
    return words


OF_UNIONS = frozenset({"TaskConfig", "CallbackConfig", "bool"})


def _mistake(error: dict[str, Any]) -> str:
    place = ""
    for step in error["loc"]:
        if step not in OF_UNIONS:
            place += f"[{step + 1}]" if isinstance(step, int) else f".{step}" if place else str(step)
    words = _words(error)
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
