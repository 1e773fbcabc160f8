"""The account tells us what changed: its webhooks are subscribed to, and what they post is read.

Sources: amoCRM API v4, "Webhooks" (an administrator's key; a subscription is known by its address) and "Webhooks'
format": a form in PHP's brackets, ``leads[update][0][id]=7``; companies come among the contacts, with their ``type``.
Nothing is signed, so that the address itself must be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl

import structlog

from ringbridge.crm.amocrm.rest import API, Rest, Row
from ringbridge.crm.amocrm.values import as_list, text, whole
from ringbridge.crm.mirroring import Ref
from ringbridge.routing.intents import Priority

log = structlog.get_logger(__name__)

WEBHOOKS = f"{API}/webhooks"
WANTED = (
    *(
        f"{action}_{kind}"
        for kind in ("contact", "company", "lead")
        for action in ("add", "update", "delete", "restore", "responsible")
    ),
    "status_lead",
)
DELETED = "delete"
TOLD = re.compile(r"(leads|contacts|companies)\[(add|update|delete|restore|responsible|status)\]\[(\d+)\]\[(id|type)\]")


class NotAWebhook(Exception):
    """What was posted is no webhook of an account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one webhook tells."""

    account: int
    changed: tuple[Ref, ...] = ()  # to be read again
    gone: tuple[Ref, ...] = ()


def told_in(body: bytes) -> Told:
    """Raises `NotAWebhook`. Of what else may be told (tasks, notes) nothing is kept."""
    try:
        form = parse_qsl(body.decode(), keep_blank_values=True)
    except ValueError as error:
        raise NotAWebhook("it is no form") from error
    rows: dict[tuple[str, str, str], dict[str, str]] = {}
    account: int | None = None
    for name, value in form:
        if name == "account[id]":
            account = whole(value)
        elif match := TOLD.fullmatch(name):
            top, action, index, key = match.groups()
            rows.setdefault((top, action, index), {})[key] = value
    if account is None:
        raise NotAWebhook("it names no account")
    changed: dict[Ref, None] = {}
    gone: dict[Ref, None] = {}
    for (top, action, _), row in rows.items():
        refs = refs_of(top, row)
        # A row that does not say which of two it is must be asked for.
        (gone if action == DELETED and len(refs) == 1 else changed).update(dict.fromkeys(refs))
    return Told(account=account, changed=tuple(changed), gone=tuple(ref for ref in gone if ref not in changed))


def refs_of(top: str, row: dict[str, str]) -> list[Ref]:
    """Whom a row may mean: among contacts, either of two where it does not say."""
    number = whole(row.get("id"))
    if number is None:
        return []
    match top, row.get("type"):
        case "leads", _:
            kinds: tuple[str, ...] = ("deal",)
        case ("companies", _) | (_, "company"):
            kinds = ("company",)
        case _, "contact":
            kinds = ("contact",)
        case _:
            kinds = ("contact", "company")
    return [Ref(kind=kind, id=str(number)) for kind in kinds]


class Webhooks:
    """The account's subscriptions, as far as they are ours."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    async def keep(self, destination: str | None, *, is_ours: Callable[[str], bool]) -> None:
        """What changes is posted to this address from now on, and to no other of ours; None: to none at all. Raises
        `CrmError`."""
        rows = await self._rest.everything(WEBHOOKS, "webhooks", priority=Priority.REST)
        good = [row for row in rows if is_good(row, destination)]
        for row in [row for row in rows if row not in good and is_ours(text(row.get("destination")))]:
            await self._rest.call("DELETE", WEBHOOKS, {"destination": row["destination"]}, priority=Priority.REST)
        if destination is not None and not good:
            wanted = {"destination": destination, "settings": list(WANTED)}
            await self._rest.call("POST", WEBHOOKS, wanted, priority=Priority.REST)
            log.info("account_webhooks_subscribed")


def is_good(row: Row, destination: str | None) -> bool:
    """A subscription that the account has switched off, for too many failures, is made anew."""
    told: Iterable[str] = map(text, as_list(row.get("settings")))
    return text(row.get("destination")) == destination and row.get("disabled") is not True and set(WANTED) <= set(told)
