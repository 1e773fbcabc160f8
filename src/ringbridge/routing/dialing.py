"""What is dialled when somebody asks for a call, or why it is not. Pure.

A click in a CRM, an order from a web form, a request from our page: each is a `DialRequest`. The employee's phone rings
first; when it is answered, the PBX's own dialplan calls the client. Because anyone may fill in a web form, and a stolen
password opens a CRM, each request passes the guards of the office's `DialPlan` before anything rings.

Source: Asterisk documentation, action Originate; FreePBX keeps the extension of a call whose caller id is the client's
by the variables REALCALLERIDNUM and AMPUSER (seen on FreePBX 15 and 17).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

import phonenumbers

from ringbridge.ami.message import Action, ActionId, Headers
from ringbridge.routing.intents import PortalId, UserId
from ringbridge.routing.office import Portal, phone_key
from ringbridge.routing.results import CallStatus
from ringbridge.telephony.numbers import INTERNAL_LENGTH, is_internal, parse_number

TOO_OLD = timedelta(seconds=60)
"""Whoever clicked a minute ago is not waiting at the phone any more."""

SAME_CLICK = timedelta(seconds=5)
MINUTE = timedelta(minutes=1)
SAME_ORDER = timedelta(minutes=5)
"""A form that is sent twice, or by a machine, rings the office once."""


class DialKind(StrEnum):
    CLICK = "click"  # an employee clicked a number
    CALLBACK = "callback"  # a client ordered a call


class Spelling(StrEnum):
    """How the dialplan wants an outside number."""

    DIGITS = "digits"  # 79125551122
    PLUS = "plus"  # +79125551122
    NATIONAL = "national"  # 89125551122; abroad as 00… or the country's own prefix


@dataclass(frozen=True, slots=True, kw_only=True)
class DialRequest:
    """Somebody wants to speak with this number. `source` names the request where it came from: the same one may
    arrive twice and is carried out once."""

    portal: PortalId
    source: str
    number: str  # as it was written, with or without an extension behind it
    at: datetime  # when it was asked for
    kind: DialKind = DialKind.CLICK
    user: UserId | None = None  # who asked; nobody for a client's order
    to: str = ""  # extension, group or queue that rings first; empty: the usual one
    line: str = ""  # by which of the company's lines the client shall be called; empty: the usual way
    crm_call_id: str | None = None  # the CRM's id of the call, where it has registered it already
    entity: tuple[str, str] | None = None  # (kind, id) of the client, where the CRM told
    note: str = ""  # for people: what the form said
    order: str = ""  # id of the client's order of which this is an attempt

    @property
    def caller(self) -> str:
        """By whom requests are counted: an employee, a group, or all clients together."""
        return self.user or (self.to if self.kind is DialKind.CLICK else "") or self.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """A request that was accepted before."""

    number: str  # as `phone_key` has it
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LinePlan:
    """How a call is made to leave by one line."""

    prefix: str = ""  # before the number
    context: str = ""  # of the dialplan, in place of the usual one
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DialPlan:
    """The office's settings. Templates know ``{extension}``, ``{number}`` and ``{context}``."""

    channel: str = "PJSIP/{extension}"  # rings an employee's phone
    outside_channel: str = "Local/{extension}@{context}/n"  # rings an employee's mobile, or a group
    context: str = "from-internal"
    ring: timedelta = timedelta(seconds=30)
    caller_id: str = "{number}"  # what the ringing phone shows
    variables: Mapping[str, str] = field(default_factory=dict)
    auto_answer: str = ""  # a SIP header by which the phone answers by itself: ``Call-Info: ;answer-after=0``
    spelling: Spelling = Spelling.DIGITS
    lines: Mapping[str, LinePlan] = field(default_factory=dict)  # by every name a line has
    callback_to: str = ""  # extension, ring group or queue that client's orders ring
    retries: tuple[timedelta, ...] = ()  # pauses after which a client's order is dialled again
    at_once: int = 3  # client's orders that waited are dialled so many at the same time
    allowed: tuple[str, ...] = ()  # beginnings of numbers that always may be dialled
    denied: tuple[str, ...] = ()
    countries: frozenset[str] = frozenset()  # empty: all
    callback_countries: frozenset[str] = frozenset()
    per_minute: int = 10  # calls one employee may ask for
    working_hours_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Nothing is dialled. The reason is for people and holds no number."""

    status: CallStatus
    reason: str
    told: bool = True  # False: a client's order that the CRM need not see


@dataclass(frozen=True, slots=True, kw_only=True)
class Originate:
    """A phone to ring, and what to dial when it is answered."""

    channel: str
    extension: str  # whose phone rings
    context: str
    exten: str
    caller_id: str
    ring: timedelta
    priority: str = "1"  # of the dialplan, at which `exten` begins
    variables: tuple[tuple[str, str], ...] = ()

    def action(self, dial: str) -> Action:
        """The AMI action. `dial` names the channel and the action, so that the call is known for the one that was
        asked for whatever becomes of it."""
        _, other = channels_of(dial)
        halves = (("OtherChannelId", other),) if self.channel.startswith("Local/") else ()
        headers: Headers = (
            ("Channel", self.channel),
            ("Context", self.context),
            ("Exten", self.exten),
            ("Priority", self.priority),
            ("CallerID", self.caller_id),
            ("Timeout", str(int(self.ring.total_seconds() * 1000))),
            ("Async", "true"),
            ("ChannelId", dial),
            *halves,
            *(("Variable", f"{name}={value}") for name, value in self.variables),
        )
        return Action(name="Originate", headers=headers, action_id=ActionId(dial))


def channels_of(dial: str) -> tuple[str, str]:
    """Uniqueids of the channels that a dial makes: its own, and the other half where it is a Local one."""
    return dial, f"{dial}-2"


def planned(
    request: DialRequest, plan: DialPlan, portal: Portal, earlier: Sequence[Earlier], now: datetime
) -> Originate | Refusal:
    """What to do about a request. `earlier`: the same caller's accepted requests of the last minutes."""
    number = dialled_as(request.number, plan, portal)
    if isinstance(number, Refusal):
        return number
    return (
        too_late(request, now)
        or after_hours(plan, portal, now)
        or too_often(request, plan, portal, earlier)
        or not_allowed(request, plan, portal)
        or originate(request, plan, portal, number)
    )


