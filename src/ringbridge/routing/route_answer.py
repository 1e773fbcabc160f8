"""A route in the dialplan's words: short texts without a sign that could mean anything to a dialplan.

The same fields go over HTTP (a form, for Asterisk's `HASH()`) and FastAGI (channel variables). ``count`` is the number
of hops, 0 for the normal route; ``hopN``, ``secN``, ``kindN`` and ``whyN`` say what the N-th one is: see
`Hop`.
"""

from __future__ import annotations

import re

from typing_extensions import TypedDict

from ringbridge.routing.distribution import Hop, HopKind, Reason, Route, RouteClient

EXTENSION = re.compile(r"[0-9A-Za-z_*#+-]{1,40}")
MOST_HOPS = 20
"""Asterisk's HASH() takes a hundred fields (func_strings.c, hash_write), and a hop has four."""

LONGEST_NAME = 80
LONGEST_TEXT = 200

_HURTS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\"`\\${}&,;|<>\[\]]+")
_NO_ID = re.compile(r"[^0-9A-Za-z_.-]+")


def fields_of(route: Route) -> dict[str, str]:
    """All that the dialplan is told, in a fixed order; every value may be empty."""
    hops = dialled(route)
    told = {"count": str(len(hops)), "hops": ",".join(f"{hop.extension}:{hop.seconds}" for hop in hops)}
    for number, hop in enumerate(hops, start=1):
        told[f"hop{number}"] = hop.extension
        told[f"sec{number}"] = str(hop.seconds)
        told[f"kind{number}"] = str(hop.kind)
        told[f"why{number}"] = str(hop.reason)
    client = route.client
    return told | {
        "name": clean(route.caller_name, LONGEST_NAME),
        "client": clean(client.name, LONGEST_NAME) if client else "",
        "entity": f"{_NO_ID.sub('', client.kind)}:{_NO_ID.sub('', client.id)}" if client else "",
        "responsible": _NO_ID.sub("", client.responsible or "") if client else "",
        "reason": str(hops[0].reason) if hops else "",
        "text": clean(route.why, LONGEST_TEXT),
    }


def variables_of(route: Route) -> dict[str, str]:
    """The same as channel variables: RINGBRIDGE_COUNT, RINGBRIDGE_HOP1, RINGBRIDGE_NAME, …"""
    return {f"RINGBRIDGE_{name.upper()}": value for name, value in fields_of(route).items()}


class ToldHop(TypedDict):
    """One thing that rings; the next one follows when nobody answered."""

    extension: str
    seconds: int
    kind: HopKind
    reason: Reason
    user: str | None


class ToldClient(TypedDict):
    """Who calls, as the CRM has it."""

    portal: str
    kind: str
    id: str
    name: str


class ToldRoute(TypedDict):
    """Whom a call is put through to; no hops: the normal route."""

    hops: list[ToldHop]
    name: str
    client: ToldClient | None
    responsible: str | None
    why: str
    skipped: dict[str, str]


def document_of(route: Route) -> ToldRoute:
    """The same for programs, as JSON-ready values; names and texts as they are."""
    return {
        "hops": [
            {
                "extension": hop.extension,
                "seconds": hop.seconds,
                "kind": hop.kind,
                "reason": hop.reason,
                "user": hop.user,
            }
            for hop in dialled(route)
        ],
        "name": route.caller_name,
        "client": told_client(route.client) if route.client else None,
        "responsible": route.client.responsible if route.client else None,
        "why": route.why,
        "skipped": dict(route.skipped),
    }


def told_client(client: RouteClient) -> ToldClient:
    return {"portal": client.portal, "kind": client.kind, "id": client.id, "name": client.name}


def dialled(route: Route) -> tuple[Hop, ...]:
    """The hops that a dialplan can dial. An extension that is none is left out rather than mended: what would be left
    of it may be another phone."""
    return tuple(hop for hop in route.hops if EXTENSION.fullmatch(hop.extension) and hop.seconds > 0)[:MOST_HOPS]


def clean(text: str, longest: int) -> str:
    """The text without what a dialplan, a SIP header or a line end could trip over."""
    return " ".join(_HURTS.sub(" ", text).split())[:longest].rstrip()
