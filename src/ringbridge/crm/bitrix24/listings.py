"""The portal's lists of clients and deals: how they are asked for, and what their rows are.

Source: Bitrix24 REST docs, crm.contact.list, crm.company.list, crm.lead.list, crm.deal.list (filters, ``select`` with
multi-fields by name), "List methods" (fifty rows a page, ``start=-1``: uncounted).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ringbridge.crm.bitrix24.batch import Outcome, Reference
from ringbridge.crm.bitrix24.clients import name_of, user_of
from ringbridge.crm.bitrix24.reading import PAGE
from ringbridge.crm.bitrix24.telephony import Command, as_list, as_map, text
from ringbridge.crm.mirroring import MirrorClient, MirrorDeal, Ref

_WHO = ("ID", "ASSIGNED_BY_ID", "COMPANY_ID")
FIELDS = {
    "contact": (*_WHO, "NAME", "LAST_NAME", "PHONE"),
    "company": ("ID", "ASSIGNED_BY_ID", "TITLE", "PHONE"),
    "lead": (*_WHO, "TITLE", "NAME", "LAST_NAME", "COMPANY_TITLE", "PHONE"),
    "deal": (*_WHO, "TITLE", "CONTACT_ID", "LEAD_ID"),
}
CONDITIONS: Mapping[str, Mapping[str, str]] = {
    "company": {"IS_MY_COMPANY": "N"},  # the portal's own legal entities call nobody
    "lead": {"STATUS_SEMANTIC_ID": "P"},  # a closed one became a client, or is none
    "deal": {"CLOSED": "N"},
}


def listed(kind: str, after: int | Reference | None) -> Command:
    """The page behind an id; None: the first one, with the count of all."""
    condition = dict(CONDITIONS.get(kind, {}))
    if after is not None:
        condition[">ID"] = after if isinstance(after, Reference) else str(after)
    start = -1 if after is not None else 0
    return _list(kind, condition, start)


def _list(kind: str, condition: Mapping[str, Any], start: int) -> Command:
    params = {"select": FIELDS[kind], "filter": condition, "order": {"ID": "ASC"}, "start": start}
    return Command(method=f"crm.{kind}.list", params=params)


def by_ids(refs: Iterable[Ref]) -> Iterator[tuple[str, Command]]:
    ids: dict[str, list[str]] = defaultdict(list)
    for ref in refs:
        ids[ref.kind].append(ref.id)
    for kind, all_of_them in ids.items():
        for number, start in enumerate(range(0, len(all_of_them), PAGE)):
            these = all_of_them[start : start + PAGE]
            yield f"{kind}{number}", _list(kind, {**CONDITIONS.get(kind, {}), "ID": these}, -1)


def things_in(kind: str, outcome: Outcome) -> Iterator[MirrorClient | MirrorDeal]:
    for row in map(as_map, as_list(outcome.result)):
        if text(row.get("ID")).isdecimal():
            yield thing_in(kind, row)


def thing_in(kind: str, row: Mapping[str, Any]) -> MirrorClient | MirrorDeal:
    return _deal(row) if kind == "deal" else _client(kind, row)


def _client(kind: str, row: Mapping[str, Any]) -> MirrorClient:
    return MirrorClient(
        ref=Ref(kind=kind, id=text(row["ID"])),
        name=name_of(row),
        responsible=user_of(row.get("ASSIGNED_BY_ID")),
        phones=phones_in(row),
        company=ref_of("company", row.get("COMPANY_ID")),
        company_name=text(row.get("COMPANY_TITLE")),
    )


def _deal(row: Mapping[str, Any]) -> MirrorDeal:
    clients = (ref_of(kind, row.get(f"{kind.upper()}_ID")) for kind in ("contact", "company", "lead"))
    return MirrorDeal(
        ref=Ref(kind="deal", id=text(row["ID"])),
        title=text(row.get("TITLE")),
        responsible=user_of(row.get("ASSIGNED_BY_ID")),
        clients=tuple(ref for ref in clients if ref),
    )


def phones_in(row: Mapping[str, Any]) -> tuple[str, ...]:
    """As they are written."""
    return tuple(value for one in as_list(row.get("PHONE")) if (value := text(as_map(one).get("VALUE"))))


def ref_of(kind: str, number: Any) -> Ref | None:
    return Ref(kind=kind, id=found) if (found := text(number)) not in {"", "0"} else None
