"""External lines kept equal to the trunks; employees with departments, working days and all their phones."""

from __future__ import annotations

import pytest
from tests.contract.bitrix24_office import Sound, attach, finish, office, portal, register

from ringbridge.crm.bitrix24 import RecordingMode
from ringbridge.crm.contract import (
    Capability,
    Line,
    LinesKeeper,
    Receipt,
    Rejected,
    Unauthorized,
    WorkingDay,
)
from ringbridge.emulators.bitrix24 import Fault, FaultKind, Permission, ScopeRefusal
from ringbridge.emulators.bitrix24.calls import Line as PortalLine
from ringbridge.emulators.bitrix24.oauth import ALL_SCOPES
from ringbridge.emulators.bitrix24.people import Department, User
from ringbridge.emulators.bitrix24.people import WorkingDay as PortalDay

OURS = [Line(number="+74951112233", name="Moscow"), Line(number="73432723033", name="Shop", auto_create=False)]


# Lines


async def test_lines_become_what_the_trunks_are_and_a_second_time_nothing_is_sent() -> None:
    async with office(oauth=True) as at:
        assert isinstance(at.crm, LinesKeeper)
        report = await at.crm.sync_lines(OURS)
        assert len(report.drift) == 2
        assert not report.failures
        lines = {line.number: (line.name, line.crm_auto_create) for line in at.portal.telephony.lines}
        assert lines == {"+74951112233": ("Moscow", "Y"), "73432723033": ("Shop", "N")}
        requests = at.portal.traffic.requests
        again = await at.crm.sync_lines(OURS)
        assert (again.drift, again.strange, again.failures) == ((), (), ())
        assert at.portal.traffic.requests == requests + 1


async def test_a_line_that_a_call_brought_up_gets_its_name_and_strangers_are_left_alone() -> None:
    async with office() as at:
        await at.registered(register(line="+74951112233"))
        at.portal.telephony.lines.append(PortalLine(id=50, number="+78120000000", name="Fax"))
        shown = await at.crm.sync_lines(OURS, change=False)
        assert [line.name for line in at.portal.telephony.lines] == ["", "Fax"]
        report = await at.crm.sync_lines(OURS)
        assert report.drift == shown.drift
        assert "“Moscow”" in report.drift[0]
        assert "+78120000000" in report.strange[0]
        assert {line.name for line in at.portal.telephony.lines} == {"Moscow", "Fax", "Shop"}
        assert at.executed("telephony.externalLine.delete") == 0


async def test_a_line_that_cannot_be_made_is_named() -> None:
    async with office() as at:
        at.portal.faults.add(Fault(kind=FaultKind.REFUSE, method="telephony.externalline.add", text="DB error"))
        report = await at.crm.sync_lines(OURS)
        assert len(report.failures) == 1
        assert "DB error" in report.failures[0]
        assert len(at.portal.telephony.lines) == 1


async def test_lines_that_a_webhook_may_not_read_are_said_so() -> None:
    async with office(portal(webhook_telephony=Permission.DENY)) as at:
        with pytest.raises(Unauthorized, match="local application"):
            await at.crm.sync_lines(OURS)


# Employees


async def test_employees_come_with_departments_and_working_days() -> None:
    async with office() as at:
        staff = at.portal.staff
        staff.departments[2] = Department(id=2, name="Продажи")
        for number, day in ((2, PortalDay.PAUSED), (3, PortalDay.CLOSED), (4, PortalDay.EXPIRED)):
            staff.users[number].working_day = day
        staff.users[2].departments = [1, 2]
        staff.users[5].active = False
        users = {user.id: user for user in await at.crm.users()}
        assert users["2"].departments == (staff.departments[1].name, "Продажи")
        days = [users[str(n)].working_day for n in range(1, 6)]
        assert days == [WorkingDay.OPEN, WorkingDay.BREAK, WorkingDay.OVER, WorkingDay.OVER, None]
        assert not users["5"].active


async def test_employees_without_a_number_are_read_too_since_the_office_may_give_them_a_phone() -> None:
    async with office() as at:
        at.portal.staff.users[100] = User(id=100, name="Nina", last_name="Novikova")
        nina = next(user for user in await at.crm.users() if user.id == "100")
        assert (nina.name, nina.extensions, nina.phones) == ("Nina Novikova", (), ())
        assert nina.working_day is WorkingDay.OPEN


