import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from markupsafe import Markup
from tests.unit.web import sample_calls
from tests.unit.web.office_page import journal

from ringbridge.store.calls import JournalEntry
from ringbridge.store.database import Database
from ringbridge.store.keys import PbxId, call_key
from ringbridge.telephony.model import Call, CallId, Direction
from ringbridge.web.live import ENDED_SHOWN, LiveFeed, event, stream
from ringbridge.web.live_drawing import Shown
from ringbridge.web.picture import Picture, Piece, Section

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
OFFICE = PbxId("office")


def tell(feed: LiveFeed, call: Call) -> None:
    feed.tell(OFFICE, call)


def test_call_leaves_the_live_ones_when_it_ends_and_heads_the_ended() -> None:
    feed = LiveFeed()
    call = sample_calls.answered(NOW)
    tell(feed, sample_calls.ringing(NOW))
    tell(feed, call)
    assert [each.call.external for each in feed.calls] == ["79125559988"]
    assert feed.ended[0].call is call


def test_calls_of_two_pbxs_with_the_same_id_are_two() -> None:
    call = sample_calls.ringing(NOW)
    feed = LiveFeed(JournalEntry(key=call_key(pbx, call.id), pbx=pbx, call=call) for pbx in (OFFICE, PbxId("branch")))
    assert len(feed.calls) == 2


def test_only_the_last_few_ended_calls_are_kept() -> None:
    feed = LiveFeed()
    for minute in range(50):
        tell(feed, sample_calls.withheld(NOW + timedelta(minutes=minute)))
    assert len(feed.ended) == ENDED_SHOWN
    assert feed.ended[0].call.start == NOW + timedelta(minutes=49)


def test_call_that_turns_out_to_be_part_of_another_is_no_longer_shown() -> None:
    feed = LiveFeed()
    call = sample_calls.ringing(NOW)
    tell(feed, call)
    tell(feed, replace(call, merged_into=CallId("1.1")))
    tell(feed, replace(call, merged_into=CallId("1.1"), end=NOW))
    assert (feed.calls, feed.ended) == ([], [])


def test_calls_between_our_own_phones_are_not_shown() -> None:
    feed = LiveFeed()
    tell(feed, replace(sample_calls.ringing(NOW), direction=Direction.INTERNAL))
    assert feed.calls == []


async def test_feed_begins_with_what_the_journal_knows(database: Database) -> None:
    past = list(sample_calls.past(NOW))
    await journal(database, [*past, sample_calls.ringing(NOW), sample_calls.talking(NOW)])
    feed = await LiveFeed.load(database, [OFFICE])
    assert [each.call.external for each in feed.calls] == ["78123456789", "79125559988"]
    assert [each.call for each in feed.ended] == sorted(past, key=lambda call: call.end or NOW, reverse=True)[
        :ENDED_SHOWN
    ]


async def test_waiting_ends_at_a_change_and_without_one_when_patience_does() -> None:
    feed = LiveFeed()
    seen = feed.version
    assert not await feed.wait(seen, timedelta(milliseconds=1))
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(feed.wait(seen, timedelta(minutes=1)))
        group.create_task(asyncio.to_thread(lambda: None)).add_done_callback(
            lambda _: tell(feed, sample_calls.ringing(NOW))
        )
    assert waiting.result()


async def test_change_before_the_wait_is_not_missed() -> None:
    feed = LiveFeed()
    seen = feed.version
    tell(feed, sample_calls.ringing(NOW))
    assert await feed.wait(seen, timedelta(minutes=1))


def counting(feed: LiveFeed) -> Shown:
    """Shows how many calls there are."""

    def draw(before: Picture) -> Picture:
        words = Markup(f"calls: {len(feed.calls)}")
        return Picture((Section(id="s", frame=(Markup(""),) * 3, head=Piece(about=words, html=words)),))

    return Shown(feed, draw)


def changed(words: str) -> bytes:
    return event(f'<hx-partial id="s-head" hx-swap="outerMorph">{words}</hx-partial>')


async def still_there() -> bool:
    return True


async def test_stream_of_a_visitor_whose_session_ended_shows_no_further_call() -> None:
    feed, seen = LiveFeed(), iter([True, False])

    async def goes_on() -> bool:
        return next(seen)

    pushed = stream(feed, counting(feed), goes_on)
    assert await anext(pushed) == event("calls: 0")
    tell(feed, sample_calls.ringing(NOW))
    assert await anext(pushed) == changed("calls: 1")
    tell(feed, sample_calls.talking(NOW))
    assert [later async for later in pushed] == []


async def test_stream_sends_all_at_once_then_what_changed_and_ends_with_the_feed() -> None:
    feed = LiveFeed()
    pushed = stream(feed, counting(feed), still_there)
    assert await anext(pushed) == event("calls: 0")
    tell(feed, sample_calls.ringing(NOW))
    assert await anext(pushed) == changed("calls: 1")
    tell(feed, sample_calls.talking(NOW))
    tell(feed, sample_calls.waiting(NOW))
    assert await anext(pushed) == changed("calls: 3"), "changes in quick succession are one event"
    feed.close()
    assert [last async for last in pushed] == []


def test_every_line_of_the_html_has_its_data_field() -> None:
    assert event("<p>\n\n  a\r\n</p>") == b"data: <p>\ndata:   a\ndata: </p>\n\n"
