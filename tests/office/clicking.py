"""A company whose portal knows Ringbridge as its application: numbers are clicked there, and phones ring here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.office.company import DEFAULT_USER, until
from tests.office.connector import Connector
from tests.office.line import Line
from tests.office.office import MANAGER, Office

from ringbridge.emulators.bitrix24 import Portal, demo, deskwork, serve
from ringbridge.emulators.bitrix24.calls import CallRecord
from ringbridge.emulators.bitrix24.calls import Line as ExternalLine

RING = 60  # seconds an employee's own phone rings
CLICKS = {"ONEXTERNALCALLSTART", "ONEXTERNALCALLBACKSTART"}  # what the portal is asked to tell
AUTO_ANSWER = "Call-Info: ;answer-after=0"
GROUP = "102"  # whom clients' orders ring
MISSED_CLIENT = "79990007788"  # who is called back by the rule
MOBILE = "79161112233"  # of the portal's user 6
TOKEN = "a program's own secret, 24+"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clicking:
    office: Office
    portal: Portal
    connector: Connector
    offline: bool = False  # the portal's events are fetched

    def click(self, extension: str, number: str, *, line: str = "") -> str:
        """This employee clicks a number; the portal's id of the call."""
        user = next(user.id for user in self.portal.staff.users.values() if user.inner_phone == extension)
        return deskwork.click(self.portal, user_id=user, number=number, line=line)

    async def dialled(self, extension: str, *, by: str = "comtel") -> tuple[Line, Line]:
        """The employee's phone rings and is answered, then the client's rings and is: (the employee's line, the
        client's)."""
        (inside,) = await self.office.ring_of(extension)
        inside.answer()
        outside = await self.office.providers[by].rings()
        outside.answer()
        return inside, outside

    async def finished(self, *call_ids: str) -> list[CallRecord]:
        """The records of these calls, once the portal has them."""
        finished = self.portal.telephony.finished
        await until(lambda: all(call_id in finished for call_id in call_ids) or self.connector.ended)
        return [finished[call_id] for call_id in call_ids]

    async def one_finished(self) -> CallRecord:
        """The only record that the portal gets."""
        finished = self.portal.telephony.finished
        await until(lambda: bool(finished) or self.connector.ended)
        (record,) = finished.values()
        return record

    async def recorded(self, record: CallRecord) -> CallRecord:
        await until(lambda: record.record_file_id is not None or self.connector.ended)
        return record


@asynccontextmanager
async def clicking(
    office: Office, folder: Path, *, events: str, channel: str = "PJSIP/{extension}", ring: int = RING
) -> AsyncIterator[Clicking]:
    """Ringbridge runs, and the portal's events come `online` or `offline`. `ring`: in seconds, for those who wait for
    its end."""
    portal = Portal.demo()
    async with serve(portal):
        for number, name in enumerate(("Volga", "comtel"), start=1):
            portal.telephony.lines.append(ExternalLine(id=number, number=name, application_id=1))
        connector = Connector(folder, host=office.address)
        await connector.configure(clicking_file(office, portal, events, channel, connector.address, ring))
        async with connector.running():
            offline = events == "offline"
            await until(lambda: {one.event for one in portal.bus.handlers if one.offline is offline} >= CLICKS)
            yield Clicking(office=office, portal=portal, connector=connector, offline=offline)


def clicking_file(office: Office, portal: Portal, events: str, channel: str, address: str, ring: int) -> str:
    user, secret = MANAGER
    access, refresh = portal.access.issue(portal.access.applications[0], demo.ADMIN_ID, portal.clock())
    return f"""
region = "RU"
timezone = "Europe/Moscow"
public_address = "{address}"

[[pbx]]
name = "main"
host = "{office.address}"
username = "{user}"
secret = "{secret}"
recordings = [{{ pbx = "{office.recordings}" }}]

[[trunk]]
name = "comtel"

[[trunk]]
name = "volga"
line = "Volga"
dial_prefix = "9"

[dialing]
channel = "{channel}"
context = "from-phones"
number_format = "national"
ring_seconds = {ring}
callback_to = "{GROUP}"
callback_retries = [1]
auto_answer = "{AUTO_ANSWER}"

[hours]
opens = "00:00:00"
closes = "00:00:00"
days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

[[employee]]
name = "Courier"
mobiles = ["+{MOBILE}"]
users = {{ bitrix = "6" }}

[[api_token]]
name = "erp"
secret = "{TOKEN}"
may = ["dial"]

[[rule]]
name = "call back who was missed"
results = ["missed"]
numbers = ["+{MISSED_CLIENT}"]
callback = {{ after_seconds = 1 }}

[[portal]]
name = "bitrix"
default_user = "{DEFAULT_USER}"
allow_http = true
allow_private = true
request_limit = 2
events = "{events}"

[portal.oauth]
client_id = "{demo.CLIENT_ID}"
client_secret = "{demo.CLIENT_SECRET}"
access_token = "{access}"
refresh_token = "{refresh}"
endpoint = "{portal.address}/rest/"
server = "{portal.address}/rest/"
member_id = "{portal.member_id}"
application_token = "{portal.access.applications[0].application_token}"
authorization_server = "{portal.address}"
"""
