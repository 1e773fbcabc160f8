"""A PBX and a portal in memory, as far as dialling knows them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from ringbridge.ami.errors import AmiError
from ringbridge.ami.message import Action, ActionId, Message
from ringbridge.ami.protocol import Answer
from ringbridge.delivery.local import LocalEngine
from ringbridge.routing.dialing import DialPlan, DialRequest
from ringbridge.routing.intents import PortalId, UserId
from ringbridge.routing.office import Portal, Staff
from ringbridge.service.dialing.dialing import Dialing, Prepare, as_decided
from ringbridge.store import dials, schema
from ringbridge.store.calls import PbxId
from ringbridge.store.database import Database
from ringbridge.store.dials import Dial, DialState
from ringbridge.store.documents import load_intent

PBX = PbxId("office")
START = datetime(2026, 3, 10, 12, tzinfo=UTC)  # a Tuesday
MAIN = PortalId("main")
STAFF = Staff(default=UserId("9"), users={"101": UserId("1"), "102": UserId("2")})


class Switchboard:
    """A PBX that does as it is told, or as `fails` says."""

    def __init__(self) -> None:
        self.asked: list[Action] = []
        self.live: set[str] = set()
        self.fails: AmiError | None = None
        self.dialled = asyncio.Event()

    async def action(self, action: Action) -> Answer:
        response = Message((("Response", "Success"),))
        if action.name == "CoreShowChannels":
            rows = tuple(Message((("Uniqueid", channel),)) for channel in self.live)
            return Answer(action_id=ActionId("1"), response=response, rows=rows)
        self.asked.append(action)
        self.dialled.set()
        if self.fails:
            raise self.fails
        return Answer(action_id=ActionId("1"), response=response)


class Crm:
    """A portal that remembers what calls it waits for."""

    def __init__(self) -> None:
        self.adopted: dict[str, str] = {}
        self.ordered: set[str] = set()

    @property
    def routing(self) -> Portal:
        return Portal(id=MAIN, staff=STAFF, adopted=self.adopted, ordered=self.ordered)

    def expect(self, channels: tuple[str, ...], request: DialRequest) -> None:
        if request.crm_call_id:
            self.adopted.update(dict.fromkeys(channels, request.crm_call_id))
        else:
            self.ordered.update(channels)

    def forget(self, channels: tuple[str, ...]) -> None:
        for channel in channels:
            self.adopted.pop(channel, None)


class Desk:
    """Where calls are asked for: dialling with its twins, at a time that stands still."""

    def __init__(
        self, database: Database, pbx: Switchboard, plan: DialPlan | None = None, prepare: Prepare = as_decided
    ) -> None:
        self.database, self.pbx, self.crm = database, pbx, Crm()
        self.now = START
        self.dialing = Dialing(
            plan or DialPlan(callback_to="600"),
            name=PBX,
            pbx=pbx,
            database=database,
            announcer=LocalEngine(database, [MAIN]),
            portals={MAIN: self.crm},
            prepare=prepare,
            clock=lambda: self.now,
        )

    async def dial(self, source: str = "call-1", **more: Any) -> Dial | None:
        values = {"portal": MAIN, "source": source, "number": "+79125551122", "at": self.now, "user": UserId("1")}
        return await self.dialing.dial(DialRequest(**{**values, "crm_call_id": source, **more}))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.dialing.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def told(self) -> list[Any]:
        """What the portal is to be told, in order."""
        wanted = select(schema.deliveries.c.kind, schema.deliveries.c.intent).order_by(schema.deliveries.c.id)
        async with self.database.reading() as tx:
            return [load_intent(row.kind, row.intent) for row in await tx.execute(wanted)]

    async def until_told(self, count: int) -> list[Any]:
        async with asyncio.timeout(60):
            while len(told := await self.told()) < count:  # noqa: ASYNC110 - rows tell nobody that they were written
                await asyncio.sleep(0.01)
        return told

    async def until_state(self, state: DialState) -> None:
        """Until the only request is in this state."""
        async with asyncio.timeout(60):
            while await self.states() != [state]:  # noqa: ASYNC110 - rows tell nobody that they were written
                await asyncio.sleep(0.01)

    async def states(self) -> list[DialState]:
        async with self.database.reading() as tx:
            return [dial.state for dial in await dials.since(tx, START - timedelta(days=1))]
