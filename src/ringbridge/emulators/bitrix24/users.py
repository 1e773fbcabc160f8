"""user.get, user.current, user.search, department.get, timeman.status.

Source: Bitrix24 REST docs, "Users", "Departments", "Working time".
"""

from __future__ import annotations

from typing import Any

from ringbridge.emulators.bitrix24.listing import select_rows, sort_rows
from ringbridge.emulators.bitrix24.people import User, WorkingDay
from ringbridge.emulators.bitrix24.refusals import ACCESS_DENIED, Refusal
from ringbridge.emulators.bitrix24.request import Page, Request
from ringbridge.emulators.bitrix24.wire import DATE_OBJECT, Params, many, mapping, text, truthy, whole

_BRIEF = (
    "ID", "ACTIVE", "NAME", "LAST_NAME", "SECOND_NAME", "IS_ONLINE", "TIMESTAMP_X", "PERSONAL_GENDER",
    "WORK_POSITION", "UF_DEPARTMENT", "UF_PHONE_INNER", "USER_TYPE",
)  # fmt: skip
_CONTACTS = ("EMAIL", "PERSONAL_MOBILE", "PERSONAL_PHONE", "WORK_PHONE")
_ALL = (*_BRIEF, *_CONTACTS, "XML_ID", "TIME_ZONE", "LAST_ACTIVITY_DATE")
_DAY_BEGINS, _DAY_ENDS = "T09:00:00", "T18:00:00"  # of every employee
_OPTIONS = {"SORT", "ORDER", "FILTER", "ADMIN_MODE", "SELECT", "START", "IMAGE_RESIZE"}


async def get(request: Request) -> Page:
    """Employees; conditions stand in FILTER or at the top level."""
    params = request.upper()
    condition = {name: value for name, value in params.items() if name not in _OPTIONS}
    condition |= {name.upper(): value for name, value in mapping(params.get("FILTER")).items()}
    search = text(condition.pop("NAME_SEARCH", "")).lower()
    users = [user for user in request.portal.staff.users.values() if search in user.full_name.lower()]
    return _page(request, users, condition)


async def current(request: Request) -> Any:
    if request.user is None:
        raise ACCESS_DENIED.refusal()
    return _visible(request, _row(request.user))


async def search(request: Request) -> Page:
    """By FIND over everything, or by single fields."""
    params = request.upper()
    condition = {key.upper(): value for key, value in mapping(params.get("FILTER")).items()}
    condition |= {key: value for key, value in params.items() if key not in _OPTIONS}
    find = text(condition.pop("FIND", "")).lower()
    department = text(condition.pop("UF_DEPARTMENT_NAME", "")).lower()
    users = [
        user
        for user in request.portal.staff.users.values()
        if user.active and find in _haystack(user) and _works_in(request, user, department)
    ]
    named = {name if name == "USER_TYPE" else f"%{name}": value for name, value in condition.items()}
    return _page(request, users, named)


def _haystack(user: User) -> str:
    return f"{user.full_name} {user.position} {user.email} {' '.join(user.phones)}".lower()


def _works_in(request: Request, user: User, name: str) -> bool:
    names = [one.name.lower() for one in request.portal.staff.departments.values() if one.id in user.departments]
    return not name or any(name in one for one in names)


def _page(request: Request, users: list[User], condition: Params) -> Page:
    params = request.upper()
    rows: list[Any] = [_row(user) for user in users]
    rows = select_rows(rows, condition, fields=_ALL)
    order = params.get("ORDER")
    direction = text(order) if isinstance(order, str) else "ASC"
    rows = sort_rows(rows, {text(params.get("SORT")).upper() or "ID": direction}, fields=_ALL)
    wanted = [text(name).upper() for name in many(params.get("SELECT"))]
    page = Page.cut([_visible(request, dict(row)) for row in rows], whole(params.get("START")))
    if wanted and "*" not in wanted:
        shown = [{name: value for name, value in row.items() if name in wanted} for row in page.rows]
        return Page(rows=shown, total=page.total, next=page.next)
    return page


def _visible(request: Request, row: Params) -> Params:
    """The fields that the granted scope opens: user_brief no contacts, user_basic contacts, user all."""
    scopes = set(request.caller.scopes)
    names = _ALL if "user" in scopes else (*_BRIEF, *_CONTACTS) if "user_basic" in scopes else _BRIEF
    return {name: value for name, value in row.items() if name in names}


def _row(user: User) -> Params:
    return {
        "ID": str(user.id),
        "XML_ID": "",
        "ACTIVE": user.active,
        "NAME": user.name,
        "LAST_NAME": user.last_name,
        "SECOND_NAME": "",
        "EMAIL": user.email,
        "TIME_ZONE": "",
        "IS_ONLINE": "Y" if user.online else "N",
        "TIMESTAMP_X": DATE_OBJECT,
        "LAST_ACTIVITY_DATE": DATE_OBJECT,
        "PERSONAL_GENDER": "",
        "PERSONAL_MOBILE": user.personal_mobile,
        "PERSONAL_PHONE": user.personal_phone,
        "WORK_PHONE": user.work_phone,
        "WORK_POSITION": user.position,
        "UF_DEPARTMENT": user.departments,
        "UF_PHONE_INNER": user.inner_phone or None,
        "USER_TYPE": user.user_type,
    }


async def departments(request: Request) -> Page:
    params = request.upper()
    fields = ("ID", "NAME", "SORT", "PARENT", "UF_HEAD")
    rows: list[Any] = []
    for one in request.portal.staff.departments.values():
        row: Params = {"ID": str(one.id), "NAME": one.name, "SORT": 500}
        row |= {"PARENT": str(one.parent)} if one.parent else {}
        row |= {"UF_HEAD": str(one.head)} if one.head else {}
        rows.append(row)
    sort, order = text(params.pop("SORT", "")).upper(), text(params.pop("ORDER", "ASC"))
    rows = sort_rows(select_rows(rows, params, fields=fields), {sort or "ID": order}, fields=fields)
    return Page.cut(rows, whole(params.get("START")))


async def working_day(request: Request) -> Any:
    """timeman.status of oneself, or of another employee."""
    params = request.upper()
    user = request.portal.user(whole(params.get("USER_ID")) or request.caller.user_id)
    if user is None or not truthy(user.active):
        raise Refusal("", "User not found")
    day = user.working_day
    if day in {WorkingDay.UNAVAILABLE, WorkingDay.NOT_INSTALLED}:
        day = WorkingDay.CLOSED
    now = request.portal.local(request.portal.clock())
    return {
        "STATUS": day.value,
        "TIME_START": now[:10] + _DAY_BEGINS + now[19:],
        "TIME_FINISH": now if day is WorkingDay.CLOSED else None,
        "DURATION": "00:00:00",
        "TIME_LEAKS": "00:00:00",
        "ACTIVE": day is WorkingDay.OPENED,
        "IP_OPEN": "",
        "IP_CLOSE": "",
        "LAT_OPEN": 0,
        "LON_OPEN": 0,
        "LAT_CLOSE": 0,
        "LON_CLOSE": 0,
        "TZ_OFFSET": int(request.portal.settings.utc_offset.total_seconds()),
        **({"TIME_FINISH_DEFAULT": now[:10] + _DAY_ENDS + now[19:]} if day is WorkingDay.EXPIRED else {}),
    }
