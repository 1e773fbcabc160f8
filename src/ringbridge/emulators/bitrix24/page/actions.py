"""What a person does on the pages: each is a form, answered by the page it came from and a word of what was done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ringbridge.emulators.bitrix24 import deskwork
from ringbridge.emulators.bitrix24.faults import FaultKind
from ringbridge.emulators.bitrix24.page import badday
from ringbridge.emulators.bitrix24.page.telephony import CALLBACK, CLICK, hears
from ringbridge.emulators.bitrix24.page.visitor import LINE_COOKIE, employee_of
from ringbridge.emulators.bitrix24.people import User
from ringbridge.emulators.bitrix24.phones import strip_letters
from ringbridge.emulators.bitrix24.portal import Portal

Form = Mapping[str, str]


async def act(http: Request) -> Response:
    """Carry out one form and send the browser back."""
    portal: Portal = http.app.state.portal
    async with http.form() as given:
        form = {name: value for name, value in given.items() if isinstance(value, str)}
    employee = employee_of(portal, form.get("as", ""))
    action = _ACTIONS.get(http.path_params["action"])
    try:
        said = action(portal, employee, form) if action and employee else "nonsense"
    except (ValueError, KeyError, deskwork.NoSuchApplication):
        said = "nonsense"
    response = RedirectResponse(_back(form.get("back", "/"), said), status_code=303)
    if "line" in form:
        response.set_cookie(LINE_COOKIE, form["line"], samesite="lax")
    return response


def _back(address: str, said: str) -> str:
    """A page of this portal, never of another."""
    parts = urlsplit(address)
    path = f"/{parts.path.lstrip('/')}" if not parts.netloc else "/"
    query = [(name, value) for name, value in parse_qsl(parts.query) if name != "said"]
    return f"{path}?{urlencode([*query, ('said', said)])}"


def _click(portal: Portal, employee: User, form: Form) -> str:
    number = form.get("dial") or form.get("number", "")
    if not strip_letters(number):
        return "no_number"
    if not hears(portal, CLICK):
        return "unheard"
    deskwork.click(portal, user_id=employee.id, number=number, line=form.get("line", ""))
    return "clicked"


def _order_callback(portal: Portal, _: User, form: Form) -> str:
    if not strip_letters(form["number"]):
        return "no_number"
    if not hears(portal, CALLBACK):
        return "order_unheard"
    deskwork.order_callback(portal, number=form["number"], text=form.get("text", ""), line=form.get("line", ""))
    return "ordered"


def _close_card(portal: Portal, _: User, form: Form) -> str:
    portal.telephony.cards.hide(int(form["user"]), form["call"], portal.clock(), "closed by hand")
    return "closed"


def _install(portal: Portal, employee: User, form: Form) -> str:
    if not employee.admin:
        return "no_admin"
    address = urlsplit(form["address"].strip())
    if address.scheme not in {"http", "https"} or not address.netloc:
        return "bad_address"
    application = portal.application(int(form["application"]))
    deskwork.install(portal, address.geturl(), user_id=employee.id, application=application)
    return "installed"


def _uninstall(portal: Portal, employee: User, form: Form) -> str:
    if not employee.admin:
        return "no_admin"
    application = portal.application(int(form["application"]))
    deskwork.uninstall(portal, clean="clean" in form, application=application)
    return "uninstalled"


def _expire_tokens(portal: Portal, _: User, __: Form) -> str:
    portal.access.expire_all()
    return "expired"


def _break(portal: Portal, _: User, form: Form) -> str:
    badday.break_it(portal, FaultKind(form["kind"]), lasting=form.get("how") == "lasting")
    return "broken"


def _mend(portal: Portal, _: User, form: Form) -> str:
    badday.mend(portal, FaultKind(form["kind"]) if form.get("kind") else None)
    return "mended"


_ACTIONS: Mapping[str, Callable[[Portal, User, Form], str]] = {
    "click": _click,
    "callback": _order_callback,
    "close-card": _close_card,
    "install": _install,
    "uninstall": _uninstall,
    "expire-tokens": _expire_tokens,
    "break": _break,
    "mend": _mend,
}
