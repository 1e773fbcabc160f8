"""A small office on a real Asterisk 22: employees 101 to 106, the providers comtel and volga, and who can call whom.

The dialplan (etc/extensions.conf) is plain, hand-written Asterisk. By comtel the office has 74951000100, by volga
78432000100, and what a caller reaches depends on the number: `Reach` has the list.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from tests.office.asterisk import UNPACKED, Asterisk, Network, Program
from tests.office.audio import TONE
from tests.office.line import Line
from tests.office.phone import Phone
from tests.office.session import manager_session

from ringbridge.routing.dialplan import CONTEXT, By, DialplanWords, Kind, dialplan

EMPLOYEES = {
    "101": "Иван Петров",
    "102": "Anna Smirnova",
    "103": "Oleg Sidorov",
    "104": "Maria Kuznetsova",
    "105": "Pavel Orlov",
    "106": "Reception",
}
PROVIDERS = {"comtel": 201, "volga": 202}
MANAGER = ("ringbridge", "office-secret")


class Reach(StrEnum):
    """The company's numbers by what answers there."""

    EMPLOYEE_101 = "74951000101"
    EMPLOYEE_102 = "74951000102"
    EMPLOYEE_105 = "74951000105"
    EMPLOYEE_106 = "74951000106"
    VOLGA_103 = "78432000103"
    RECEPTION = "74951000200"  # ring group of 101, 102, 103
    SALES = "74951000300"  # queue of the phones 101, 102
    SUPPORT = "74951000301"  # queue of Local members 103, 104
    MENU = "74951000400"  # 1: reception, 2: sales
    MAILBOX = "74951000500"
    ROUTED = "74951000600"  # to whom Ringbridge names, asked by CURL; else to 106, as all of these
    ROUTED_BY_AGI = "74951000601"
    ROUTED_BY_MENU = "74951000602"  # a menu asks first
    ROUTED_AS_FREEPBX = "74951000603"
    NOBODY = "74951000999"

    @property
    def provider(self) -> str:
        return "volga" if self.startswith("7843") else "comtel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    pbx: Asterisk
    address: str  # of the PBX; AMI is on port 5038
    recordings: Path
    phones: dict[str, Phone]
    providers: dict[str, Phone]

    def call_in(self, number: Reach, *, client: str, name: str = "") -> Line:
        """A client calls one of the company's numbers."""
        return self.providers[number.provider].dial(number, shown=client, name=name)

    async def ring_of(self, *extensions: str) -> list[Line]:
        """The lines of these employees' phones, all ringing."""
        return list(await asyncio.gather(*(self.phones[extension].rings() for extension in extensions)))

    async def connected(self, number: Reach, extension: str, *, client: str) -> tuple[Line, Line]:
        """A client's call that this employee has answered, both sides heard: (the client's line, the employee's)."""
        outside = self.call_in(number, client=client)
        (inside,) = await self.ring_of(extension)
        inside.answer()
        await outside.until_answered()
        await asyncio.gather(outside.hear(1), inside.hear(1))
        return outside, inside

    async def clear(self) -> None:
        """Every call hung up and forgotten, no channel left on the PBX, every phone registered."""
        await asyncio.gather(*(phone.clear() for phone in (*self.phones.values(), *self.providers.values())))
        await self.idle()
        await asyncio.gather(*(phone.register() for phone in self.phones.values()))

    async def idle(self) -> None:
        """Until the PBX has no channel left and has closed the recordings."""
        async with manager_session(self.address, *MANAGER) as session:
            for channel in (await session.ask("CoreShowChannels")).rows:
                await session.until("Hangup", Uniqueid=channel.get("Uniqueid"))

    async def all_ended(self, *lines: Line) -> None:
        await asyncio.gather(*(line.until_ended() for line in lines))


@contextmanager
def running_pbx(folder: Path) -> Iterator[tuple[Asterisk, Network]]:
    """The office's Asterisk, booted, without its phones."""
    recordings, music = folder / "recordings", folder / "music"
    network = Network()
    try:
        settings = {
            "PBX": network.address(1),
            **{name.upper(): network.address(host) for name, host in PROVIDERS.items()},
            "RECORDINGS": str(recordings),
            "MUSIC": str(music),
            "EMPLOYEES": "\n".join(_account(extension, name) for extension, name in EMPLOYEES.items()),
        }
        etc = Path(__file__).parent / "etc"
        pbx = Asterisk(folder / "pbx", etc=etc, settings=settings, program=Program(root=UNPACKED))
        (folder / "pbx" / "etc" / "ringbridge.conf").write_text(distribution(network.address(1)), "utf-8")
        recordings.mkdir(exist_ok=True)
        music.mkdir(exist_ok=True)
        (music / "tone.alaw").write_bytes(TONE * 500)
        with pbx:
            yield pbx, network
    finally:
        network.close()


@asynccontextmanager
async def open_office(pbx: Asterisk, network: Network, *, recordings: Path) -> AsyncIterator[Office]:
    """The phones of a running PBX, registered; at the end they hang up, and the PBX has no channel left."""
    address = network.address(1)
    phones = {
        extension: Phone(extension, address=network.address(int(extension)), pbx=address, password=password(extension))
        for extension in EMPLOYEES
    }
    providers = {name: Phone(name, address=network.address(host), pbx=address) for name, host in PROVIDERS.items()}
    everyone = [*phones.values(), *providers.values()]
    async with AsyncExitStack() as stack:
        for phone in everyone:
            await stack.enter_async_context(phone)
        office = Office(pbx=pbx, address=address, recordings=recordings, phones=phones, providers=providers)
        await office.clear()
        try:
            yield office
        finally:
            await office.clear()


def distribution(address: str) -> str:
    """The contexts that ask a Ringbridge on the PBX's own address: each of the ways that there are, by its own name."""
    page, agi = f"http://{address}:8077", f"agi://{address}:4574"
    words = DialplanWords(address=page, agi=agi, groups="office-groups", outside="click-to-call")
    ways = {
        "ringbridge-route": dialplan(Kind.ASTERISK, By.CURL, words),
        "ringbridge-agi": dialplan(Kind.ASTERISK, By.AGI, words),
        "ringbridge-freepbx": dialplan(Kind.FREEPBX, By.CURL, replace(words, groups="from-internal")),
    }
    return "\n".join(text.replace(f"[{CONTEXT}]", f"[{name}]") for name, text in ways.items())


def password(extension: str) -> str:
    return f"secret-{extension}"


def _account(extension: str, name: str) -> str:
    return "\n".join(
        [
            f"[{extension}](employee)",
            f"auth = {extension}",
            f"aors = {extension}",
            f'callerid = "{name}" <{extension}>',
            f"[{extension}](account)",
            f"username = {extension}",
            f"password = {password(extension)}",
            f"[{extension}](registration)",
        ]
    )
