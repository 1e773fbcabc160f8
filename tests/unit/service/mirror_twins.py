"""A CRM in memory whose clients can be mirrored, and a keeper before it whose clock the test moves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ringbridge.crm.mirroring import MirrorClient, MirrorDeal, MirrorPage, Ref
from ringbridge.routing.intents import PortalId, UserId
from ringbridge.service.mirror.keeper import SETTLE, MirrorKeeper
from ringbridge.store.database import Database

MAIN = PortalId("main")
ANNA, OLEG = UserId("2"), UserId("3")
DAY = timedelta(days=1)


def contact(number: int, phone: str = "", *, responsible: UserId = ANNA) -> MirrorClient:
    """Client 7 has the number 112207, unless the test gives another."""
    return MirrorClient(
        ref=Ref(kind="contact", id=str(number)),
        name=f"Contact {number}",
        responsible=responsible,
        phones=(phone or f"1122{number:02}",),
    )


@dataclass
class TwinCrm:
    """Gives `size` things a page, in their order; `fails` are raised by the next requests, one each."""

    things: dict[Ref, MirrorClient | MirrorDeal] = field(default_factory=dict)
    size: int = 3
    fails: list[Exception] = field(default_factory=list)
    asked: list[str | Sequence[Ref] | None] = field(default_factory=list)
    meanwhile: Callable[[], None] = lambda: None  # happens while an answer is on its way

    def put(self, *things: MirrorClient | MirrorDeal) -> None:
        self.things |= {one.ref: one for one in things}

    async def mirror_page(self, cursor: str | None) -> MirrorPage:
        self._ask(cursor)
        begin = int(cursor or 0)
        refs = sorted(self.things, key=lambda ref: (ref.kind, int(ref.id)))
        last = begin + self.size >= len(refs)
        page = self._page(refs[begin : begin + self.size], cursor=None if last else str(begin + self.size))
        return (
            page if cursor else MirrorPage(clients=page.clients, deals=page.deals, cursor=page.cursor, total=len(refs))
        )

    async def mirror_changed(self, refs: Sequence[Ref]) -> MirrorPage:
        self._ask(list(refs))
        return self._page(refs)

    def _ask(self, what: str | Sequence[Ref] | None) -> None:
        self.asked.append(what)
        if self.fails:
            raise self.fails.pop(0)

    def _page(self, refs: Sequence[Ref], cursor: str | None = None) -> MirrorPage:
        self.meanwhile()
        there = [self.things[ref] for ref in refs if ref in self.things]
        return MirrorPage(
            clients=tuple(one for one in there if isinstance(one, MirrorClient)),
            deals=tuple(one for one in there if isinstance(one, MirrorDeal)),
            gone=tuple(ref for ref in refs if ref not in self.things),
            cursor=cursor,
        )


@dataclass
class Hours:
    """A clock, and whether it is quiet."""

    now: datetime = datetime(2026, 3, 10, 8, tzinfo=UTC)
    quiet: bool = True
    meanwhile: Callable[[], None] = lambda: None  # happens while somebody finds out

    def __call__(self) -> datetime:
        return self.now

    async def is_quiet(self) -> bool:
        self.meanwhile()
        return self.quiet


@dataclass
class Kept:
    crm: TwinCrm
    hours: Hours
    database: Database

    async def keeper(self, *, region: str = "RU") -> MirrorKeeper:
        """As after a start."""
        keeper = MirrorKeeper(
            MAIN,
            self.crm,
            self.database,
            region=region,
            every=DAY,
            quiet=self.hours.is_quiet,
            clock=self.hours,
        )
        await keeper.recall()
        return keeper

    async def filled(self) -> MirrorKeeper:
        keeper = await self.keeper()
        await read_whole(keeper)
        return keeper


async def read_whole(keeper: MirrorKeeper) -> None:
    """Begins a reading that is due, and ends it."""
    await keeper.step()
    while keeper.state().reading:
        await keeper.step()


async def read_changes(keeper: MirrorKeeper, hours: Hours) -> None:
    """Those that it was told of, once they have settled."""
    hours.now += SETTLE
    await keeper.step()


async def who_has(keeper: MirrorKeeper, number: str) -> list[str]:
    return [one.id for one in await keeper.find(number)]