def dialled_as(given: str, plan: DialPlan, portal: Portal) -> str | Refusal:
    """The number as the dialplan wants it; nothing but digits and a plus ever gets there."""
    number = parse_number(given, portal.region)
    if number is None or not number.digits:
        return Refusal(status=CallStatus.WRONG_NUMBER, reason="There is no number to dial.")
    if number.e164:
        return spelled(number.e164, plan.spelling, portal.region)
    if len(number.digits) > INTERNAL_LENGTH and is_plain(number.given):
        return number.digits  # a number of no known form: the guards decide
    if is_internal(number.given) and portal.staff.user_of(number.given):
        return number.given
    if begins(number.digits, plan.allowed):
        return number.digits
    return Refusal(status=CallStatus.WRONG_NUMBER, reason="This is no complete telephone number.")


def is_plain(given: str) -> bool:
    return all(sign.isdigit() or sign in "+-() ." for sign in given)


def spelled(e164: str, spelling: Spelling, region: str) -> str:
    match spelling:
        case Spelling.PLUS:
            return e164
        case Spelling.DIGITS:
            return e164[1:]
        case Spelling.NATIONAL:
            parsed = phonenumbers.parse(e164)
            text = phonenumbers.format_out_of_country_calling_number(parsed, region)
            return str(phonenumbers.normalize_digits_only(text))


# Guards


def too_late(request: DialRequest, now: datetime) -> Refusal | None:
    age = now - request.at
    if age <= TOO_OLD:
        return None
    seconds = int(age.total_seconds())
    return Refusal(
        status=CallStatus.CANCELLED,
        reason=f"Not dialled: it was asked for {seconds} seconds ago (or the clocks differ by so much).",
    )


def after_hours(plan: DialPlan, portal: Portal, now: datetime) -> Refusal | None:
    if not plan.working_hours_only or portal.hours.open_at(now):
        return None
    return Refusal(status=CallStatus.FORBIDDEN, reason="Not dialled: calls are made in working hours only.")


def too_often(request: DialRequest, plan: DialPlan, portal: Portal, earlier: Iterable[Earlier]) -> Refusal | None:
    """An order's later attempts pass: they are as many as the plan says, and the order itself was counted."""
    if request.order:
        return None
    key = phone_key(request.number, portal.region)
    same = SAME_ORDER if request.kind is DialKind.CALLBACK else SAME_CLICK
    if any(one.number == key and abs(request.at - one.at) < same for one in earlier):
        reason = "Not dialled: the same number was asked for a moment ago."
        return Refusal(status=CallStatus.CANCELLED, reason=reason, told=False)
    within_minute = sum(abs(request.at - one.at) < MINUTE for one in earlier)
    return too_many(plan) if within_minute >= plan.per_minute else None


def too_many(plan: DialPlan) -> Refusal:
    reason = f"Not dialled: more than {plan.per_minute} calls were asked for within a minute."
    return Refusal(status=CallStatus.FORBIDDEN, reason=reason, told=False)


