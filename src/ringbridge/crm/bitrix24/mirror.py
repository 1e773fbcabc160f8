"""A portal's contacts, companies, leads at work and open deals, read whole for the mirror."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from ringbridge.crm.bitrix24.entities import entities_in
from ringbridge.crm.bitrix24.listings import FIELDS, by_ids, listed, thing_in, things_in
from ringbridge.crm.bitrix24.reading import Listed, Reading
from ringbridge.crm.bitrix24.sender import Sender
from ringbridge.crm.bitrix24.telephony import Command
from ringbridge.crm.contract import Receipt, Step
from ringbridge.crm.mirroring import MirrorClient, MirrorDeal, MirrorPage, Ref
from ringbridge.routing.intents import FinishCall, RegisterCall

LISTS: Mapping[str, Listed] = {kind: partial(listed, kind) for kind in FIELDS}


class Mirror:
    """Every method raises `CrmError`."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._reading = Reading(sender)

    async def page(self, cursor: str | None) -> MirrorPage:
        piece = await self._reading.piece(LISTS, cursor)
        clients, deals = _sorted(thing_in(kind, row) for kind, row in piece.rows)
        return MirrorPage(clients=clients, deals=deals, cursor=piece.cursor, total=piece.total)

    async def changed(self, refs: Iterable[Ref]) -> MirrorPage:
        asked = {ref for ref in refs if ref.kind in FIELDS}
        commands = dict(by_ids(asked))
        found: list[MirrorClient | MirrorDeal] = []
        for part in _parts(commands, self._reading.width):
            for key, outcome in (await self._reading.ask(part)).items():
                if failure := self._sender.failure(part[key], outcome):
                    raise failure
                found += [thing for thing in things_in(key.rstrip("0123456789"), outcome) if thing.ref in asked]
        clients, deals = _sorted(found)
        gone = asked - {thing.ref for thing in found}
        return MirrorPage(clients=clients, deals=deals, gone=tuple(sorted(gone, key=lambda ref: (ref.kind, ref.id))))


def made_by(step: Step, receipt: Receipt) -> list[Ref]:
    """What was made for a call changes hands when it is finished."""
    if not isinstance(step.intent, RegisterCall | FinishCall):
        return []
    known = (facts.get(name) for facts in (step.facts, receipt.facts) for name in ("created", "made"))
    return [Ref(kind=one.kind, id=one.id) for documents in known for one in entities_in(documents)]


def _parts(commands: Mapping[str, Command], width: int) -> Iterator[dict[str, Command]]:
    keys = list(commands)
    for start in range(0, len(keys), width):
        yield {key: commands[key] for key in keys[start : start + width]}


def _sorted(
    things: Iterable[MirrorClient | MirrorDeal],
) -> tuple[tuple[MirrorClient, ...], tuple[MirrorDeal, ...]]:
    clients: list[MirrorClient] = []
    deals: list[MirrorDeal] = []
    for thing in things:
        if isinstance(thing, MirrorDeal):
            deals.append(thing)
        else:
            clients.append(thing)
    return tuple(clients), tuple(deals)
