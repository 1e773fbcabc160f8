"""Clients, leads and incoming leads that are made of a number nobody has. Bodies are pure; `Making` sends them.

Sources: amoCRM API v4, "Contacts", "Complex creation of leads" (a lead with its contact in one request), "Leads",
"Incoming leads" of the category ``sip``. A rule of the office may name a pipeline, a source or an employee that is
gone: then the client is made without those, and last without its phone field, before a call is lost for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from ringbridge.crm.amocrm.calls import Finished
from ringbridge.crm.amocrm.entities import Entity, Kind
from ringbridge.crm.amocrm.errors import Invalid
from ringbridge.crm.amocrm.knowledge import Knowledge
from ringbridge.crm.amocrm.rest import API, Rest, Row
from ringbridge.crm.amocrm.settings import Settings
from ringbridge.crm.amocrm.sources import external_id
from ringbridge.crm.amocrm.values import as_map, embedded, text, whole
from ringbridge.crm.contract import CrmError, Rejected
from ringbridge.crm.customise import Customise
from ringbridge.routing.intents import Creation, Priority
from ringbridge.routing.rules import Create

UNWANTED = "No client was made of the number: a hook of the office cancelled it."
COLLEAGUE = "The number belongs to an employee: no client was made of it."


class Form(StrEnum):
    """What is made, by the address it is posted to."""

    CONTACT = f"{API}/contacts"
    COMPLEX = f"{API}/leads/complex"  # a lead and its new contact
    LEAD = f"{API}/leads"  # of a client who is there
    UNSORTED = f"{API}/leads/unsorted/sip"

    @property
    def rows(self) -> str:
        """How the answer calls its rows; a bare list has no name for them."""
        return {Form.CONTACT: "contacts", Form.LEAD: "leads", Form.UNSORTED: "unsorted"}.get(self, "")


HOOKS = {
    Form.CONTACT: ("process_contact_creation_params",),
    Form.COMPLEX: ("process_lead_creation_params", "process_contact_creation_params"),
    Form.LEAD: ("process_lead_creation_params",),
    Form.UNSORTED: ("process_unsorted_creation_params",),
}


class Level(StrEnum):
    """How much of what was wanted is asked for."""

    WHOLE = "whole"
    PLAIN = "plain"  # nothing that a rule names
    PHONELESS = "phoneless"  # not even the field for phones


def form_for(creation: Creation, settings: Settings) -> Form:
    """A plain client is what the office calls one; a lead never comes without its contact."""
    what = settings.client if creation.what is Create.CLIENT else creation.what
    match what:
        case Create.CONTACT:
            return Form.CONTACT
        case Create.UNSORTED:
            return Form.UNSORTED
    return Form.COMPLEX


def wants_lead(creation: Creation | None, settings: Settings) -> bool:
    return creation is not None and form_for(creation, settings) is Form.COMPLEX


def body_of(form: Form, call: Finished, level: Level) -> dict[str, Any]:
    match form:
        case Form.CONTACT:
            return contact_body(call, level)
        case Form.UNSORTED:
            return unsorted_body(call, level)
        case Form.LEAD:
            client = (call.clients or ())[0]
            there = {client.kind.path: [{"id": client.id}]}
            return lead_body(call, level, there)
    return lead_body(call, level, {"contacts": [contact_body(call, level)]})


def contact_body(call: Finished, level: Level) -> dict[str, Any]:
    body: dict[str, Any] = {"name": call.number}
    if level is not Level.PHONELESS:
        phone = {"value": call.number, "enum_code": "WORK"}
        body["custom_fields_values"] = [{"field_code": "PHONE", "values": [phone]}]
    if level is Level.WHOLE:
        body |= _owner(call)
        if tags := _tags(call):
            body["_embedded"] = {"tags": tags}
    return body


def lead_body(call: Finished, level: Level, parts: Mapping[str, Any]) -> dict[str, Any]:
    creation = call.creation
    body: dict[str, Any] = {"name": (creation.title if creation else "") or call.number}
    inside = dict(parts)
    if level is Level.WHOLE and creation:
        body |= _owner(call)
        body |= _numbers(pipeline_id=creation.pipeline, status_id=creation.stage)
        if tags := _tags(call):
            inside["tags"] = tags
        if creation.source:
            inside["source"] = {"external_id": external_id(creation.source), "type": "widget"}
    return {**body, "_embedded": inside}


def unsorted_body(call: Finished, level: Level) -> dict[str, Any]:
    """Docs and libraries disagree on which of ``phone`` and ``from`` is the client's: it stands in ``phone``, as in the
    newer library, and in the contact, where it is sure."""
    started = int(call.started.timestamp())
    brought = external_id(call.creation.source) if call.creation else ""
    metadata: dict[str, Any] = {
        "uniq": call.intent.record,
        "duration": max(0, call.intent.duration),
        "service_code": call.source,
        "link": call.link or "",
        "phone": call.number,
        "called_at": started,
        "from": call.line or call.source,
        "is_call_event_needed": True,
    }
    if responsible := whole(call.user):
        metadata["call_responsible"] = responsible
    lead = lead_body(call, level, {})
    pipeline, _ = lead.pop("pipeline_id", None), lead.pop("status_id", None)
    if not lead["_embedded"]:
        del lead["_embedded"]
    return {
        "source_uid": brought or call.source,
        "source_name": brought or call.line or call.source,
        "created_at": started,
        "metadata": metadata,
        **({"pipeline_id": pipeline} if pipeline else {}),
        "_embedded": {"leads": [lead], "contacts": [contact_body(call, level)]},
    }


def made_by(form: Form, call: Finished, row: Row) -> tuple[Entity, ...]:
    """What the answer's row says was made, where a call belongs first."""
    owner = owner_of(call)
    match form:
        case Form.CONTACT:
            ids = [(Kind.CONTACT, whole(row.get("id")))]
        case Form.LEAD:
            ids = [(Kind.LEAD, whole(row.get("id")))]
        case Form.COMPLEX:
            ids = [(Kind.LEAD, whole(row.get("id"))), (Kind.CONTACT, whole(row.get("contact_id")))]
        case Form.UNSORTED:
            ids = [
                (kind, whole(one.get("id"))) for kind in (Kind.LEAD, Kind.CONTACT) for one in embedded(row, kind.path)
            ]
    return tuple(Entity(kind=kind, id=number, owner=owner) for kind, number in ids if number)


