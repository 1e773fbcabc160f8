"""What happened with a client: calls, tasks, things to do, comments; the newest first.

Source of the task's binding: Bitrix24 REST docs, `tasks.task.add`, UF_CRM_TASK (``L_1``, ``C_2``, ``CO_3``, ``D_4``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup

from ringbridge.emulators.bitrix24.calls import CallRecord
from ringbridge.emulators.bitrix24.fields import TYPE_IDS, Kind
from ringbridge.emulators.bitrix24.page.board import KIND_WORDS, client_address, line_name
from ringbridge.emulators.bitrix24.portal import Portal
from ringbridge.emulators.bitrix24.wire import parse_date, whole

TASK_MARKS = {Kind.LEAD: "L", Kind.CONTACT: "C", Kind.COMPANY: "CO", Kind.DEAL: "D"}
_HTML = "3"  # DESCRIPTION_TYPE: 1 plain, 2 BB codes, 3 HTML
_CLOSED = "5"
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    id: str
    at: str
    kind: str  # a word of the page: call_in, call_missed, task, comment, …
    title: str
    text: str = ""
    user: str = ""
    done: bool = True
    deadline: str = ""
    line: str = ""
    duration: int | None = None  # seconds
    code: str = ""
    file: int | None = None


def timeline_of(portal: Portal, kind: Kind, number: int) -> tuple[Moment, ...]:
    moments = [*_activities(portal, kind, number), *_tasks(portal, kind, number), *_comments(portal, kind, number)]
    return tuple(sorted(moments, key=lambda moment: parse_date(moment.at) or _NEVER, reverse=True))


def _activities(portal: Portal, kind: Kind, number: int) -> list[Moment]:
    client = {"OWNER_ID": str(number), "OWNER_TYPE_ID": str(TYPE_IDS[kind])}
    records = {record.activity_id: record for record in portal.telephony.finished.values()}
    return [
        _activity(portal, row, records.get(row_id))
        for row_id, row in portal.activities.rows.items()
        if client in row["BINDINGS"]
    ]


def _activity(portal: Portal, row: dict[str, Any], record: CallRecord | None) -> Moment:
    common: dict[str, Any] = {
        "id": f"activity-{row['ID']}",
        "at": row.get("START_TIME") or row["CREATED"],
        "title": row["SUBJECT"],
        "text": description(row),
        "user": portal.user_name(whole(row["RESPONSIBLE_ID"])),
        "done": row["COMPLETED"] == "Y",
    }
    if record is None:
        todo = row["PROVIDER_ID"] == "CRM_TODO"
        return Moment(**common, kind="todo" if todo else "activity", deadline=row["DEADLINE"] or "")
    return Moment(
        **common,
        kind="call_missed" if row["SETTINGS"] else f"call_{KIND_WORDS[record.call.type]}",
        line=line_name(record.call),
        duration=record.duration,
        code=record.code,
        file=record.record_file_id,
    )


def description(row: dict[str, Any]) -> str:
    """An activity's text without its HTML."""
    written = row.get("DESCRIPTION") or ""
    if row.get("DESCRIPTION_TYPE") != _HTML:
        return str(written)
    return Markup(written).striptags()  # noqa: S704 the tags are taken out


def _tasks(portal: Portal, kind: Kind, number: int) -> list[Moment]:
    mark = f"{TASK_MARKS[kind]}_{number}"
    return [task_of(portal, row) for row in portal.tasks.values() if mark in row.get("UF_CRM_TASK", ())]


def task_of(portal: Portal, row: dict[str, Any]) -> Moment:
    return Moment(
        id=f"task-{row['ID']}",
        at=row["CREATED_DATE"],
        kind="task",
        title=row["TITLE"],
        text=row["DESCRIPTION"],
        user=portal.user_name(whole(row["RESPONSIBLE_ID"])),
        done=row["STATUS"] == _CLOSED,
        deadline=row["DEADLINE"] or "",
    )


def _comments(portal: Portal, kind: Kind, number: int) -> list[Moment]:
    return [
        Moment(
            id=f"comment-{row['ID']}",
            at=row["CREATED"],
            kind="comment",
            title="",
            text=str(row["COMMENT"]),
            user=portal.user_name(whole(row["AUTHOR_ID"])),
        )
        for row in portal.comments
        if (str(row["ENTITY_TYPE"]).upper(), whole(row["ENTITY_ID"])) == (kind, number)
    ]


def bound_to(portal: Portal, row: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """The clients of a task: name and address of the page."""
    kinds = {mark: kind for kind, mark in TASK_MARKS.items()}
    found = []
    for written in row.get("UF_CRM_TASK", ()):
        mark, _, number = written.partition("_")
        if mark in kinds and whole(number) in portal.clients.rows[kinds[mark]]:
            kind = kinds[mark]
            found.append((portal.clients.name(kind, whole(number)), client_address(kind, whole(number))))
    return tuple(found)
