"""What an amoCRM account must hold after some calls of the office, and how the office is connected to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from tests.office.company import LAST_CALLER, PATIENCE, last_call, numbered, until
from tests.office.connector import Connector, pbx_part
from tests.office.office import EMPLOYEES, Office
from tests.office.scenarios import CLIENT
from tests.office.sound import Sound
from tests.office.truth import Spoke, Truth

from ringbridge.emulators.amocrm import Account, Kind, serve
from ringbridge.emulators.amocrm.demo import ADMIN_ID
from ringbridge.emulators.amocrm.entities import Entity
from ringbridge.emulators.amocrm.notes import CALLS
from ringbridge.emulators.amocrm.staff import User
from ringbridge.pbx.audio import installed_encoders
from ringbridge.telephony.model import Direction, Disposition

USERS = {extension: ADMIN_ID + 100 + nth for nth, extension in enumerate(EMPLOYEES)}
"""The account's users by their phones. The administrator, whose token it is, has none."""
OWNER = USERS["105"]  # of the client whom the account knows
DEFAULT_USER = USERS["106"]
TALKED, WRONG_NUMBER, NOT_REACHED, BUSY = 4, 5, 6, 7
STATUSES = {
    Disposition.ANSWERED: TALKED,
    Disposition.MISSED: NOT_REACHED,
    Disposition.BUSY: BUSY,
    Disposition.NO_ANSWER: NOT_REACHED,
    Disposition.FAILED: WRONG_NUMBER,  # in our scenarios: a number that does not exist
}


def furnished() -> Account:
    """The demonstration's account, where the office's employees work too; `CLIENT` is 105's."""
    account = Account.demo()
    for extension, name in EMPLOYEES.items():
        user = User(id=USERS[extension], name=name, email=f"{extension}@office.example")
        account.staff.users[user.id] = user
    (client,) = contacts(account, CLIENT)
    client.responsible_user_id = OWNER
    return account


def contacts(account: Account, number: str) -> list[Entity]:
    found = account.entities.by_phone(number, digits=10, indexed_before=float("inf"))
    return [one for one in found if one.kind is Kind.CONTACTS]


def account_part(account: Account, *, key: str = "") -> str:
    """The part of the configuration that connects the office to this account: by a long-lived token, or another key."""
    key = key or f'token = "{account.long_lived_token(account.access.integrations[0], ADMIN_ID)}"'
    employees = "".join(
        f'\n[[employee]]\nname = "{name}"\nextensions = ["{extension}"]\nusers = {{ amo = "{USERS[extension]}" }}\n'
        for extension, name in EMPLOYEES.items()
    )
    return f"""
[[portal]]
name = "amo"
kind = "amocrm"
default_user = "{DEFAULT_USER}"
allow_http = true
allow_private = true
request_limit = 2

[portal.amocrm]
address = "{account.address}"
{key}
local = true
{employees}"""


@dataclass(frozen=True, slots=True)
class AccountCompany:
    """The office, its account, and Ringbridge between them."""

    office: Office
    connector: Connector
    book: Book

    async def holds_exactly(self, truths: Sequence[Truth]) -> None:
        await last_call(self.office)
        await self.book.comes_to_hold(truths)


@asynccontextmanager
async def account_company(office: Office, folder: Path) -> AsyncIterator[AccountCompany]:
    """Configured, and not running yet."""
    account = furnished()
    async with serve(account):
        connector = Connector(folder, host=office.address)
        await connector.configure(pbx_part(office, public_address=connector.address) + account_part(account))
        yield AccountCompany(office, connector, Book(account, address=connector.address))


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """One call that the account must hold."""

    direction: str
    phone: str
    status: int
    users: frozenset[int]  # one of them: which phone of a group rang last is nobody's choice
    spoke: Spoke | None


