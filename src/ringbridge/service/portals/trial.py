"""A portal that is being connected is asked whether its key opens it, before the key is kept."""

from __future__ import annotations

from dataclasses import dataclass

from ringbridge.crm.contract import CrmError
from ringbridge.routing.intents import AttachRecording
from ringbridge.routing.recordings import Absent
from ringbridge.service.config import Office
from ringbridge.service.config.portal import Portal
from ringbridge.service.portals import adapters


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """`trouble`: why the key does not open it; nothing else is known then."""

    trouble: str = ""
    name: str = ""
    missing: tuple[str, ...] = ()
    user: str = ""  # who may stand for a phone that nobody is named for


class NoRecordings:
    async def fetch(self, intent: AttachRecording) -> Absent:
        return Absent(reason="A portal that is only tried gets no recording.")


async def keep_nothing(credentials: adapters.Credentials) -> None:
    """A webhook and a long-lived token stay as they are."""


def can_be_tried(portal: Portal) -> bool:
    """An application's tokens open once and are renewed: what runs asks by them, and nobody else."""
    return portal.webhook is not None or bool(portal.amocrm and portal.amocrm.token.get_secret_value())


async def try_portal(portal: Portal, office: Office) -> Tried:
    """Asks, and changes nothing there."""
    try:
        crm = adapters.open_crm(portal, office, stored=None, save=keep_nothing, recordings=NoRecordings())
    except OSError as error:
        return Tried(trouble=f"ca_file {portal.ca_file} cannot be used ({error.strerror or error})")
    try:
        info = await crm.check()
        users = () if owner_of(portal) else [user for user in await crm.users() if user.active]
        return Tried(
            name=info.name, missing=info.missing, user=owner_of(portal) or next((str(one.id) for one in users), "")
        )
    except CrmError as error:
        return Tried(trouble=str(error))
    finally:
        await crm.aclose()


def owner_of(portal: Portal) -> str:
    """Whose webhook it is: the address has their id, ``https://portal/rest/1/secret/``."""
    if portal.webhook is None:
        return ""
    return portal.webhook.get_secret_value().partition("/rest/")[2].partition("/")[0]
