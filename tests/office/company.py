"""A company: the office, its portal, and Ringbridge between them; and what the portal must hold after some calls."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from tests.office.connector import Connector
from tests.office.office import Office, Reach
from tests.office.scenarios import CLIENT
from tests.office.sound import Sound
from tests.office.truth import Spoke, Truth

from ringbridge.emulators.bitrix24.calls import CallRecord, CallType
from ringbridge.emulators.bitrix24.portal import Portal
from ringbridge.telephony.model import Direction, Disposition

PATIENCE = 60.0  # seconds for everything to reach the portal
DEFAULT_USER = 6
OWNER = 2  # of the client whom the portal knows, by the demonstration's furniture: `CLIENT`
LAST_CALLER = "79990000001"  # whose call shows that Ringbridge has heard all that was before it
LINES = {"volga": "Volga"}  # names the office gave its lines; comtel has none
CODES = {
    Disposition.ANSWERED: "200",
    Disposition.MISSED: "304",
    Disposition.BUSY: "486",
    Disposition.NO_ANSWER: "480",
    Disposition.FAILED: "404",  # in our scenarios: a number that does not exist
}


class Company:
    def __init__(self, office: Office, portal: Portal, connector: Connector) -> None:
        self.office, self.portal, self.connector = office, portal, connector
        self._compared: set[str] = set()  # ids of the portal's records of earlier scenarios

    async def holds_exactly(self, truths: Sequence[Truth]) -> None:
        """Since the last comparison the portal has come to hold the records of these calls, complete, and no others."""
        expected = [record for truth in truths for record in expected_of(truth, self.portal)]
        await self._everything_told(expected)
        records = self._records()
        self._compared.update(self.portal.telephony.finished)
        unfinished = self.portal.telephony.active
        assert not unfinished, f"calls that were registered and never finished: {unfinished}"
        held, wanted = [_facts(record) for record in records], [_wanted(record) for record in expected]
        assert held == wanted, f"held: {held}, wanted: {wanted}"
        for record, want in zip(records, expected, strict=True):
            _assert_details(record, want, self.portal)

    async def _everything_told(self, expected: Sequence[Expected]) -> None:
        """Until one more call, after all the others, is at the portal, and all that is expected is there too."""
        await last_call(self.office)
        recordings = sum(1 for record in expected if record.spoke)

        def told() -> bool:
            records = self._records()
            attached = sum(1 for record in records if record.record_file_id is not None)
            return self._last_is_told() and len(records) >= len(expected) and attached >= recordings

        await until(lambda: told() or self.connector.ended)

    def _new(self) -> list[CallRecord]:
        finished = self.portal.telephony.finished
        return [record for call_id, record in finished.items() if call_id not in self._compared]

    def _last_is_told(self) -> bool:
        return any(LAST_CALLER in record.call.phone for record in self._new())

    def _records(self) -> list[CallRecord]:
        """New ones, without the one that only ends a scenario, by their beginning."""
        records = [record for record in self._new() if LAST_CALLER not in record.call.phone]
        return sorted(records, key=_began)


async def last_call(office: Office) -> None:
    """The call that ends a scenario: nobody's phone rings for it."""
    await office.phones["106"].unregister()
    await office.call_in(Reach.EMPLOYEE_106, client=LAST_CALLER).until_ended()


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
    """A record for each employee who spoke; one for a call that nobody answered, which is the client's own employee's
    where the client has one."""
    kind = CallType.INCOMING if truth.direction is Direction.INBOUND else CallType.OUTGOING
    users = {user.inner_phone: user.id for user in portal.staff.users.values()}
    called = {users[extension] for extension in truth.rang or truth.dialled_by}
    is_missed_by_owner = truth.client == CLIENT and truth.direction is Direction.INBOUND
    unanswered = frozenset({OWNER} if is_missed_by_owner else called or {DEFAULT_USER})
    return [
        Expected(
            type=kind if nth == 0 else CallType.REDIRECTED,
            phone=truth.client,
            line=LINES.get(truth.provider) or truth.company or truth.provider,
            users=frozenset({users[spoke.extension]}) if spoke else unanswered,
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


def numbered(key: str) -> list[int]:
    """The numbers in a call's key: of two calls of one second the PBX counts on, from 9 to 10 too."""
    return [int(number) for number in re.findall(r"\d+", key)]


def _began(record: CallRecord) -> tuple[datetime, CallType, list[int]]:
    return record.call.started, record.call.type, numbered(record.call.external_call_id or "")


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
    assert record.user_id in expected.users, (record.user_id, expected.users)
    if expected.spoke is None:
        assert record.duration == 0
        assert record.record_file_id is None
        return
    assert expected.spoke.lasted(record.duration), (record.duration, expected.spoke)
    assert record.record_file_id is not None, "no recording"
    sound = Sound.of_wav(portal.telephony.files[record.record_file_id].content)
    assert sound.loudness > 1000
    assert expected.spoke.is_in(sound.seconds), (sound.seconds, expected.spoke)