class Book:
    """The account's calls, compared bit by bit. `address`: where our recordings' links must lead."""

    def __init__(self, account: Account, *, address: str) -> None:
        self.account = account
        self._address = address
        self._compared: set[int] = set()  # ids of the notes of earlier scenarios

    async def comes_to_hold(self, truths: Sequence[Truth]) -> None:
        """The calls since the last comparison are there, complete, each once, and no others. Each comparison must have
        been preceded by the call that ends it, see `company.last_call`."""
        expected = [call for truth in truths for call in expected_of(truth)]
        await until(lambda: self._last_is_told() and len(self.calls()) >= len(expected))
        calls = self.calls()
        self._compared.update(note["id"] for note in self._new())
        held, wanted = [_facts(call) for call in calls], [_wanted(each) for each in expected]
        assert held == wanted, f"held: {held}, wanted: {wanted}"
        for call, want in zip(calls, expected, strict=True):
            await self._assert_details(call, want)

    def calls(self) -> list[dict[str, Any]]:
        """New ones by their beginning, without the one that only ends a scenario."""
        calls = [note for note in self._new() if LAST_CALLER not in note["params"]["phone"]]
        return sorted(calls, key=lambda note: (note["created_at"], numbered(note["params"]["uniq"])))

    def _new(self) -> list[dict[str, Any]]:
        notes = self.account.notes.values()
        return [note for note in notes if note["note_type"] in CALLS and note["id"] not in self._compared]

    def _last_is_told(self) -> bool:
        return any(LAST_CALLER in note["params"]["phone"] for note in self._new())

    async def _assert_details(self, call: dict[str, Any], expected: Expected) -> None:
        """With the right client, in the name of the right employee, and as long as it was."""
        said = call["params"]
        assert call["created_by"] in expected.users
        assert call["created_by"] == call["responsible_user_id"] == said["call_responsible"]
        assert self._client_of(call) in contacts(self.account, expected.phone)
        if expected.spoke is None:
            assert said["duration"] == 0
            assert said.get("link") is None
            return
        assert expected.spoke.lasted(said["duration"]), (said["duration"], expected.spoke)
        assert said["link"].startswith(f"{self._address}/recordings/")
        sound = await played(said["link"])
        assert sound.loudness > 1000
        assert expected.spoke.is_in(sound.seconds), (sound.seconds, expected.spoke)

    def _client_of(self, call: dict[str, Any]) -> Entity:
        """Whom the call is written to: a contact, or the contact of the lead that it is written to."""
        entities = self.account.entities
        place = entities.rows[Kind(call["entity_type"])][call["entity_id"]]
        return entities.rows[Kind.CONTACTS][place.linked(Kind.CONTACTS)[0]] if place.kind is Kind.LEADS else place


def expected_of(truth: Truth) -> list[Expected]:
    """A call for each employee who spoke; one for a call that nobody answered."""
    return [
        Expected(
            direction="call_in" if truth.direction is Direction.INBOUND else "call_out",
            phone=truth.client,
            status=STATUSES[truth.disposition],
            users=frozenset({USERS[spoke.extension]}) if spoke else _of_unanswered(truth),
            spoke=spoke,
        )
        for spoke in truth.spoke or (None,)
    ]


def _of_unanswered(truth: Truth) -> frozenset[int]:
    """Whoever called; else the client's own employee, else who was rung, else the default."""
    if truth.dialled_by:
        return frozenset(USERS[extension] for extension in truth.dialled_by)
    if truth.client == CLIENT:
        return frozenset({OWNER})
    return frozenset(USERS[extension] for extension in truth.rang) or frozenset({DEFAULT_USER})


async def played(link: str) -> Sound:
    """What a browser hears that opens a call's link. The call is told at once, its file is whole a moment later, and
    a browser that was too early tries again."""
    async with httpx2.AsyncClient() as browser, asyncio.timeout(PATIENCE):
        while (answer := await browser.get(link)).status_code == 404:  # noqa: ASYNC110 nobody announces it
            await asyncio.sleep(0.5)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == ("audio/mpeg" if installed_encoders() else "audio/wav")
    return await Sound.of_recording(answer.content)


def _facts(call: dict[str, Any]) -> dict[str, object]:
    said = call["params"]
    return {"type": call["note_type"], "phone": said["phone"].lstrip("+"), "status": said["call_status"]}


def _wanted(expected: Expected) -> dict[str, object]:
    return {"type": expected.direction, "phone": expected.phone, "status": expected.status}
