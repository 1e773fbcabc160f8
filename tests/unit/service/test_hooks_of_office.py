"""Hooks where calls are decided: registered or not, by which number, on whose phone; dialled and distributed."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.contract.hooked_office import MAIN, PBX, START, HookedOffice, OpenPortal, hooked, journal_call

from ringbridge.crm.contract import Absent, NotYet
from ringbridge.pbx.recordings import SoundFile
from ringbridge.routing.dialing import DialRequest, Originate
from ringbridge.routing.distribution import NORMAL, Hop, Policy, Reach, Reason, Route, RouteClient, RouteQuestion, Team
from ringbridge.routing.intents import AttachRecording, PortalId, RecordKey, RegisterCall, ShowCard, UserId
from ringbridge.routing.office import Portal, Staff
from ringbridge.routing.records import intents_of
from ringbridge.service.config import office_of
from ringbridge.service.distribution.lately import Lately
from ringbridge.service.distribution.router import Router, Setup
from ringbridge.service.hooks.advice import Advice, HookAdvisers, advise_all
from ringbridge.service.hooks.hooking import OfficeHooks
from ringbridge.service.recordings import OfficeRecordings
from ringbridge.store import deliveries
from ringbridge.store.calls import call_key
from ringbridge.telephony.events import CallEnded, CallEvent, LegRinging
from ringbridge.telephony.model import CallId
from ringbridge.telephony.numbers import Number

PORTAL = Portal(id=MAIN, staff=Staff(default=UserId("1"), users={"102": UserId("2"), "502": UserId("9")}), region="RU")
ENDED = journal_call()
RINGING = replace(ENDED, end=None, talks=(), disposition=None, legs=(replace(ENDED.legs[0], end=None, result=None),))
RINGS = LegRinging(call=RINGING, at=START, leg=RINGING.legs[0])
ENDS = CallEnded(call=ENDED, at=START)


class Asked:
    kind = "bitrix24"

    async def call(self, method: str, params: object = None) -> None:
        raise AssertionError(method)


class Connected:
    """A portal that hooks may ask, though these do not."""

    client = Asked()

    @classmethod
    def with_staff(cls, names: dict[str, str]) -> OpenPortal:
        portal = OpenPortal(cls())  # type: ignore[arg-type]
        portal.routing = Portal(id=MAIN, staff=Staff(default=UserId("1"), names=names))
        return portal


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[HookedOffice]:
    async with hooked(tmp_path) as office:
        office.opened(Connected())  # type: ignore[arg-type]
        yield office


async def advised(office: HookedOffice, *events: CallEvent, told: bool = False) -> list[Advice]:
    advisers = HookAdvisers(office.hooks)
    known = {MAIN} if told else set()
    return [(await advisers.advise(event, PBX, [PORTAL], known)).get(MAIN, Advice()) for event in events]


async def test_need_registration(there: HookedOffice):
    there.write(
        "h.py",
        """
        def need_registration(result, stage, call):
            return result and not (stage == "conversation_requested" and call.trunk == "mango")
    """,
    )
    rings, ends = await advised(there, RINGS, ENDS)
    assert (rings.register, ends.register) == (False, True)
    assert [line.text for line in rings.lines] == ["main: need_registration of h.py: true -> false"]


async def test_a_call_that_the_crm_knows_of_is_told_to_its_end(there: HookedOffice):
    there.write("h.py", "def need_registration(result): return False")
    (ends,) = await advised(there, ENDS, told=True)
    assert ends.register


async def test_a_call_that_was_told_before_a_restart_is_told_to_its_end(there: HookedOffice):
    there.write("h.py", "def need_registration(result): return False")
    intents, _ = intents_of(RINGS, PORTAL, PBX)
    async with there.database.transaction() as tx:
        await deliveries.enqueue(tx, MAIN, intents, call_key(PBX, ENDED.id), START)
    (ends,) = await advised(there, ENDS)
    assert ends.register


async def test_process_client_phone(there: HookedOffice):
    there.write("h.py", "def process_client_phone(phone): return '8800' + phone[-7:]")
    (advice,) = await advised(there, RINGS)
    intents, _ = intents_of(advice.of_event(RINGS), advice.of_portal(PORTAL), PBX)
    assert [intent.number for intent in intents if isinstance(intent, RegisterCall)] == ["+78005551122"]


async def test_process_user_phone(there: HookedOffice):
    there.write("h.py", "def process_user_phone(phone): return '5' + phone[1:]")
    (advice,) = await advised(there, RINGS)
    intents, _ = intents_of(advice.of_event(RINGS), advice.of_portal(PORTAL), PBX)
    assert [intent.users for intent in intents if isinstance(intent, ShowCard)] == [(UserId("9"),)]


async def test_a_hook_reads_earlier_calls_of_the_number_in_the_journal(there: HookedOffice):
    there.write(
        "h.py",
        """
        async def need_registration(result, call, ctx):
            earlier = [one for one in await ctx.journal.calls(call.number) if one.id != call.id]
            return [(one.disposition, one.employees[0].name) for one in earlier] != [("answered", "Oleg")]
    """,
    )
    await there.journalled(journal_call(9, answered_by="103"), journal_call(8, "+74951234567"))
    there.hooks.of(MAIN).open(Connected.with_staff(names={"103": "Oleg"}))
    (rings,) = await advised(there, RINGS)
    assert not rings.register, rings.lines


async def test_each_question_is_put_once_a_call(there: HookedOffice):
    there.write(
        "h.py",
        """
        import itertools
        numbers = itertools.count(1)

        def process_client_phone(phone):
            return f"+7912000000{next(numbers)}"
    """,
    )
    advice = await advised(there, RINGS, RINGS, ENDS)
    assert [one.number for one in advice] == ["+79120000001"] * 3


async def test_calls_are_asked_about_at_once_and_the_events_of_a_call_in_their_order(there: HookedOffice):
    there.write(
        "h.py",
        """
        import threading

        both = threading.Barrier(2, timeout=30)

        def need_registration(result, stage):
            if stage == "conversation_requested":
                both.wait()
            return False
    """,
    )
    other = replace(RINGING, id=CallId("1764090000.2"))
    advisers = HookAdvisers(there.hooks)

    async def ask(event: CallEvent) -> Mapping[PortalId, Advice]:
        return await advisers.advise(event, PBX, [PORTAL], set())

    found = await advise_all([RINGS, replace(RINGS, call=other), ENDS], ask)
    assert [one[MAIN].register for one in found] == [False, False, False], "nobody waited in vain for the other call"


async def test_a_hook_that_fails_leaves_the_decision_as_it_was_and_is_told(there: HookedOffice):
    there.write("h.py", "def need_registration(result): return 1 / 0")
    (rings,) = await advised(there, RINGS)
    assert rings.register
    assert "ZeroDivisionError" in rings.lines[0].text


# Dialling

ORIGINATE = Originate(
    channel="PJSIP/101",
    extension="101",
    context="from-internal",
    exten="+79125551122",
    caller_id="+79125551122",
    ring=timedelta(seconds=30),
)
REQUEST = DialRequest(portal=MAIN, source="click 1", number="+79125551122", at=START, user=UserId("2"), line="mango")


async def test_process_originate_params(there: HookedOffice):
    there.write(
        "h.py",
        """
        def process_originate_params(params, request):
            assert (request["user"], request["line"], request["extension"]) == ("2", "mango", "101")
            return {"extension": "98" + params["extension"][-10:], "priority": 2}
    """,
    )
    prepared = await there.hooks.prepare(REQUEST, ORIGINATE)
    assert prepared == replace(ORIGINATE, exten="989125551122", priority="2")
    assert ("Priority", "2") in prepared.action("rb-1").headers


@pytest.mark.parametrize(
    "body", ["return {}", "return None", "raise OSError", "return {'channel': 5, 'application': 1}"]
)
async def test_a_click_is_dialled_as_decided_whatever_its_hook_does(there: HookedOffice, body: str):
    there.write("h.py", f"def process_originate_params(params): {body}")
    assert await there.hooks.prepare(REQUEST, ORIGINATE) == ORIGINATE


# Distribution

QUESTION = RouteQuestion(number="79125551122", did="74951112233", trunk="mango", uniqueid="1764090000.5", choice="2")
CLIENT = RouteClient(portal=MAIN, kind="contact", id="12", name="Anna", responsible=UserId("2"))
ROUTE = Route(hops=(Hop(extension="102", seconds=20, reason=Reason.RESPONSIBLE),), client=CLIENT, why="Theirs.")


async def test_customize_autodistribution(there: HookedOffice):
    there.write(
        "h.py",
        """
        def customize_autodistribution(extension, client, call):
            assert (client["name"], call.did, call.menu) == ("Anna", "74951112233", "2")
            return "6" + extension
    """,
    )
    route = await there.hooks.route(QUESTION, ROUTE, Policy(enabled=True))
    assert [(hop.extension, hop.reason) for hop in route.hops] == [("6102", Reason.HOOK)]


async def test_an_empty_extension_sends_a_call_its_normal_way(there: HookedOffice):
    there.write("h.py", "def customize_autodistribution(extension): return ''")
    assert (await there.hooks.route(QUESTION, ROUTE, Policy(enabled=True))).hops == ()


async def test_a_hook_may_find_a_place_for_a_stranger(there: HookedOffice):
    there.write("h.py", "def customize_autodistribution(extension): return '600'")
    (hop,) = (await there.hooks.route(QUESTION, NORMAL, Policy(enabled=True))).hops
    assert hop.extension == "600"


class Nobody:
    async def known(self, number: Number) -> tuple[RouteClient, ...]:
        return ()

    async def asked(self, number: Number) -> tuple[RouteClient, ...]:
        return ()

    def reach(self, extension: str) -> Reach:
        return Reach.FREE


async def nobody_spoke(number: Number, since: datetime) -> None:
    return None


async def test_a_hook_that_hangs_costs_a_caller_no_more_than_the_budget(there: HookedOffice, tmp_path: Path):
    there.write(
        "h.py",
        f"""
        import pathlib, time

        def customize_autodistribution(extension):
            while not pathlib.Path({str(tmp_path / "released")!r}).exists():
                time.sleep(0.001)
            return "600"
    """,
    )
    policy = Policy(enabled=True)
    setup = Setup(policy=policy, team=Team(), budget=timedelta(milliseconds=50))
    router = Router(lambda: setup, book=Nobody(), phones=Nobody(), last_talk=nobody_spoke, lately=Lately("RU"))
    router.customise = there.hooks.route
    route = await router.ask(QUESTION)
    assert (route.hops, "did not answer in time" in route.why) == ((), True)
    (tmp_path / "released").touch()


# Recordings


async def test_process_record_file_path(tmp_path: Path, there: HookedOffice):
    there.write(
        "h.py",
        """
        def process_record_file_path(path):
            return path.replace("/monitor/", "/elsewhere/")
    """,
    )
    there.hooks = OfficeHooks(there.hooks.hooks, there.database)
    there.hooks.of(PortalId("not connected yet"))
    there.opened(Connected())  # type: ignore[arg-type]
    recordings, intent = recordings_of(tmp_path, there)
    a_recording(tmp_path / "elsewhere")
    found = await recordings.fetch(intent)
    assert isinstance(found, SoundFile), found
    assert found.size == 4003


async def test_a_recording_whose_path_no_hook_changes_is_where_the_pbx_named_it(tmp_path: Path, there: HookedOffice):
    recordings, intent = recordings_of(tmp_path, there)
    a_recording(tmp_path / "monitor")
    assert not isinstance(await recordings.fetch(intent), NotYet | Absent)


def a_recording(folder: Path) -> None:
    folder.mkdir()
    file = folder / "a.mp3"
    file.write_bytes(b"ID3" + bytes(4000))
    os.utime(file, (START.timestamp(), START.timestamp()))  # not written to lately


def recordings_of(folder: Path, there: HookedOffice) -> tuple[OfficeRecordings, AttachRecording]:
    document = {
        "pbx": [
            {"name": "pbx", "username": "u", "secret": "s", "recordings": [{"pbx": str(folder), "here": str(folder)}]}
        ]
    }
    recordings = OfficeRecordings(office_of(document), data=folder, signer=None, database=there.database)
    recordings.path_of = there.hooks.path_of
    intent = AttachRecording(
        record=RecordKey("pbx-1764090000.1"),
        call=CallId("1764090000.1"),
        path=f"{folder}/monitor/a.mp3",
        channel="1764090000.1",
        started=START - timedelta(days=2),
        duration=1,
    )
    return recordings, intent
