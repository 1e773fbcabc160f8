"""A company: the office, its portal, and Ringbridge between them; and what the portal must hold after some calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.office.connector import Connector
from tests.office.office import Office, Reach
from tests.office.sound import Sound
from tests.office.truth import Spoke, Truth

from ringbridge.emulators.bitrix24.calls import CallRecord, CallType
from ringbridge.emulators.bitrix24.portal import Portal
from ringbridge.telephony.model import Direction, Disposition

PATIENCE = 30.0  # seconds for everything to reach the portal
DEFAULT_USER = 6
LAST_CALLER = "79990000001"  # whose call shows that Ringbridge has heard all that was before it
LINES = {"volga": "Volga"}  # names the office gave its lines; comtel has none
CODES = {
    Disposition.ANSWERED: "200",
    Disposition.MISSED: "304",
    Disposition.BUSY: "486",
    Disposition.NO_ANSWER: "480",
    Disposition.FAILED: "404",  # in our scenarios: a number that does not exist
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    office: Office
    portal: Portal
    connector: Connector

    async def holds_exactly(self, truths: Sequence[Truth]) -> None:
        """The portal comes to hold the records of these calls, complete, and nothing else."""
        expected = [record for truth in truths for record in expected_of(truth, self.portal)]
        await self._everything_told(expected)
        assert not self.portal.telephony.active, "calls that were registered and never finished"
        records = self.records()
        assert [_facts(record) for record in records] == [_wanted(record) for record in expected]
        for record, want in zip(records, expected, strict=True):
            _assert_details(record, want, self.portal)

    def records(self) -> list[CallRecord]:
        """The finished calls without the one that only ends a scenario, by their beginning."""
        finished = [one for one in self.portal.telephony.finished.values() if LAST_CALLER not in one.call.phone]
        return sorted(finished, key=lambda one: (one.call.started, one.call.type))

    async def _everything_told(self, expected: Sequence[Expected]) -> None:
        """Until one more call, after all the others, is at the portal, and all that is expected is there too. Then
        stay a little below the limit: what is missing will be named by whoever compares."""
        await self.office.phones["106"].unregister()
        await self.office.call_in(Reach.EMPLOYEE_106, client=LAST_CALLER).until_ended()
        telephony = self.portal.telephony
        recordings = sum(1 for record in expected if record.spoke)

        def told() -> bool:
            last = any(LAST_CALLER in one.call.phone for one in telephony.finished.values())
            return last and len(self.records()) >= len(expected) and len(telephony.files) >= recordings

        await until(told)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """One record that the portal must hold."""

    type: CallType
    phone: str
    line: str
    users: frozenset[int]  # one of them: which phone of a group rang last is nobody's choice
    code: str
    spoke: Spoke | None


def expected_of(truth: Truth, portal: Portal) -> list[Expected]:
    """A record for each employee who spoke; one for a call that nobody answered."""
    kind = CallType.INCOMING if truth.direction is Direction.INBOUND else CallType.OUTGOING
    users = {user.inner_phone: user.id for user in portal.staff.users.values()}
    unanswered = frozenset(users[extension] for extension in truth.rang or truth.dialled_by)
    return [
        Expected(
            type=kind if nth == 0 else CallType.REDIRECTED,
            phone=truth.client,
            line=LINES.get(truth.provider) or truth.company or truth.provider,
            users=frozenset({users[spoke.extension]}) if spoke else unanswered or frozenset({DEFAULT_USER}),
            code=CODES[truth.disposition],
            spoke=spoke,
        )
        for nth, spoke in enumerate(truth.spoke or (None,))
    ]


async def until(reached: Callable[[], bool]) -> None:
    """The portal announces nothing to whoever looks into it, so it is looked at now and then. Returns when the limit
    is over as well: the comparison that follows says better than a timeout what is missing."""
    loop = asyncio.get_running_loop()
    limit = loop.time() + PATIENCE
    while not reached() and loop.time() < limit:  # noqa: ASYNC110 see above
        await asyncio.sleep(0.05)


def _facts(record: CallRecord) -> dict[str, object]:
    return {
        "type": record.call.type,
        "phone": record.call.phone.lstrip("+"),
        "line": record.portal_number,
        "code": record.code,
    }


def _wanted(expected: Expected) -> dict[str, object]:
    return {"type": expected.type, "phone": expected.phone, "line": expected.line, "code": expected.code}


def _assert_details(record: CallRecord, expected: Expected, portal: Portal) -> None:
    """The right employee and length; who spoke has a recording with at least that talk in it, who did not has none."""
    assert record.user_id in expected.users
    if expected.spoke is None:
        assert record.duration == 0
        assert record.record_file_id is None
        return
    assert expected.spoke.lasted(record.duration), (record.duration, expected.spoke)
    assert record.record_file_id is not None, "no recording"
    sound = Sound.of_wav(portal.telephony.files[record.record_file_id].content)
    assert sound.loudness > 1000
    assert sound.seconds > expected.spoke.seconds - 1
