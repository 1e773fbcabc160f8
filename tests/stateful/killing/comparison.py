"""The portal and the journal against the truth. Each difference is a line for people."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence

from tests.stateful.killing.truth import Played
from tests.stateful.killing.world import DEFAULT_USER

from ringbridge.emulators.bitrix24.calls import CallRecord, CallType
from ringbridge.emulators.bitrix24.fields import Kind
from ringbridge.emulators.bitrix24.portal import Portal

SECONDS = 1.0  # the CRM has whole seconds, and the office plays with the machine's own delays


def digits(number: str) -> str:
    return "".join(sign for sign in number if sign.isdecimal())


def differences(portal: Portal, calls: Sequence[Played], heard_whole: Callable[[Played], bool]) -> list[str]:
    """Everything in which the portal differs from the truth."""
    records: dict[str, list[CallRecord]] = defaultdict(list)
    for record in portal.telephony.finished.values():
        records[base_of(record.call.external_call_id or "")].append(record)
    found = list(whole_portal(portal, calls))
    found += [f"never played: {key}" for key in sorted(records.keys() - {call.key for call in calls})]
    for call in calls:
        whole = heard_whole(call)
        told = records.get(call.key, [])
        label = f"#{call.nth} {call.name} {call.key} at {call.at:.1f} s ({'heard whole' if whole else 'not whole'})"
        found += [f"{label}: {line}" for line in one_call(call, told, whole, responsible(portal, call.phone))]
    return found


def responsible(portal: Portal, phone: str) -> set[str]:
    """The users whose client this is: a missed call goes to them first."""
    found = portal.clients.by_number(phone, (Kind.CONTACT, Kind.COMPANY, Kind.LEAD), closed_leads=True)
    return {str(portal.clients.rows[kind][client]["ASSIGNED_BY_ID"]) for kind, client in found}


def in_the_journal(rows: Sequence[tuple[str, str, str]], calls: Sequence[Played]) -> Iterator[str]:
    """`rows`: key, disposition and whole snapshot of each client's call that has ended."""
    own = {key: told for key, told, snapshot in rows if json.loads(snapshot).get("merged_into") is None}
    truth = {call.key: call.disposition for call in calls}
    yield from (f"not in the journal: {key}" for key in sorted(truth.keys() - own.keys()))
    yield from (f"in the journal, and never played: {key}" for key in sorted(own.keys() - truth.keys()))
    for key in sorted(own.keys() & truth.keys()):
        if own[key] != truth[key]:
            yield f"{key} is {own[key]} in the journal, not {truth[key]}"


def base_of(external_id: str) -> str:
    """The call of a record: ``main-1790000000.12-2`` is of ``main-1790000000.12``."""
    pbx, call, *_ = external_id.split("-")
    return f"{pbx}-{call}"


def whole_portal(portal: Portal, calls: Sequence[Played]) -> Iterator[str]:
    telephony = portal.telephony
    for active in telephony.active.values():
        yield f"never finished: {active.external_call_id}"
    ids = Counter(record.call.external_call_id for record in telephony.finished.values())
    yield from (f"doubled: {external} {count} times" for external, count in ids.items() if count > 1)
    attached = Counter(stored.call_id for stored in telephony.files.values())
    yield from (f"recording doubled: {call_id}" for call_id, count in attached.items() if count > 1)
    leads = Counter(digits(phone) for phone in phones_of_leads(portal))
    yield from (f"lead doubled: {phone} {count} times" for phone, count in leads.items() if count > 1)
    yield from (f"lead for nobody: {phone}" for phone in leads.keys() - {digits(call.phone) for call in calls})


def phones_of_leads(portal: Portal) -> Iterator[str]:
    for lead in portal.clients.rows[Kind.LEAD].values():
        yield from (phone["VALUE"] for phone in lead["PHONE"])


def one_call(call: Played, told: Sequence[CallRecord], whole: bool, owners: set[str]) -> Iterator[str]:
    if not told:
        yield "LOST"
        return
    told = sorted(told, key=lambda record: record.call.external_call_id or "")
    first, *others = told
    if first.call.external_call_id != call.key:
        yield f"its first record is {first.call.external_call_id}"
    kind = CallType.OUTGOING if call.outbound else CallType.INCOMING
    if first.call.type is not kind or any(record.call.type is not CallType.REDIRECTED for record in others):
        yield f"types {[record.call.type.name for record in told]}"
    for record in told:
        if digits(record.call.phone) != digits(call.phone):
            yield f"number {record.call.phone}, not {call.phone}"
        if record.code != call.code or (record.duration > 0) != bool(call.shares):
            yield f"code {record.code} with {record.duration} s, not {call.code}"
    most = max(1, len(call.shares))
    if len(told) > most or (whole and len(told) < most):
        yield f"{len(told)} records, not {most}"
    elif not call.shares:
        yield from unanswered(told, call.rung | owners | {DEFAULT_USER})
    elif whole:
        yield from heard(call, told)
    else:
        yield from heard_of(call, told)


def heard(call: Played, told: Sequence[CallRecord]) -> Iterator[str]:
    """Everything is known."""
    for record, share in zip(told, call.shares, strict=True):
        if str(record.user_id) != share.user:
            yield f"user {record.user_id}, not {share.user}"
        if share.seconds is not None and abs(record.duration - share.seconds) > SECONDS:
            yield f"{record.duration} s, not {share.seconds:.1f}"
        if record.record_file_id is None:
            yield "no recording"


def heard_of(call: Played, told: Sequence[CallRecord]) -> Iterator[str]:
    """A part was missed, or all of it: whoever is named had a part in it."""
    speakers = [share.user for share in call.shares]
    users = [str(record.user_id) for record in told]
    if not set(users) <= set(speakers):
        yield f"users {users}, not {speakers}"


def unanswered(told: Sequence[CallRecord], holders: Collection[str]) -> Iterator[str]:
    for record in told:
        if str(record.user_id) not in holders:
            yield f"user {record.user_id}, neither rung nor responsible"
        if record.record_file_id is not None:
            yield "a recording of nothing"
