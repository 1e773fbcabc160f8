"""Calls are decided, delivered, refused, lost and cut off in any order; in the end the portal has each of them once."""

from __future__ import annotations

import asyncio
import tempfile
from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings, stateful
from hypothesis import strategies as st
from tests.stateful.sample_calls import NOON, PORTAL, Record, claimed, decide_on, key_of
from tests.stateful.twin_crm import Fault, ProcessDied, TwinCrm

from ringbridge.delivery.policy import REQUEST_LIMIT
from ringbridge.delivery.portal_queue import UNHURRIED, URGENT
from ringbridge.delivery.worker import Worker
from ringbridge.routing.intents import AttachRecording, FinishCall, HideCard, Intent, RegisterCall, ShowCard
from ringbridge.store import deliveries, portals
from ringbridge.store.calls import get
from ringbridge.store.database import Database
from ringbridge.store.order import State
from ringbridge.store.outcome import Delivery
from ringbridge.store.story import story

CALLS = st.integers(1, 3)
USERS = st.sampled_from("123")
PASSING = st.sampled_from([f for f in Fault if f is not Fault.REJECTED])


class Office(stateful.RuleBasedStateMachine):
    """The pipeline, the worker and the portal, with the clock and every mishap in hypothesis' hands."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.runner = asyncio.Runner()
        self.now = NOON
        self.twin = TwinCrm(self.clock)
        self.worker = Worker({PORTAL: self.twin}, now=self.clock)
        self.wanted: dict[int, list[Intent]] = defaultdict(list)  # by call
        self.records: dict[int, list[Record]] = defaultdict(list)
        self.under_way: list[list[Delivery]] = []
        self.rings = 0
        self.parked = False
        self.database = self.runner.run(self.open())

    def clock(self) -> datetime:
        return self.now

    async def open(self) -> Database:
        return await Database.open(f"sqlite:///{Path(self.folder.name) / 'ringbridge.db'}", sole=True)

    # What the pipeline decides

    def decide(self, call: int, *intents: Intent) -> None:
        assert len(self.runner.run(decide_on(self.database, call, list(intents), self.now))) == len(intents)
        self.wanted[call] += intents

    @stateful.rule(call=CALLS, user=USERS)
    def a_call_or_its_next_record_begins(self, call: int, user: str) -> None:
        if len(self.records[call]) < 3:
            record = Record(call, len(self.records[call]) + 1)
            self.records[call].append(record)
            self.decide(call, record.register(user))

    @stateful.precondition(lambda self: self.wanted)
    @stateful.rule(call=CALLS, users=st.lists(USERS, min_size=1, unique=True), data=st.data())
    def phones_ring_or_stop(self, call: int, users: list[str], data: st.DataObject) -> None:
        if self.records[call] and not self.is_over(call):
            self.rings += 1
            record, ring = self.records[call][-1], str(self.rings)
            show = data.draw(st.booleans(), label="show")
            self.decide(call, record.show(*users, ring=ring) if show else record.hide(*users, ring=ring))

    @stateful.precondition(lambda self: self.wanted)
    @stateful.rule(call=CALLS, recorded=st.booleans())
    def a_record_ends(self, call: int, recorded: bool) -> None:
        if self.records[call] and not self.is_over(call):
            record = self.records[call][-1]
            self.decide(call, record.finish(), *([record.attach()] if recorded else []))

    def is_over(self, call: int) -> bool:
        last = self.records[call][-1].key
        return any(isinstance(i, FinishCall) and i.record == last for i in self.wanted[call])

    @stateful.precondition(lambda self: self.wanted)
    @stateful.rule(call=CALLS)
    def a_replay_decides_the_same_again(self, call: int) -> None:
        assert self.runner.run(decide_on(self.database, call, self.wanted[call], self.now)) == []

    # What becomes of it

    @stateful.precondition(lambda self: self.wanted)
    @stateful.rule(
        priorities=st.sampled_from([URGENT, UNHURRIED, URGENT + UNHURRIED]), limit=st.sampled_from([1, 3, 50])
    )
    def a_batch_is_claimed(self, priorities: tuple[object, ...], limit: int) -> None:
        self.runner.run(self.claim(priorities, limit))

    async def claim(self, priorities: tuple[object, ...], limit: int) -> None:
        async with self.database.reading() as tx:
            self.parked = await portals.parked(tx, PORTAL) is not None
        if not self.parked:
            batch = await claimed(self.database, self.now, limit, priorities=priorities)
            assert not {r.id for r in batch} & {r.id for other in self.under_way for r in other}
            if batch:
                self.under_way.append(batch)

    @stateful.precondition(lambda self: self.under_way)
    @stateful.rule(data=st.data())
    def a_batch_is_delivered(self, data: st.DataObject) -> None:
        batch = self.under_way.pop(data.draw(st.integers(0, len(self.under_way) - 1), label="batch"))
        self.twin.fault = lambda step: data.draw(PASSING, label=step.intent.step)
        self.deliver(batch)

    @stateful.precondition(lambda self: self.wanted)
    @stateful.rule(fault=PASSING)
    def what_is_due_next_is_sent_and_meets_one_fate(self, fault: Fault) -> None:
        self.runner.run(self.wait_until_due())
        self.runner.run(self.claim(URGENT + UNHURRIED, 50))
        self.twin.fault = lambda _: fault
        if self.under_way:
            self.deliver(self.under_way.pop())

    async def wait_until_due(self) -> None:
        async with self.database.reading() as tx:
            self.now = max(self.now, await deliveries.next_due(tx, PORTAL) or self.now)

    def deliver(self, batch: list[Delivery]) -> None:
        try:
            self.runner.run(self.deliver_and_settle(batch))
        except ProcessDied:
            self.the_process_dies()
        assert self.twin.broken_rules == []

    async def deliver_and_settle(self, batch: list[Delivery]) -> None:
        outcomes = await self.worker.deliver(batch)
        async with self.database.transaction() as tx:
            settled = dict(zip((row.id for row in batch), outcomes, strict=True))
            await deliveries.settle(tx, PORTAL, settled, self.now)

    @stateful.precondition(lambda self: self.wanted)
    @stateful.rule()
    def the_process_dies(self) -> None:
        self.under_way.clear()
        self.runner.run(self.restart())

    async def restart(self) -> None:
        await self.database.aclose()
        self.database = await self.open()
        async with self.database.transaction() as tx:
            await deliveries.recover(tx, self.now, REQUEST_LIMIT)

    @stateful.precondition(lambda self: self.wanted)
    @stateful.rule(seconds=st.sampled_from([1, 4, 70, 700]))
    def time_goes_by(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @stateful.precondition(lambda self: self.parked)
    @stateful.rule()
    def a_person_mends_the_key(self) -> None:
        self.runner.run(self.unpark())

    async def unpark(self) -> None:
        self.parked = False
        async with self.database.transaction() as tx:
            await portals.unpark(tx, PORTAL)

    # What must be true

    def teardown(self) -> None:
        try:
            self.twin.fault = lambda _: Fault.NONE
            self.runner.run(self.deliver_all())
            self.everything_has_arrived()
            self.cards_are_as_they_should_be()
            self.each_call_was_told_in_order()
        finally:
            self.runner.run(self.database.aclose())
            self.runner.close()
            self.folder.cleanup()

    async def deliver_all(self) -> None:
        for batch in self.under_way:
            await self.deliver_and_settle(batch)
        await self.unpark()
        self.now += timedelta(minutes=15)  # nothing waits longer than that
        while batch := await claimed(self.database, self.now):
            await self.deliver_and_settle(batch)
        async with self.database.reading() as tx:
            assert await deliveries.backlog(tx) == {}
            for call in self.records:
                assert not self.wanted[call] or await get(tx, key_of(call))
                lines = await story(tx, key_of(call))
                assert not [line for line in lines if line.kind in {State.WAITING, State.GIVEN_UP}]

    def everything_has_arrived(self) -> None:
        assert self.twin.broken_rules == []
        for intent in (i for intents in self.wanted.values() for i in intents):
            entry = self.twin.entries[intent.record]
            match intent:
                case RegisterCall():
                    assert entry.registered == 1
                case FinishCall():
                    assert entry.finished == 1
                case AttachRecording():
                    assert entry.recordings.count(intent.path) == 1

    def cards_are_as_they_should_be(self) -> None:
        for intents in self.wanted.values():
            last_word: dict[str, dict[str, bool]] = defaultdict(dict)
            for intent in intents:
                match intent:
                    case RegisterCall():
                        last_word[intent.record][intent.user] = True
                    case ShowCard() | HideCard():
                        last_word[intent.record] |= dict.fromkeys(intent.users, isinstance(intent, ShowCard))
            over = {i.record for i in intents if isinstance(i, FinishCall)}
            for record, words in last_word.items():
                should = {user for user, shown in words.items() if shown}
                shown = self.twin.entries[record].cards
                assert shown <= should if record in over else shown == should

    def each_call_was_told_in_order(self) -> None:
        """Registrations and finishes of a call, all its records together, happened first in the order decided."""
        for intents in self.wanted.values():
            decided = [i for i in intents if isinstance(i, RegisterCall | FinishCall)]
            names = [(i.record, i.step) for i in decided]
            first = dict.fromkeys((s.intent.record, s.intent.step) for s in self.twin.carried_out)
            assert [name for name in first if name in names] == names


PHASES = [p for p in Phase if p is not Phase.shrink]
Office.TestCase.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow], phases=PHASES
)
TestDeliverySurvivesEverything = Office.TestCase
