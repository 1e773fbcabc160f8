"""The emulated office: recorded calls come as new ones, tell the same story, and leave the same things behind."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import re
import wave
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from ringbridge.ami.message import Action, ActionId, Message
from ringbridge.emulators.asterisk import EMPLOYEES, Asterisk, Script, Setup, User, emulated_asterisk
from ringbridge.emulators.asterisk.channels import Channels
from ringbridge.emulators.asterisk.library import RecordedCall, recorded_calls
from ringbridge.emulators.asterisk.office import Office
from ringbridge.emulators.asterisk.renewal import Cast, Counters, Renewal
from ringbridge.emulators.asterisk.server import Server
from ringbridge.emulators.asterisk.sounds import Recorder
from ringbridge.pbx.inbox import Received, Resync
from ringbridge.pbx.link import Link, LinkState
from ringbridge.pbx.settings import PbxAddress
from ringbridge.telephony.events import CallEnded
from ringbridge.telephony.model import Call
from ringbridge.telephony.tracker import CallTracker

NOW = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
SWAPPED = {"101": "104", "102": "106", "103": "101", "104": "105", "105": "102", "106": "103"}
TRUNKS = {"mango", "mtt", "provider"}

each_call = pytest.mark.parametrize("recorded", recorded_calls(), ids=lambda call: call.name)


def renewal_of(recorded: RecordedCall, counters: Counters | None = None, start: datetime = NOW) -> Renewal:
    names = {name: EMPLOYEES[SWAPPED[extension]] for extension, name in recorded.names.items()}
    cast = Cast(client="79161112233", extensions=SWAPPED, names=names)
    return Renewal(recorded, cast, counters or Counters(), start=start)


def renewed(recorded: RecordedCall, renewal: Renewal) -> list[Message]:
    return [renewal.renewed(event.message) for event in recorded.events]


def the_call(messages: Iterable[tuple[Message, datetime]]) -> Call:
    """What the tracker makes of one call with a client."""
    tracker = CallTracker(trunks=TRUNKS)
    events = [event for message, at in messages for event in tracker.feed(message, at)]
    while (deadline := tracker.next_deadline()) is not None:
        events += tracker.expire(deadline)
    (ended,) = (event.call for event in events if isinstance(event, CallEnded) and event.call.concerns_client)
    return ended


@each_call
def test_a_renewed_call_tells_the_same_story_with_other_people(recorded: RecordedCall) -> None:
    renewal = renewal_of(recorded)
    before = the_call((event.message, event.at) for event in recorded.events)
    after = the_call((renewal.renewed(event.message), renewal.at(event.at)) for event in recorded.events)
    assert (after.external or "").endswith("9161112233")
    assert after.direction == before.direction
    assert after.disposition == before.disposition
    assert after.trunk == before.trunk
    assert after.did == before.did
    assert after.answered_by == tuple(SWAPPED[extension] for extension in before.answered_by)
    assert [leg.result for leg in after.legs] == [leg.result for leg in before.legs]
    assert [leg.extension for leg in after.legs] == [SWAPPED[leg.extension] for leg in before.legs]
    assert [transfer.type for transfer in after.transfers] == [transfer.type for transfer in before.transfers]
    assert [talk.length for talk in after.talks] == [talk.length for talk in before.talks]


@each_call
def test_nothing_of_the_recorded_time_and_client_is_left(recorded: RecordedCall) -> None:
    values = [value for message in renewed(recorded, renewal_of(recorded)) for _, value in message.headers]
    text = "\n".join(values)
    assert recorded.client[-10:] not in text
    assert not re.search(r"\b179547\d{4}\b|2026-11-23|20261123|2026/11/23", text)
    assert "/office/" not in text


@each_call
def test_two_playings_share_no_channel_bridge_or_file(recorded: RecordedCall) -> None:
    counters = Counters()

    def given_out(start: datetime) -> set[str]:
        messages = renewed(recorded, renewal_of(recorded, counters, start))
        names = ("Uniqueid", "DestUniqueid", "Channel", "DestChannel", "BridgeUniqueid")
        found = {message.get(name) for message in messages for name in names}
        files = {m.get("Value") for m in messages if m.get("Variable") == "MIXMONITOR_FILENAME"}
        return (found | files) - {""}

    assert not given_out(NOW) & given_out(NOW)


@each_call
def test_the_id_in_a_recordings_name_is_that_of_a_channel_of_the_call(recorded: RecordedCall) -> None:
    messages = renewed(recorded, renewal_of(recorded))
    channels = {message.get("Uniqueid") for message in messages}
    files = [message.get("Value") for message in messages if message.get("Variable") == "MIXMONITOR_FILENAME"]
    for file in files:
        uniqueid = file.removesuffix(".wav").rpartition("-")[2]
        assert uniqueid in channels
        assert file.startswith("/var/spool/asterisk/monitor/2031/05/06/")
        assert "-20310506-07" in file


@each_call
def test_when_a_call_is_over_nothing_of_it_lives(recorded: RecordedCall) -> None:
    channels = Channels()
    most = 0
    for event in recorded.events:
        channels.see(event.message, event.at)
        most = max(most, len(channels.alive))
    assert most >= 1
    assert channels.alive == {}
    assert channels.bridges == {}


def test_at_double_speed_a_call_takes_half_the_time() -> None:
    recorded = recorded_calls()[0]
    slow = Renewal(recorded, Cast(client="1"), Counters(), start=NOW)
    fast = Renewal(recorded, Cast(client="1"), Counters(), start=NOW, speed=2)
    assert slow.length == recorded.end - recorded.start
    assert (fast.at(recorded.end) - NOW) == (slow.at(recorded.end) - NOW) / 2


@each_call
def test_the_seconds_in_the_records_pass_as_fast_as_the_call(recorded: RecordedCall) -> None:
    slow = Renewal(recorded, Cast(client="1"), Counters(), start=NOW)
    fast = Renewal(recorded, Cast(client="1"), Counters(), start=NOW, speed=4)
    for event in recorded.events:
        if event.message.event == "Cdr":
            seconds = int(slow.renewed(event.message).get("BillableSeconds"))
            assert int(fast.renewed(event.message).get("BillableSeconds")) == round(seconds / 4)


def test_records_are_written_by_the_clock_on_the_offices_wall() -> None:
    recorded = recorded_calls()[0]
    there = Renewal(recorded, Cast(client="1"), Counters(), start=NOW, zone=timezone(timedelta(hours=3)))
    (record, *_) = (event.message for event in recorded.events if event.message.event == "Cdr")
    began = datetime.fromisoformat(f"{there.renewed(record).get('StartTime')}+03:00")
    assert abs(began - NOW) < timedelta(minutes=1)


# The whole of it, fast


@contextlib.asynccontextmanager
async def playing(script: Script, tmp_path: Path | None = None) -> AsyncIterator[Asterisk]:
    setup = Setup(
        users=(User(name="u", secret="s"),),
        port=0,
        script=script,
        recordings=tmp_path / "monitor" if tmp_path else None,
        records=tmp_path / "Master.csv" if tmp_path else None,
    )
    async with asyncio.timeout(60), emulated_asterisk(setup) as asterisk:
        yield asterisk


@contextlib.asynccontextmanager
async def up(link: Link) -> AsyncIterator[Link]:
    task = asyncio.create_task(link.run())
    try:
        async with asyncio.timeout(60):
            await link.until(LinkState.READY)
            yield link
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def link_to(asterisk: Asterisk) -> Link:
    address = PbxAddress(host=asterisk.host, port=asterisk.port, username="u", secret="s")
    return Link(address, wanted_variables={"CRM_CALL_ID"})


async def until_event(link: Link, name: str) -> list[Message]:
    """All events up to the first of that name."""
    seen: list[Message] = []
    async for items in link.batches():
        seen += [message for item in items if isinstance(item, Received) for message in item.messages]
        if any(message.event == name for message in seen):
            return seen
    raise AssertionError("the link ended")


async def test_a_round_plays_every_call_and_leaves_its_recordings_and_records(tmp_path: Path) -> None:
    script = Script(rounds=1, speed=50, gap=0.1, lines=6, seed=1)
    async with playing(script, tmp_path) as asterisk:
        await asterisk.office.rounds_played.wait()
        assert asterisk.office.played == len(recorded_calls())
        assert asterisk.server.channels.alive == {}
    files = sorted((tmp_path / "monitor").rglob("*.wav"))
    assert files
    for file in files:
        with wave.open(str(file)) as sound:
            assert sound.getframerate() == 8000
            assert file.stat().st_size == 44 + 2 * sound.getnframes()
    assert any(file.stat().st_size == 44 for file in files)
    assert any(file.stat().st_size > 44 for file in files)
    with (tmp_path / "Master.csv").open(newline="") as records:
        rows = list(csv.reader(records))
    assert len(rows) >= len(recorded_calls()) - 1
    assert all(len(row) == 21 for row in rows)
    assert all(re.fullmatch(r"\d{10}\.\d+", row[16]) and re.fullmatch(r"\d{10}\.\d+", row[19]) for row in rows)


async def test_an_office_that_is_stopped_plays_its_calls_to_their_end_and_begins_no_more() -> None:
    begun: list[str] = []
    setup = Setup(
        users=(User(name="u", secret="s"),),
        port=0,
        script=Script(speed=50, gap=0.1, lines=6, seed=1),
        begun=lambda renewal: begun.append(renewal.linkedid),
    )
    async with asyncio.timeout(60), emulated_asterisk(setup) as asterisk:
        async with up(link_to(asterisk)) as link:
            await until_event(link, "Cdr")
        asterisk.office.stop()
        await asterisk.office.rounds_played.wait()
        assert asterisk.office.played == len(begun)
        assert asterisk.server.channels.alive == {}
    assert len(set(begun)) == len(begun) > 0


@each_call
def test_a_recording_is_complete_at_the_hangup_and_as_long_as_its_channel_was_bridged(
    recorded: RecordedCall, tmp_path: Path
) -> None:
    renewal = renewal_of(recorded)
    recorder = Recorder(tmp_path, "/var/spool/asterisk/monitor")
    bridged: dict[str, timedelta] = {}
    since: dict[str, datetime] = {}
    files: dict[Path, tuple[str, datetime]] = {}
    for event in recorded.events:
        message, at = renewal.renewed(event.message), renewal.at(event.at)
        recorder.see(message, at)
        channel = message.get("Uniqueid")
        match message.event:
            case "VarSet" if message.get("Variable") == "MIXMONITOR_FILENAME":
                path = tmp_path / message.get("Value").removeprefix("/var/spool/asterisk/monitor/")
                assert path.stat().st_size == 44
                files[path] = (channel, at)
            case "BridgeEnter":
                since[channel] = at
            case "BridgeLeave" if channel in since:
                # What was bridged before its recording began is not in it.
                began = max((at for of, at in files.values() if of == channel), default=since[channel])
                start = max(since.pop(channel), began)
                bridged[channel] = bridged.get(channel, timedelta(0)) + (at - start)
    several = len(files) != len({channel for channel, _ in files.values()})
    for path, (channel, _) in files.items():
        with wave.open(str(path)) as sound:
            seconds = sound.getnframes() / sound.getframerate()
        if not several:  # a second recording of a channel begins later than the first
            assert seconds == pytest.approx(bridged.get(channel, timedelta(0)).total_seconds(), abs=0.001)


async def test_calls_overlap_and_never_share_a_phone() -> None:
    channels = Channels()
    most = 0
    shared: list[str] = []

    def watch(event: Message) -> None:
        nonlocal most
        channels.see(event, NOW)
        phones = [channel.name.partition("-")[0] for channel in channels.alive.values()]
        shared.extend(phone for phone in set(phones) if phone.startswith("PJSIP/10") and phones.count(phone) > 1)
        most = max(most, len({channel.headers["Linkedid"] for channel in channels.alive.values()}))

    # None of these has a consultation, for which one phone takes two lines.
    names = ("ast22_inbound_answered", "ast22_outbound_answered", "freepbx17_in_answered", "freepbx17_out_answered")
    script = Script(calls=names * 3, rounds=1, speed=50, gap=0, lines=6)
    office = Office(script=script, send=watch, clock=lambda: NOW)
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        playing = group.create_task(office.run())
        await office.rounds_played.wait()
        playing.cancel()
    assert office.played == 12
    assert 1 < most <= 6
    assert shared == []


async def test_a_login_in_mid_call_is_told_the_truth_of_the_moment() -> None:
    (recorded,) = (call for call in recorded_calls() if call.name == "ast22_inbound_answered")
    async with Server([User(name="u", secret="s")]).listen() as server:
        for message in renewed(recorded, renewal_of(recorded)):
            server.send(message)
            if message.event == "BridgeEnter" and len(server.channels.members(message.get("BridgeUniqueid"))) == 2:
                break
        link = Link(PbxAddress(host="127.0.0.1", port=server.port, username="u", secret="s"))
        async with up(link):
            (resync, *_) = await anext(link.batches())
    assert isinstance(resync, Resync)
    assert {row.get("Uniqueid") for row in resync.channels} == set(server.channels.alive)
    assert len({row.get("Linkedid") for row in resync.channels}) == 1
    (bridge,) = resync.bridges
    assert {row.get("BridgeId") for row in resync.channels} == {bridge.bridge.get("BridgeUniqueid")}
    assert all("FROM_DID=73432723033" in row.all("Variable") for row in resync.channels)


def originate(**headers: str) -> Action:
    default = {"Channel": "PJSIP/103", "Context": "from-internal", "Exten": "89161112233", "Priority": "1"}
    return Action(name="Originate", headers=tuple((default | headers).items()), action_id=ActionId("deal-7"))


async def test_a_click_rings_that_phone_and_answers_with_its_ids() -> None:
    async with playing(Script(rounds=0, speed=50)) as asterisk, up(link_to(asterisk)) as link:
        answer = await link.action(originate(ChannelId="crm-1", Variable="__CRM_CALL_ID=42"))
        assert answer.text == "Originate successfully queued"
        seen = await until_event(link, "OriginateResponse")
        response = next(message for message in seen if message.event == "OriginateResponse")
        assert response.action_id == "deal-7"
        assert response.get("Uniqueid") == "crm-1"
        assert response.get("Exten") == "89161112233"
        first = next(message for message in seen if message.event == "Newchannel")
        assert first.get("Channel").startswith("PJSIP/103-")
        variables = [message for message in seen if message.get("Variable") == "__CRM_CALL_ID"]
        assert [variable.get("Value") for variable in variables] == ["42"]


async def test_a_click_for_a_phone_nobody_has_fails_as_asterisk_tells_it() -> None:
    async with playing(Script(rounds=0, speed=50)) as asterisk, up(link_to(asterisk)) as link:
        await link.action(originate(Channel="PJSIP/999"))
        seen = await until_event(link, "OriginateResponse")
        response = next(message for message in seen if message.event == "OriginateResponse")
        assert (response.get("Response"), response.get("Reason")) == ("Failure", "0")
        assert response.get("Uniqueid") == "<unknown>"
        assert not any(message.event == "Newchannel" for message in seen)


def test_every_recorded_call_begins_with_a_channel_and_is_short() -> None:
    for recorded in recorded_calls():
        assert recorded.events[0].message.event == "Newchannel"
        assert recorded.end - recorded.start < timedelta(seconds=60)
