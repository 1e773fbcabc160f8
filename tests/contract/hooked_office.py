"""An office with hooks: a folder of files, a journal with the calls that the contract tests speak of."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent

from ringbridge.crm.contract import Crm
from ringbridge.hooks.runner import Hooks, HookSettings
from ringbridge.routing.intents import PortalId, UserId
from ringbridge.routing.office import Portal, Staff
from ringbridge.service.hooks.hooking import OfficeHooks, PortalHooks
from ringbridge.store import calls
from ringbridge.store.calls import PbxId, call_key
from ringbridge.store.database import Database
from ringbridge.telephony.model import Call, CallId, Direction, Disposition, Extension, Leg, LegResult, Talk

START = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
PBX = PbxId("pbx")
MAIN = PortalId("main")


@dataclass
class HookedOffice:
    folder: Path
    hooks: OfficeHooks
    database: Database

    @property
    def of_portal(self) -> PortalHooks:
        return self.hooks.of(MAIN)

    def write(self, name: str, text: str, *, mode: int = 0o644) -> None:
        path = self.folder / name
        path.write_text(dedent(text).lstrip(), encoding="utf-8")
        path.chmod(mode)

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.folder / name).read_text(encoding="utf-8")
        assert old in text
        self.write(name, text.replace(old, new))

    async def story(self, n: int = 1) -> list[str]:
        async with self.database.reading() as tx:
            return [line.text for line in await calls.story(tx, call_key(PBX, CallId(f"1764090000.{n}")))]

    async def journalled(self, *ended: Call) -> None:
        async with self.database.transaction() as tx:
            await calls.record(tx, PBX, ended)

    def opened(self, crm: Crm) -> None:
        self.hooks.add(OpenPortal(crm))


class OpenPortal:
    id = MAIN

    def __init__(self, crm: Crm) -> None:
        self.crm = crm
        users = {f"10{n}": UserId(str(n)) for n in range(1, 7)}
        staff = Staff(default=UserId("1"), users=users, names={"102": "Anna", "103": "Олег"})
        self.routing = Portal(id=MAIN, staff=staff)


def journal_call(n: int = 1, number: str = "+79125551122", *, answered_by: str | None = "102") -> Call:
    """Rings 12 seconds; answered, it is spoken half a minute."""
    end = START + timedelta(seconds=42)
    answer = START + timedelta(seconds=12) if answered_by else None
    phone = Extension(answered_by or "102")
    return Call(
        id=CallId(f"1764090000.{n}"),
        direction=Direction.INBOUND,
        start=START,
        end=end,
        external=number,
        did="74951112233",
        trunk="mango",
        legs=(
            Leg(
                extension=phone,
                channel=f"1764090000.{n}1",
                ring_start=START,
                answer=answer,
                end=end,
                result=LegResult.ANSWERED if answer else LegResult.NO_ANSWER,
            ),
        ),
        talks=(Talk(extension=phone, start=answer, end=end),) if answer else (),
        disposition=Disposition.ANSWERED if answer else Disposition.MISSED,
    )


@asynccontextmanager
async def hooked(folder: Path, make: Callable[[], Call] = journal_call) -> AsyncIterator[HookedOffice]:
    hooks = Hooks(HookSettings(folder=folder / "hooks"))
    (folder / "hooks").mkdir()
    async with await Database.open(f"sqlite:///{folder / 'journal.db'}") as database:
        office = HookedOffice(folder=folder / "hooks", hooks=OfficeHooks(hooks, database), database=database)
        await office.journalled(make())
        yield office
    hooks.close()
