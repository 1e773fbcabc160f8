"""What passed while nobody listened is told once, whenever and however the PBX's records tell it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ringbridge.ami.message import Message
from ringbridge.pbx.inbox import Resync
from ringbridge.service.absence import LATE, Absence
from ringbridge.store import calls
from ringbridge.store.database import Database
from ringbridge.store.keys import PbxId
from ringbridge.telephony.model import Call, CallId, Direction, Disposition

PBX = PbxId("office")
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def call(uniqueid: str, *, start: int = 0, end: int | None = None, number: str = "79125551122") -> Call:
    """Seconds are counted from noon."""
    return Call(
        id=CallId(uniqueid),
        direction=Direction.INBOUND,
        start=NOON + start * SECOND,
        end=None if end is None else NOON + end * SECOND,
        external=number,
        disposition=None if end is None else Disposition.MISSED,
        channels=(uniqueid,),
        client_channels=(uniqueid,),
    )


def without_uniqueid(told: Call) -> Call:
    """As the records of an Asterisk with its default cdr.conf tell it."""
    seconds = int(told.start.timestamp())
    return Call(
        id=CallId(f"{seconds}-PJSIP/mango-00000001"),
        direction=told.direction,
        start=told.start,
        end=told.end,
        external=f"+{told.external}",
        disposition=told.disposition,
    )


class Records:
    is_kept = True

    def __init__(self) -> None:
        self.written: list[Call] = []

    async def between(self, since: datetime, until: datetime) -> list[Call]:
        return [told for told in self.written if told.end and since <= told.end <= until]


class Pbx:
    """Its records, a clock, and a journal that may be written by hand."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.records = Records()
        self.now = NOON

    def absence(self, configured: datetime | None = None) -> Absence:
        return Absence(PBX, history=self.records, database=self.database, clock=lambda: self.now, configured=configured)

    async def journal(self, *known: Call) -> None:
        async with self.database.transaction() as tx:
            await calls.record(tx, PBX, known)

    def listing(self, *alive: tuple[str, str]) -> Resync:
        """Uniqueid and Linkedid of each live channel."""
        rows = tuple(Message((("Uniqueid", one), ("Linkedid", first))) for one, first in alive)
        return Resync(channels=rows, bridges=(), at=self.now)


@pytest.fixture
async def pbx(tmp_path: Path) -> AsyncIterator[Pbx]:
    async with await Database.open(f"sqlite:///{tmp_path / 'ringbridge.db'}") as database:
        yield Pbx(database)


def ids(found: Sequence[Call]) -> list[str]:
    return [told.id for told in found]


async def test_a_record_that_is_written_late_is_found_by_the_second_look(pbx: Pbx) -> None:
    await pbx.journal(call("1.1", end=0))
    absence = pbx.absence()
    await absence.recall()
    pbx.now = NOON + 60 * SECOND
    assert await absence.ended(pbx.listing()) == []
    pbx.records.written = [call("1.2", start=10, end=59)]
    assert await absence.found_late(()) is None
    assert absence.next_look is not None
    pbx.now = absence.next_look
    late = await absence.found_late(())
    assert late is not None
    assert (ids(late.calls), late.until) == (["1.2"], NOON + 60 * SECOND)
    assert absence.next_look is None


async def test_at_the_very_first_connection_calls_that_are_just_hung_up_wait_for_their_records_too(pbx: Pbx) -> None:
    absence = pbx.absence()
    await absence.recall()
    pbx.records.written = [call("1.1", start=-60, end=-30)]
    assert await absence.ended(pbx.listing(("1.2", "1.2"))) == []
    pbx.records.written += [call("1.2", start=-20, end=1)]
    await pbx.journal(call("1.2", start=-20))
    assert absence.next_look is not None
    pbx.now = absence.next_look
    late = await absence.found_late({CallId("1.2")})
    assert late is not None
    assert (ids(late.calls), late.until) == (["1.2"], NOON)


async def test_the_second_look_ends_the_calls_that_waited_for_it_and_none_that_goes_on(pbx: Pbx) -> None:
    await pbx.journal(call("1.2"), call("1.3", number="79035550000"))
    absence = pbx.absence()
    await absence.recall()
    pbx.now = NOON + 60 * SECOND
    assert await absence.ended(pbx.listing(("1.3", "1.3"))) == []
    pbx.records.written = [call("1.2", end=59), call("1.3", end=50, number="79035550000")]
    pbx.now += LATE
    late = await absence.found_late({CallId("1.2")})
    assert late is not None
    assert ids(late.calls) == ["1.2"]


