"""The pipeline: what a PBX says becomes journal rows and deliveries, together or not at all."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from ringbridge.ami.errors import ActionRefused
from ringbridge.ami.message import Action, Message
from ringbridge.ami.protocol import Answer, Protocol
from ringbridge.delivery.local import LocalEngine
from ringbridge.pbx.inbox import Inbox, Item, Lost, Received, Resync
from ringbridge.routing.intents import PortalId, UserId
from ringbridge.routing.office import Portal, Staff
from ringbridge.routing.rules import Answers, ClientKnown, Create, Responsible, Rule, SpreadList
from ringbridge.service import pipeline as pipeline_module
from ringbridge.service.absence import LATE
from ringbridge.service.pipeline import Pipeline
from ringbridge.store import calls, schema
from ringbridge.store.calls import CallKey, PbxId, StoryKind, StoryLine
from ringbridge.store.database import Database
from ringbridge.telephony.model import Call, Disposition, Extension, Talk
from ringbridge.telephony.trace import read_trace
from ringbridge.telephony.tracker import CallTracker

TRACES = Path("tests/traces/ast22")
PBX = PbxId("office")
MAIN = PortalId("main")
PORTAL = Portal(id=MAIN, staff=Staff(default=UserId("9"), users={"101": UserId("1"), "102": UserId("2")}))
LATER = timedelta(seconds=5)


class Played:
    """A link whose PBX says what was put in, and answers Getvar from a table."""

    def __init__(self, variables: dict[str, str] | None = None) -> None:
        self.inbox = Inbox()
        self.last = datetime(2026, 1, 1, tzinfo=UTC)
        self.asked: list[Action] = []
        self.variables = variables or {}

    def say(self, *items: Item) -> None:
        for item in items:
            self.last = item.at
            self.inbox.put(item)

    async def take(self) -> list[Item]:
        return await self.inbox.take()

    async def action(self, action: Action) -> Answer:
        self.asked.append(action)
        channel = dict(action.headers)["Channel"]
        if channel not in self.variables:
            raise ActionRefused(action.name, "No such channel")
        response = Message((("Response", "Success"), ("Value", self.variables[channel])))
        return Answer(action_id=response.action_id, response=response)


class Records:
    is_kept = True

    def __init__(self, *told: Call) -> None:
        self.told = told
        self.periods: list[tuple[datetime, datetime]] = []

    async def between(self, since: datetime, until: datetime) -> list[Call]:
        self.periods.append((since, until))
        return list(self.told)


class NoRecords(Records):
    is_kept = False


class LateRecords(Records):
    """They are not written yet when they are looked at first; then the time comes for the second look."""

    def __init__(self, source: "Played", *told: Call) -> None:
        super().__init__(*told)
        self.source = source

    async def between(self, since: datetime, until: datetime) -> list[Call]:
        told = await super().between(since, until)
        if len(self.periods) > 1:
            return told
        self.source.last += LATE
        return []


def heard(name: str) -> Iterator[Received]:
    protocol = Protocol()
    for portion in read_trace(TRACES / f"{name}.ami.gz"):
        protocol.receive_data(portion.data)
        messages = tuple(item for item in protocol.events_received() if isinstance(item, Message))
        if messages:
            yield Received(messages=messages, at=portion.at)


class Crms:
    """One portal, which knows these clients."""

    def __init__(self, portal: Portal = PORTAL, *known: str) -> None:
        self.portal = portal
        self.known = known
        self.asked: list[str] = []
        self.turns: list[str] = []

    def portals(self) -> list[Portal]:
        return [self.portal]

    async def knows(self, portal: PortalId, number: str) -> bool:
        self.asked.append(number)
        return number in self.known

    async def dealt(self, tx: object, portal: PortalId, extension: str) -> None:
        self.turns.append(extension)


def ended(call: Call) -> bool:
    return call.end is not None and call.concerns_client


class Bench:
    """A pipeline on a database file, fed by hand."""

    def __init__(
        self, database: Database, source: Played, records: Records | None = None, crms: Crms | None = None
    ) -> None:
        self.database = database
        self.source = source
        self.shown: list[Call] = []
        self.changed = asyncio.Event()
        self.pipeline = Pipeline(
            PBX,
            tracker=CallTracker(trunks=frozenset({"mango", "mtt"})),
            source=source,
            database=database,
            announcer=LocalEngine(database, [MAIN]),
            crms=crms or Crms(),
            history=records or NoRecords(),
            clock=lambda: source.last + LATER,
        )
        self.pipeline.show = self._show

    def _show(self, pbx: PbxId, call: Call) -> None:
        self.shown.append(call)
        waiting, self.changed = self.changed, asyncio.Event()
        waiting.set()

    async def play_until(self, shown: Callable[[Call], object]) -> None:
        """Runs the pipeline until it has shown such a call, and stops it."""
        running = asyncio.create_task(self.pipeline.run())
        try:
            async with asyncio.timeout(60):
                while not any(map(shown, self.shown)):
                    await self.changed.wait()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def steps(self) -> list[str]:
        wanted = select(schema.deliveries.c.key).order_by(schema.deliveries.c.id)
        async with self.database.reading() as tx:
            return list((await tx.execute(wanted)).scalars())

    async def journal(self) -> list[Call]:
        async with self.database.reading() as tx:
            return [entry.call for entry in (await calls.page(tx)).entries]


@pytest.fixture
async def database(tmp_path):
    async with await Database.open(f"sqlite:///{tmp_path}/ringbridge.db") as opened:
        yield opened


async def test_a_recorded_call_becomes_one_journal_row_and_its_steps_in_order(database):
    source = Played()
    for item in heard("inbound_answered"):
        source.say(item)
    bench = Bench(database, source)
    await bench.play_until(ended)
    (call,) = await bench.journal()
    assert (call.disposition, call.answered_by) == (Disposition.ANSWERED, ("101",))
    steps = [step.rpartition("/")[2].partition(" ")[0] for step in await bench.steps()]
    assert steps == ["RegisterCall", "ShowCard", "HideCard", "FinishCall", "AttachRecording"]
    assert bench.shown[-1] == call


async def test_the_log_tells_of_each_ended_call_and_hides_its_number(database, logged_by):
    source = Played()
    for item in heard("inbound_answered"):
        source.say(item)
    with logged_by(pipeline_module) as logged:
        bench = Bench(database, source)
        await bench.play_until(ended)
    (call,) = await bench.journal()
    (line,) = [line for line in logged if line["event"] == "call_ended"]
    assert (line["call"], line["direction"], line["result"], line["trunk"]) == (call.id, "inbound", "answered", "mango")
    assert call.external
    assert call.external not in str(logged)
    assert line["number"].endswith(call.external[-2:])


async def test_the_story_tells_what_asterisk_said_and_what_was_decided(database):
    source = Played()
    for item in heard("inbound_answered"):
        source.say(item)
    bench = Bench(database, source)
    await bench.play_until(ended)
    (call,) = await bench.journal()
    async with database.reading() as tx:
        lines = await calls.story(tx, CallKey(f"{PBX}-{call.id}"))
    texts = [line.text for line in lines]
    assert any(text.startswith("DialBegin PJSIP/mango") for text in texts)
    assert any("RegisterCall (user 1)" in text for text in texts)


async def test_what_others_remark_of_a_call_stands_in_its_story_once(database):
    source = Played()
    for item in heard("inbound_answered"):
        source.say(item)
    bench = Bench(database, source)
    remarks = [StoryLine(at=source.last, kind=StoryKind.DECIDED, text="The dialplan asked for a route")]
    bench.pipeline.remarks = lambda call: [remarks.pop()] if remarks and call.concerns_client else []
    await bench.play_until(ended)
    (call,) = await bench.journal()
    async with database.reading() as tx:
        texts = [line.text for line in await calls.story(tx, CallKey(f"{PBX}-{call.id}"))]
    assert texts.count("The dialplan asked for a route") == 1


async def test_who_rings_is_overheard_before_it_is_written_and_again_after_a_restart(database):
    items = list(heard("inbound_answered"))
    ringing = [item for item in items if item.at <= items[0].at + timedelta(seconds=3)]
    source, overheard = Played(), list[tuple[str, int]]()
    source.say(*ringing)
    bench = Bench(database, source)
    bench.pipeline.overhear = lambda pbx, call: overheard.append((call.ringing, len(bench.shown)))
    await bench.play_until(lambda call: call.ringing)
    assert (("101",), 0) in overheard

    again, known = Bench(database, Played()), []
    again.pipeline.overhear = lambda pbx, call: known.append(call.ringing)
    running = asyncio.create_task(again.pipeline.run())
    async with asyncio.timeout(60):
        while not known:  # noqa: ASYNC110 - a state of the pipeline, not an event
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert known[0] == ("101",)


async def allow_writing(database: Database, *, allowed: bool) -> None:
    """SQLite itself refuses every write, as it does on a disk that has become read-only."""
    with closing(database._writer.raw_connection()) as connection:
        connection.cursor().execute(f"PRAGMA query_only={'OFF' if allowed else 'ON'}")


async def test_while_the_database_takes_nothing_no_event_is_lost(database):
    source = Played()
    for item in heard("inbound_answered"):
        source.say(item)
    bench = Bench(database, source)
    await allow_writing(database, allowed=False)
    running = asyncio.create_task(bench.play_until(ended))
    async with asyncio.timeout(60):
        while bench.pipeline.trouble is None:  # noqa: ASYNC110 - a state of the pipeline, not an event
            await asyncio.sleep(0.01)
    assert await bench.journal() == []
    await allow_writing(database, allowed=True)
    await running
    (call,) = await bench.journal()
    assert call.answered_by == ("101",)
    assert len(await bench.steps()) == 5


async def test_a_message_that_breaks_the_tracker_takes_no_other_call_with_it(database, monkeypatch):
    items = list(heard("inbound_answered"))
    source = Played()
    poison = Message((("Event", "Newchannel"), ("Uniqueid", "poison"), ("Channel", "PJSIP/x-1")))
    source.say(items[0])
    source.say(Received(messages=(poison,), at=items[0].at))
    for item in items[1:]:
        source.say(item)
    bench = Bench(database, source)
    feed = CallTracker.feed

    def fragile(tracker: CallTracker, message: Message, at: datetime):
        if message.get("Uniqueid") == "poison":
            raise ZeroDivisionError
        return feed(tracker, message, at)

    monkeypatch.setattr(CallTracker, "feed", fragile)
    await bench.play_until(ended)
    assert [call.answered_by for call in await bench.journal() if call.concerns_client] == [("101",)]


async def test_the_file_of_a_recording_is_asked_for_where_the_dialplan_is_not_read(database):
    source = Played()
    name = ""
    for item in heard("inbound_answered"):
        kept = tuple(message for message in item.messages if message.event != "VarSet")
        name = next((m.get("Channel") for m in kept if m.event == "MixMonitorStart"), name)
        source.say(Received(messages=kept, at=item.at))
        if any(message.event == "BridgeEnter" for message in kept):
            break
    source.variables[name] = "/var/spool/asterisk/monitor/in.wav"
    bench = Bench(database, source)
    await bench.play_until(lambda call: any(recording.path for recording in call.recordings))
    assert [dict(action.headers)["Variable"] for action in source.asked] == ["MIXMONITOR_FILENAME"]


async def test_a_call_that_ended_while_the_link_was_down_comes_from_the_records(database):
    items = list(heard("inbound_answered"))
    half = next(n for n, item in enumerate(items) if any(m.event == "BridgeEnter" for m in item.messages)) + 1
    at = items[half].at
    source = Played()
    for item in items[:half]:
        source.say(item)
    source.say(Lost(reason="cut", at=at, heard=at))
    first = Bench(database, source)
    await first.play_until(lambda call: call.talks)
    (open_call,) = await first.journal()
    assert open_call.end is None

    end = at + timedelta(seconds=30)
    told = replace(
        open_call,
        legs=(),
        talks=(Talk(extension=Extension("101"), start=at, end=end),),
        end=end,
        disposition=Disposition.ANSWERED,
    )
    again = Played()
    records = Records(told)
    second = Bench(database, again, records)
    again.say(Resync(channels=(), bridges=(), at=end + timedelta(seconds=1)))
    await second.play_until(ended)
    (call,) = await second.journal()
    assert (call.end, call.interrupted, call.answered_by) == (end, False, ("101",))
    assert call.talks[0].end == end
    assert len(records.periods) == 1


async def ringing_at_our_death(database: Database) -> tuple[Call, datetime]:
    """A phone rings, and then nothing is heard any more."""
    items = list(heard("inbound_answered"))
    half = next(n for n, item in enumerate(items) if any(m.event == "BridgeEnter" for m in item.messages))
    source = Played()
    source.say(*items[:half])
    bench = Bench(database, source)
    await bench.play_until(lambda call: call.legs)
    (open_call,) = await bench.journal()
    return open_call, items[half].at


async def test_a_call_that_was_answered_unheard_is_answered_though_its_record_is_written_late(database):
    ringing, at = await ringing_at_our_death(database)
    talk = Talk(extension=Extension("101"), start=at, end=at + timedelta(seconds=9))
    again = Played()
    records = LateRecords(again, replace(ringing, end=talk.end, talks=(talk,), disposition=Disposition.ANSWERED))
    second = Bench(database, again, records)
    again.say(Resync(channels=(), bridges=(), at=at + timedelta(seconds=10)))
    await second.play_until(ended)
    (call,) = await second.journal()
    assert (call.disposition, call.end, call.interrupted) == (Disposition.ANSWERED, talk.end, False)
    assert len([call for call in second.shown if ended(call)]) == 1


async def test_a_call_whose_record_never_comes_ends_with_the_second_look(database):
    _, at = await ringing_at_our_death(database)
    again = Played()
    second = Bench(database, again, LateRecords(again))
    again.say(Resync(channels=(), bridges=(), at=at))
    await second.play_until(ended)
    (call,) = await second.journal()
    assert (call.disposition, call.end, call.interrupted) == (Disposition.MISSED, at, True)


async def test_a_call_that_the_restart_missed_and_no_record_tells_of_ends_as_interrupted(database):
    items = list(heard("inbound_answered"))
    half = next(n for n, item in enumerate(items) if any(m.event == "BridgeEnter" for m in item.messages)) + 1
    source = Played()
    for item in items[:half]:
        source.say(item)
    first = Bench(database, source)
    await first.play_until(lambda call: call.talks)
    again = Played()
    second = Bench(database, again)
    again.say(Resync(channels=(), bridges=(), at=items[half].at))
    await second.play_until(ended)
    (call,) = await second.journal()
    assert call.interrupted
    assert call.disposition is Disposition.ANSWERED
    assert [step for step in await second.steps() if step.endswith("/FinishCall")]


UNKNOWN_ONLY = Rule(name="unknown ones make a lead", client=ClientKnown.UNKNOWN, answers=Answers(create=Create.LEAD))
NOTHING_ELSE = Rule(name="others make nothing", answers=Answers(create=Create.NOTHING))


@pytest.mark.parametrize(("known", "what"), [((), "lead"), (("79125551122",), None)])
async def test_a_rule_that_wants_to_know_the_client_asks_the_portal_once_a_call(database, known, what):
    crms = Crms(replace(PORTAL, rules=(UNKNOWN_ONLY, NOTHING_ELSE)), *known)
    source = Played()
    source.say(*heard("inbound_answered"))
    bench = Bench(database, source, crms=crms)
    await bench.play_until(ended)
    wanted = select(schema.deliveries.c.intent).where(schema.deliveries.c.step == "RegisterCall")
    async with database.reading() as tx:
        registered = json.loads((await tx.execute(wanted)).scalars().one())
    assert (registered["creation"] or {}).get("what") == what
    assert crms.asked == ["79125551122"]


async def test_a_missed_call_that_is_dealt_out_takes_the_turn_of_who_got_it(database):
    spread = Rule(
        name="spread",
        answers=Answers(missed_to=(Responsible.SPREAD,), spread=SpreadList(extensions=("102", "101"))),
    )
    crms = Crms(replace(PORTAL, rules=(spread,)))
    source = Played()
    source.say(*heard("inbound_missed_direct"))
    bench = Bench(database, source, crms=crms)
    await bench.play_until(ended)
    assert crms.turns == ["102"]