def _owner(call: Finished) -> dict[str, int]:
    return _numbers(responsible_user_id=owner_of(call))


def _numbers(**given: str) -> dict[str, int]:
    """Ids that are ids; what is none is as good as not given."""
    return {name: number for name, value in given.items() if (number := whole(value))}


def _tags(call: Finished) -> list[dict[str, str]]:
    return [{"name": tag} for tag in (call.creation.tags if call.creation else ()) if tag]


def owner_of(call: Finished) -> str:
    return call.intent.new_owner or call.user


def _body(form: Form, call: Finished, level: Level) -> dict[str, Any]:
    """What a hook made of it is tried first."""
    return call.body if call.body and level is Level.WHOLE else body_of(form, call, level)


class Making:
    """Makes them; several calls of one number get one client."""

    def __init__(self, rest: Rest, knowledge: Knowledge, settings: Settings, customise: Customise) -> None:
        self._rest = rest
        self._knowledge = knowledge
        self._settings = settings
        self._customise = customise

    async def make(self, calls: Sequence[Finished], priority: Priority) -> dict[int, CrmError]:
        """Give each of these calls, whose numbers nobody has, its client as its rule wants it; or the lead that a
        known client lacks. Returns why not, by index."""
        failed: dict[int, CrmError] = {}
        async with self._knowledge.making:
            leaders, followers = self._share(calls)
            await asyncio.gather(*(self._ask_hooks(call) for call in leaders.values()))
            leaders = {key: call for key, call in leaders.items() if call.creation}
            followers = [call for call in followers if self._key(call) in leaders]
            for form in Form:
                mine = [call for call in leaders.values() if self._form(call) is form]
                failed |= await self._post(form, mine, priority)
        for call in followers:
            leader = leaders[self._key(call)]
            call.place, call.made = leader.place, leader.made
            if leader.index in failed:
                failed[call.index] = failed[leader.index]
        return failed

    def _share(self, calls: Iterable[Finished]) -> tuple[dict[str, Finished], list[Finished]]:
        """Those to make something for, and those that get the same as one of them."""
        leaders: dict[str, Finished] = {}
        followers: list[Finished] = []
        for call in calls:
            if known := self._knowledge.made.get(self._key(call)):
                call.place, call.made = known[0], known  # by another run, meanwhile
            elif self._knowledge.is_colleague(call.number):
                call.warnings.append(COLLEAGUE)
                call.creation = None
            elif leaders.setdefault(self._key(call), call) is not call:
                followers.append(call)
        return leaders, followers

    async def _ask_hooks(self, call: Finished) -> None:
        """What is made, as the office's hooks want it; they may want none of it, or no lead."""
        form = self._form(call)
        if not [hook for hook in HOOKS[form] if await self._customise.wants(hook)]:
            return
        body = body_of(form, call, Level.WHOLE)
        if form is not Form.COMPLEX:
            made = await self._customise(HOOKS[form][0], body, call.intent)
        else:
            made = await self._complex(call, body)
        if made:
            call.body = dict(made)
        else:
            call.creation = None
            call.warnings.append(UNWANTED)

    async def _complex(self, call: Finished, body: dict[str, Any]) -> Mapping[str, Any] | None:
        """A lead and its contact are two questions."""
        lead_hook, contact_hook = HOOKS[Form.COMPLEX]
        inside = dict(body["_embedded"])
        (contact,) = inside.pop("contacts")
        contact = await self._customise(contact_hook, contact, call.intent)
        if not contact:
            return None
        lead = await self._customise(lead_hook, {**body, "_embedded": inside}, call.intent)
        if not lead:
            call.creation = Creation(what=Create.CONTACT)
            return contact
        return {**lead, "_embedded": {**as_map(lead.get("_embedded")), "contacts": [dict(contact)]}}

    def _key(self, call: Finished) -> str:
        """By number; an incoming lead is of one call."""
        number = self._knowledge.digits(call.number)
        return f"{number} {call.intent.record}" if self._form(call) is Form.UNSORTED else number

    def _form(self, call: Finished) -> Form:
        if call.clients:
            return Form.LEAD
        return form_for(call.creation, self._settings) if call.creation else Form.CONTACT

    async def _post(self, form: Form, calls: Sequence[Finished], priority: Priority) -> dict[int, CrmError]:
        failed: dict[int, CrmError] = {}
        left = list(calls)
        for level in Level:
            if not left:
                return failed
            items = {str(call.index): _body(form, call, level) for call in left}
            answers = await self._rest.post_many(form.value, form.rows, items, priority=priority)
            refused: list[Finished] = []
            for call in left:
                answer = answers[str(call.index)]
                if not isinstance(answer, CrmError):
                    self._take(form, call, answer)
                elif isinstance(answer, Invalid) and answer.concerns("uniq"):
                    call.is_told = True  # the account has this incoming lead: an earlier answer was lost
                elif isinstance(answer, Rejected) and level is not Level.PHONELESS:
                    call.warnings.append(f"The client was made more simply than the rule wants it. {answer}")
                    refused.append(call)
                else:
                    failed[call.index] = answer
            left = refused
            if form is Form.UNSORTED and level is Level.PLAIN:
                break
        # Incoming leads are switched off, perhaps: then it is an ordinary one.
        return failed | (await self._post(Form.COMPLEX, left, priority) if left else {})

    def _take(self, form: Form, call: Finished, row: Row) -> None:
        call.made, call.is_new = made_by(form, call, row), True
        call.place = next(iter(call.made), None)
        call.is_told = form is Form.UNSORTED
        call.unsorted = text(row.get("uid"))
        if call.made and form is not Form.UNSORTED:
            self._knowledge.made.put(self._knowledge.digits(call.number), call.made)
