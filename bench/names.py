"""Names of clients, each client's always the same, and what is told of their calls."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from ringbridge.routing.clients import MirrorClient, Ref
from ringbridge.routing.intents import PortalId
from ringbridge.store.database import Database
from ringbridge.store.mirror import Mirror, Reading
from ringbridge.store.schema import EPOCH

ACME, REGION = PortalId("acme"), "RU"
FIRST = ("Анна", "Борис", "Вера", "Глеб", "Дарья", "Егор", "Жанна", "Захар", "Инна", "Кирилл", "Лидия", "Максим")
LAST = tuple(
    f"{a}{b}{c}ов" for a, b, c in product(("Вол", "Сам", "Кот", "Мар"), ("ак", "ен", "ил", "ор"), "бвгдзклмнпрст")
)
WHOLE = tuple(f"{last}ский" for last in LAST) + LAST + tuple(f"Ново{last.lower()}" for last in LAST)
EVERY_CALLS = "менеджеру"  # a word that is told of every call


def name_of(client: int) -> str:
    return f"{WHOLE[client * 31 % len(WHOLE)]} {FIRST[client // len(WHOLE) % len(FIRST)]}"


def told_of(client: int) -> str:
    return f"Клиент {name_of(client)}: передать {EVERY_CALLS}, лид не создавать"


def mirrored(clients: range, numbers: Iterator[str]) -> Iterator[MirrorClient]:
    for client, number in zip(clients, numbers, strict=True):
        yield MirrorClient(
            ref=Ref(kind="contact", id=str(client)), name=name_of(client), responsible=None, phones=(number,)
        )


async def mirror(database: Database, clients: range, numbers: Iterator[str]) -> None:
    """As the service has a portal's clients when it has read all of them."""
    kept = Mirror(database, ACME, REGION)
    await kept.keep(mirrored(clients, numbers), 1)
    await kept.keep_reading(Reading(region=REGION, generation=1, finished=EPOCH))
