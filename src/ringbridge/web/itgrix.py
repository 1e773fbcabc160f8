"""Our state in Itgrix's words, as its `/status` gives them (bx 3.6, amo 2.13 and later). Pure."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from ringbridge.web.services import LinkState, Status

AppState = Literal["", "stopped", "restarting"]
AppStatus = Literal["Ok", "Warning", "Error"]


class AskedStatus(BaseModel):
    path: str = Field("", description="One element of it: app.crm.host")


class NoElement(TypedDict):
    error: str


class ItgrixQueue(TypedDict):
    calls: int
    lock: bool


class ItgrixStorage(TypedDict):
    calls: int


class ItgrixSender(TypedDict):
    on: bool
    batch_queue: int


class ItgrixCrm(TypedDict):
    on: bool
    host: str
    manager: ItgrixSender


class ItgrixCustomizer(TypedDict):
    enabled: bool
    methods: dict[str, bool]


class ItgrixClicks(TypedDict):
    on: bool
    connected: bool


class ItgrixPbx(TypedDict):
    on: bool
    state: LinkState


class ItgrixApp(TypedDict):
    calls_queue: ItgrixQueue
    calls_storage: ItgrixStorage
    crm: ItgrixCrm
    crm_type: Literal["bitrix"]
    customizer: ItgrixCustomizer
    c2c: ItgrixClicks
    pbx: dict[str, ItgrixPbx]
    version: str


class ItgrixStatus(TypedDict):
    """How things stand. `pbx` by the PBXs' names."""

    app_state: AppState
    app_status: AppStatus
    app: ItgrixApp


def itgrix_status(status: Status, in_progress: int) -> ItgrixStatus:
    """Elements that have no counterpart here (its licence, its relay for clicks) say that all is well or nothing."""
    portals = status.portals
    waiting = sum(portal.queue for portal in portals)
    return {
        "app_state": app_state(status),
        "app_status": app_status(status),
        "app": {
            "calls_queue": {"calls": in_progress, "lock": False},
            "calls_storage": {"calls": waiting},
            "crm": {
                "on": bool(portals) and not any(portal.parked for portal in portals),
                "host": portals[0].address if portals else "",
                "manager": {"on": bool(portals), "batch_queue": waiting},
            },
            "crm_type": "bitrix",
            "customizer": {"enabled": False, "methods": {}},
            "c2c": {"on": bool(portals), "connected": bool(portals)},
            "pbx": {pbx.name: {"on": pbx.state is LinkState.UP, "state": pbx.state} for pbx in status.pbxs},
            "version": status.version,
        },
    }


def app_state(status: Status) -> AppState:
    """Empty: normal. ``stopped``: it waits for a person. ``restarting``: it comes back by itself."""
    if any(pbx.state is LinkState.REFUSED for pbx in status.pbxs):
        return "stopped"
    parked = [portal for portal in status.portals if portal.parked]
    if any(portal.parked_until is None for portal in parked):
        return "stopped"
    return "restarting" if parked or any(pbx.state is not LinkState.UP for pbx in status.pbxs) else ""


def app_status(status: Status) -> AppStatus:
    if app_state(status) or not status.pbxs or not status.portals:
        return "Error"
    missing = any(pbx.missing for pbx in status.pbxs) or any(portal.missing for portal in status.portals)
    return "Warning" if missing else "Ok"


def element(whole: Any, path: str) -> Any:
    """Raises LookupError."""
    for name in path.replace("/", ".").split(".") if path else ():
        if not isinstance(whole, dict) or name not in whole:
            raise LookupError(name)
        whole = whole[name]
    return whole