async def test_a_record_is_found_whose_call_ended_several_short_lives_ago(pbx: Pbx) -> None:
    """Others were heard since, and no life lasted until its second look."""
    await pbx.journal(call("1.2"), call("1.3", start=100, end=200, number="79035550000"))
    pbx.records.written = [call("1.1", end=5, number="79046660000"), call("1.2", end=10)]
    pbx.now = NOON + 210 * SECOND
    absence = pbx.absence()
    await absence.recall()
    assert ids(await absence.ended(pbx.listing())) == ["1.2"]


async def test_the_records_of_phones_alone_do_not_tell_how_their_caller_fared(pbx: Pbx) -> None:
    """A queue writes those of its phones first; that of the client's own channel comes with the call's end."""
    await pbx.journal(call("1.2"))
    of_a_phone = Call(
        id=CallId("1.2"),
        direction=Direction.INBOUND,
        start=NOON,
        end=NOON + 9 * SECOND,
        disposition=Disposition.MISSED,
        channels=("1.5",),
    )
    pbx.records.written = [of_a_phone]
    pbx.now = NOON + 20 * SECOND
    absence = pbx.absence()
    await absence.recall()
    assert await absence.ended(pbx.listing()) == []


async def test_a_process_that_dies_before_its_second_look_leaves_it_to_the_next(pbx: Pbx) -> None:
    """Another call was heard meanwhile: the journal's last moment is later than the end that nobody heard."""
    await pbx.journal(call("1.3", start=20, end=40))
    pbx.records.written = [call("1.2", start=10, end=30)]
    pbx.now = NOON + 60 * SECOND
    absence = pbx.absence()
    await absence.recall()
    assert ids(await absence.ended(pbx.listing())) == ["1.2"]


async def test_what_the_journal_has_is_told_by_neither_look(pbx: Pbx) -> None:
    ended = call("1.2", start=10, end=30)
    await pbx.journal(ended)
    pbx.records.written = [ended]
    pbx.now = NOON + 31 * SECOND
    absence = pbx.absence()
    await absence.recall()
    assert await absence.ended(pbx.listing()) == []
    pbx.now += LATE
    late = await absence.found_late(())
    assert late is not None
    assert late.calls == ()


async def test_the_records_of_phones_that_did_not_answer_do_not_end_a_call_that_lives(pbx: Pbx) -> None:
    await pbx.journal(call("1.1", end=0))
    leg = call("1.2", start=10, end=20)
    pbx.records.written = [Call(id=leg.id, direction=leg.direction, start=leg.start, end=leg.end, channels=("1.5",))]
    pbx.now = NOON + 25 * SECOND
    absence = pbx.absence()
    await absence.recall()
    assert await absence.ended(pbx.listing(("1.2", "1.2"))) == []
    assert await absence.ended(pbx.listing(("1.9", "1.2"))) == []


async def test_records_without_ids_complete_the_calls_that_the_journal_knows_and_double_none(pbx: Pbx) -> None:
    was_open, was_ended = call("1.2", start=10), call("1.3", start=12, end=20, number="79035550000")
    await pbx.journal(was_open, was_ended)
    pbx.records.written = [
        without_uniqueid(call("", start=11, end=25)),
        without_uniqueid(was_ended),
        without_uniqueid(call("", start=11, end=26)),  # the same client's second call at once
    ]
    pbx.now = NOON + 30 * SECOND
    absence = pbx.absence()
    await absence.recall()
    first, second = await absence.ended(pbx.listing())
    assert (first.id, first.end) == ("1.2", NOON + 25 * SECOND)
    assert second.id not in {"1.2", "1.3"}


async def test_before_anything_was_heard_the_calls_since_the_configuration_count(pbx: Pbx) -> None:
    pbx.records.written = [call("1.1", start=-60, end=-30), call("1.2", start=10, end=20)]
    pbx.now = NOON + 30 * SECOND
    absence = pbx.absence(configured=NOON)
    await absence.recall()
    assert ids(await absence.ended(pbx.listing())) == ["1.2"]
    unconfigured = pbx.absence()
    await unconfigured.recall()
    assert await unconfigured.ended(pbx.listing()) == []
