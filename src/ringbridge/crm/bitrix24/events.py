"""What a portal tells us by itself, out of the forms it posts and the rows of its offline queue. Pure.

Source: Bitrix24 REST docs, "Events" (delivery, `auth` block), OnExternalCallStart, OnExternalCallBackStart,
OnAppInstall, OnAppUninstall, ONCRM…ADD, …UPDATE and …DELETE, event.offline.get. A form is PHP's:
``data[CRM_CREATED_ENTITIES][0][ENTITY_ID]=5``; flags come as 1, 0 or nothing, and a key whose value is null is not
there at all.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from ringbridge.crm.bitrix24.telephony import as_map, moment, text
from ringbridge.crm.mirroring import Ref
from ringbridge.routing.intents import UserId

CLICK = "ONEXTERNALCALLSTART"
ORDER = "ONEXTERNALCALLBACKSTART"
INSTALLED = "ONAPPINSTALL"
UNINSTALLED = "ONAPPUNINSTALL"
CHANGES = tuple(
    f"ONCRM{kind}{what}" for kind in ("CONTACT", "COMPANY", "LEAD", "DEAL") for what in ("ADD", "UPDATE", "DELETE")
)
"""Clients and deals that are new, changed or deleted."""

MOST_FIELDS = 500
DEEPEST = 6
LONGEST = 1000  # characters of one value; a client's text in a form may be long

_NAME = re.compile(r"(?P<root>[^\[\]]+)(?P<path>(?:\[[^\[\]]*\])*)")
_CHANGE = re.compile(r"ONCRM(?P<kind>[A-Z]+?)(?P<what>ADD|UPDATE|DELETE)")
_BEGUN = re.compile(r"externalCall\.\w+\.(\d{9,11})")


class NotAnEvent(ValueError):
    """What was posted is none of the portal's events. The text is for the log and holds nothing of its content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """By what an event shows where it comes from."""

    application_token: str = field(repr=False, default="")
    member: str = ""
    access_token: str = field(repr=False, default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Clicked:
    """An employee clicked a number. The portal has registered the call already."""

    call_id: str
    user: UserId
    number: str
    at: datetime
    proof: Proof
    line: str = ""
    extension: str = ""  # what stood behind the number: the client's own inner number
    entity: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """A client left a number in a form and wants to be called. We register the call."""

    source: str
    number: str
    at: datetime
    proof: Proof
    line: str = ""
    text: str = ""
    entity: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """Our application was added. `auth` is the block with its tokens."""

    at: datetime
    proof: Proof
    auth: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Uninstalled:
    at: datetime
    proof: Proof


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A client or a deal is new, was changed or deleted. That is all the portal tells."""

    ref: Ref
    gone: bool
    at: datetime
    proof: Proof


Event = Clicked | Ordered | Installed | Uninstalled | Changed


def form_of(body: bytes) -> dict[str, Any]:
    """A posted form, its brackets nested. Raises `NotAnEvent` for what is none, or too much."""
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise NotAnEvent("no form, or one with too many fields") from error
    return nested(pairs)


def nested(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Of a name that is given twice the last counts; names that are no names are passed over."""
    form: dict[str, Any] = {}
    for name, value in pairs:
        found = _NAME.fullmatch(name)
        if found is None:
            continue
        path = [found["root"], *re.findall(r"\[([^\[\]]*)\]", found["path"])]
        if len(path) > DEEPEST:
            continue
        here = form
        for step in path[:-1]:
            below = here.get(step)
            if not isinstance(below, dict):
                below = here[step] = {}
            here = below
        here[path[-1] or str(len(here))] = value[:LONGEST]
    return form


def event_in(form: Mapping[str, Any]) -> Event | None:
    """The event in a posted form; None for one of a kind we do not ask for. Raises `NotAnEvent`."""
    name, stamp, auth = text(form.get("event")).upper(), text(form.get("ts")), as_map(form.get("auth"))
    if not name or not re.fullmatch(r"\d{9,11}", stamp):
        raise NotAnEvent("no event's name, or no time")
    at = datetime.fromtimestamp(int(stamp), UTC)
    return event_of(name, as_map(form.get("data")), as_map(auth), at)


def event_in_row(row: Any, *, now: datetime) -> Event | None:
    """The same from a row of the offline queue. A row whose time cannot be read counts as of now, unless the call
    itself tells when it began."""
    columns = as_map(row)
    data = as_map(columns.get("EVENT_DATA"))
    begun = _BEGUN.fullmatch(text(data.get("CALL_ID")))
    at = moment(columns.get("TIMESTAMP_X")) or (datetime.fromtimestamp(int(begun[1]), UTC) if begun else now)
    return event_of(text(columns.get("EVENT_NAME")).upper(), data, as_map(columns.get("EVENT_ADDITIONAL")), at)


def event_of(name: str, data: Mapping[str, Any], auth: Mapping[str, Any], at: datetime) -> Event | None:
    proof = Proof(
        application_token=text(auth.get("application_token")),
        member=text(auth.get("member_id")),
        access_token=text(auth.get("access_token")),
    )
    match name:
        case "ONEXTERNALCALLSTART":
            return _clicked(data, proof, at)
        case "ONEXTERNALCALLBACKSTART":
            return _ordered(data, proof, at)
        case "ONAPPINSTALL":
            return Installed(at=at, proof=proof, auth={str(key): text(value) for key, value in auth.items()})
        case "ONAPPUNINSTALL":
            return Uninstalled(at=at, proof=proof)
        case _ if name in CHANGES:
            return _changed(name, data, proof, at)
    return None


def _clicked(data: Mapping[str, Any], proof: Proof, at: datetime) -> Clicked:
    call_id, user = text(data.get("CALL_ID")), text(data.get("USER_ID"))
    if not call_id or not user.isdecimal():
        raise NotAnEvent("a click without its call or its employee")
    return Clicked(
        call_id=call_id,
        user=UserId(user),
        number=_number(data),
        at=at,
        proof=proof,
        line=text(data.get("LINE_NUMBER")),
        extension=text(data.get("EXTENSION")),
        entity=_entity(data),
    )


def _ordered(data: Mapping[str, Any], proof: Proof, at: datetime) -> Ordered:
    number, entity = text(data.get("PHONE_NUMBER")), _entity(data)
    if not number:
        raise NotAnEvent("an order without a number")
    told = "\0".join((number, at.isoformat(), text(data.get("LINE_NUMBER")), *(entity or ())))
    return Ordered(
        source=f"order-{hashlib.sha256(told.encode()).hexdigest()[:32]}",
        number=number,
        at=at,
        proof=proof,
        line=text(data.get("LINE_NUMBER")),
        text=text(data.get("TEXT")),
        entity=entity,
    )


def _changed(name: str, data: Mapping[str, Any], proof: Proof, at: datetime) -> Changed:
    number, told = text(as_map(data.get("FIELDS")).get("ID")), _CHANGE.fullmatch(name)
    if not number.isdecimal() or told is None:
        raise NotAnEvent("a change without the id of what was changed")
    return Changed(ref=Ref(kind=told["kind"].lower(), id=number), gone=told["what"] == "DELETE", at=at, proof=proof)


def _number(data: Mapping[str, Any]) -> str:
    """The portal's own reading of a number is the surer one where it found a country: it knows its client's."""
    international = text(data.get("PHONE_NUMBER_INTERNATIONAL"))
    return international if re.fullmatch(r"\+\d{8,15}", international) else text(data.get("PHONE_NUMBER"))


def _entity(data: Mapping[str, Any]) -> tuple[str, str] | None:
    kind, number = text(data.get("CRM_ENTITY_TYPE")), text(data.get("CRM_ENTITY_ID"))
    return (kind.lower(), number) if kind and number else None


def comes_from(proof: Proof, *, member: str, application_token: str) -> bool:
    """Whether the event comes from that portal, for our application. Takes the same time whatever was sent; what we do
    not know ourselves proves nothing."""
    right_token = hmac.compare_digest(proof.application_token.encode(), application_token.encode())
    right_member = hmac.compare_digest(proof.member.encode(), member.encode())
    return bool(application_token) and bool(member) and right_token and right_member