async def test_a_hundred_employees_working_days_take_two_requests_more() -> None:
    async with office() as at:
        for n in range(100, 194):
            at.portal.staff.users[n] = User(id=n, name="N", inner_phone=str(n))
        await at.crm.users()
        assert at.executed("timeman.status") == 100
        # Two pages of employees, departments, our permissions, two batches.
        assert at.portal.traffic.requests == 6


async def test_one_employee_whose_day_is_refused_hides_nobody_elses() -> None:
    async with office() as at:
        at.portal.faults.add(Fault(kind=FaultKind.REFUSE, method="timeman.status", text="Access denied."))
        days = [user.working_day for user in await at.crm.users()]
        assert days[0] is None
        assert set(days[1:]) == {WorkingDay.OPEN}


@pytest.mark.parametrize("refusal", list(ScopeRefusal))
async def test_without_department_and_timeman_employees_are_read_all_the_same(refusal: ScopeRefusal) -> None:
    at_portal = portal(scope_refusal=refusal)
    at_portal.access.webhooks[0].scopes = ("telephony", "crm", "user_basic")
    async with office(at_portal) as at:
        users = await at.crm.users()
        assert {user.working_day for user in users} == {None}
        assert users[0].departments == ("1",)
        missing = " ".join((await at.crm.check()).missing)
        assert all(scope in missing for scope in ("department", "timeman", "task"))


@pytest.mark.parametrize("refusal", list(ScopeRefusal))
async def test_a_missing_permission_user_is_no_dead_key(refusal: ScopeRefusal) -> None:
    at_portal = portal(scope_refusal=refusal)
    at_portal.access.webhooks[0].scopes = ("telephony", "crm")
    async with office(at_portal) as at:
        with pytest.raises(Rejected, match="permission user"):
            await at.crm.users()
        info = await at.crm.check()
        assert Capability.USERS not in info.can
        assert any("permission user" in words for words in info.missing)
        (done,) = await at.do(register())
        assert isinstance(done, Receipt)


async def test_a_removed_webhook_is_a_dead_key() -> None:
    async with office() as at:
        at.portal.access.webhooks.clear()
        with pytest.raises(Unauthorized):
            await at.crm.users()


@pytest.mark.parametrize("scope", ["telephony", "crm", "user", "task", "department", "timeman"])
async def test_each_missing_permission_is_named_with_what_it_costs(scope: str) -> None:
    at_portal = portal()
    at_portal.access.webhooks[0].scopes = tuple(one for one in ALL_SCOPES if not one.startswith(scope))
    async with office(at_portal) as at:
        assert any(f"permission {scope}" in words for words in (await at.crm.check()).missing)


async def test_with_inner_numbers_only_the_missing_mobiles_are_named() -> None:
    at_portal = portal()
    at_portal.access.webhooks[0].scopes = tuple(one for one in ALL_SCOPES if one not in {"user", "user_basic"})
    async with office(at_portal) as at:
        info = await at.crm.check()
        assert Capability.USERS in info.can
        assert any("mobile" in words for words in info.missing)


# Recordings that are too large


async def test_a_recording_too_large_to_send_is_linked_where_it_can_be_fetched_and_noted_where_not() -> None:
    async with office(recordings=RecordingMode.UPLOAD, settings={"largest_upload": 10}) as at:
        facts = await at.registered()
        await at.do(finish(), facts=facts)
        at.shelf.found = Sound(content=b"x" * 11)
        (noted,) = await at.do(attach(), facts=facts)
        assert noted.facts["recording"] == "too large"
        assert "MB" in noted.facts["reason"]
        assert at.executed("telephony.externalCall.attachRecord") == 0
        at.shelf.found = Sound(content=b"x" * 11, address=f"{at.portal.address}/no-such-file.mp3")
        await at.do(attach(), facts=facts)
        sent = [one for one in at.portal.traffic.executed if one.method == "telephony.externalcall.attachrecord"]
        assert sent[0].params["RECORD_URL"] == f"{at.portal.address}/no-such-file.mp3"
        at.shelf.found = Sound(content=b"x" * 10)
        (uploaded,) = await at.do(attach(), facts=facts)
        assert uploaded.facts["recording"] == "attached"
