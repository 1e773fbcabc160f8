"""What the telephony page shows: external lines, the applications and what they hear."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from ringbridge.emulators.bitrix24.bus import Handler
from ringbridge.emulators.bitrix24.oauth import Application
from ringbridge.emulators.bitrix24.portal import Portal

CLICK, CALLBACK = "ONEXTERNALCALLSTART", "ONEXTERNALCALLBACKSTART"
_LATEST = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownLine:
    number: str
    name: str
    owner: str  # the application's name; "" for the webhooks
    creates: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownApplication:
    id: int
    name: str
    installed: bool
    handlers: tuple[Handler, ...]
    queued: int  # events that wait to be fetched


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    event: str
    address: str
    status: int  # 0: no answer


def lines_of(portal: Portal) -> tuple[ShownLine, ...]:
    return tuple(
        ShownLine(
            number=line.number,
            name=line.name,
            owner=_name(portal.application(line.application_id)),
            creates=line.crm_auto_create == "Y",
        )
        for line in portal.telephony.lines
    )


def _name(application: Application | None) -> str:
    return application.name if application else ""


def lines_to_dial_by(portal: Portal) -> tuple[ShownLine, ...]:
    """Those an employee can choose: of the application that hears the clicks."""
    return tuple(line for line in lines_of(portal) if line.owner)


def applications_of(portal: Portal) -> tuple[ShownApplication, ...]:
    return tuple(
        ShownApplication(
            id=one.id,
            name=one.name,
            installed=one.installed,
            handlers=tuple(handler for handler in portal.bus.handlers if handler.application_id == one.id),
            queued=sum(event.application_id == one.id for event in portal.bus.offline),
        )
        for one in portal.access.applications
    )


def deliveries_of(portal: Portal) -> tuple[Delivery, ...]:
    newest = islice(reversed(portal.bus.delivered), _LATEST)
    return tuple(Delivery(event=event, address=url, status=status) for event, url, status in newest)


def installation_address(portal: Portal) -> str:
    """Where the application was told of its installation the last time; "" if never."""
    told = (url for event, url, _ in reversed(portal.bus.delivered) if event == "ONAPPINSTALL")
    return next(told, "")


def hears(portal: Portal, event: str) -> bool:
    """Whether anybody is told of this event."""
    installed = {one.id for one in portal.access.applications if one.installed}
    return any(
        handler.event == event and (handler.application_id in installed or _outgoing_webhook(portal, handler))
        for handler in portal.bus.handlers
    )


def _outgoing_webhook(portal: Portal, handler: Handler) -> bool:
    """Outgoing webhooks hear of clicks only where the portal is set so."""
    if handler.application_id is not None:
        return False
    return handler.event != CLICK or portal.settings.start_event_by_outgoing_webhook