def not_allowed(request: DialRequest, plan: DialPlan, portal: Portal) -> Refusal | None:
    number = parse_number(request.number, portal.region)
    if number is None or begins(number.digits, plan.allowed):
        return None
    if begins(number.digits, plan.denied):
        return Refusal(status=CallStatus.FORBIDDEN, reason="Not dialled: numbers that begin so are not allowed.")
    countries = plan.callback_countries if request.kind is DialKind.CALLBACK else plan.countries
    if countries and number.e164 and country_of(number.e164) not in countries:
        return Refusal(status=CallStatus.FORBIDDEN, reason="Not dialled: calls to this country are not allowed.")
    if countries and not number.e164 and not is_internal(number.given):
        return Refusal(status=CallStatus.WRONG_NUMBER, reason="This is no complete telephone number.")
    return None


def begins(digits: str, beginnings: Iterable[str]) -> bool:
    return any(digits.startswith(beginning.lstrip("+")) for beginning in beginnings)


def country_of(e164: str) -> str:
    """Two letters; of numbers that belong to no single country an empty text."""
    return phonenumbers.region_code_for_number(phonenumbers.parse(e164)) or ""


# The originate itself


def originate(request: DialRequest, plan: DialPlan, portal: Portal, number: str) -> Originate | Refusal:
    extension = who_is_rung(request, plan, portal)
    if isinstance(extension, Refusal):
        return extension
    line = plan.lines.get(request.line, LinePlan())
    context = line.context or plan.context
    is_phone = request.kind is DialKind.CLICK and request.user is not None and is_internal(extension)
    template = plan.channel if is_phone else plan.outside_channel
    values = {"extension": as_dialled(extension, plan, portal), "number": number, "context": plan.context}
    channel = template.format(**values)
    outside = not is_internal(number)
    variables = {**plan.variables, **line.variables} if outside else dict(plan.variables)
    return Originate(
        channel=channel,
        extension=extension,
        context=context,
        exten=f"{line.prefix}{number}" if outside else number,
        caller_id=plan.caller_id.format(**values),
        ring=plan.ring,
        variables=(
            *((name, value.format(**values)) for name, value in variables.items()),
            *auto_answer(channel, plan.auto_answer),
        ),
    )


def as_dialled(phone: str, plan: DialPlan, portal: Portal) -> str:
    """An employee's mobile is an outside number as any other to the dialplan."""
    number = None if is_internal(phone) else parse_number(phone, portal.region)
    return spelled(number.e164, plan.spelling, portal.region) if number and number.e164 else phone


def who_is_rung(request: DialRequest, plan: DialPlan, portal: Portal) -> str | Refusal:
    """The first phone of the employee who asked, an office phone before a mobile; of a client's order the group."""
    if request.to:
        return request.to if may_ring_first(request.to, plan, portal) else NO_PHONE_OF_OURS
    if request.kind is DialKind.CALLBACK and plan.callback_to:
        return plan.callback_to
    phones = [phone for phone, user in portal.staff.users.items() if user == request.user]
    phone = next((phone for phone in phones if is_internal(phone)), None)
    if phone := phone or next(iter(phones), None):
        return phone
    if request.kind is DialKind.CALLBACK:
        reason = "Nobody is named whom clients' orders ring: set callback_to under [dialing]."
        return Refusal(status=CallStatus.UNAVAILABLE, reason=reason)
    reason = "Not dialled: no phone is known of this employee. Enter their inner number in the portal or here."
    return Refusal(status=CallStatus.FORBIDDEN, reason=reason)


NO_PHONE_OF_OURS = Refusal(
    status=CallStatus.FORBIDDEN,
    reason="Not dialled: what was to ring first is no extension, group or mobile of this office.",
)


def may_ring_first(phone: str, plan: DialPlan, portal: Portal) -> bool:
    """Never an outside number of nobody's: whoever asks would be connected with it at the office's cost."""
    return phone == plan.callback_to or is_internal(phone) or portal.staff.user_of(phone) is not None


def auto_answer(channel: str, header: str) -> Iterable[tuple[str, str]]:
    """The header that makes the phone answer, as each technology is told of it; FreePBX hands Alert-Info through its
    dialplan."""
    name, _, value = header.partition(":")
    name, value = name.strip(), value.strip()
    if not name:
        return
    technology = channel.partition("/")[0].upper()
    if technology == "PJSIP":
        yield f"PJSIP_HEADER(add,{name})", value
    elif technology == "SIP":
        yield "SIPADDHEADER", f"{name}: {value}"
    elif name.lower() == "alert-info":
        yield "__ALERT_INFO", value
