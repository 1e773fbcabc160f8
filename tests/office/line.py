"""One call as the phone sees it: a SIP dialog with its sound, and when what happened to it.

A line is driven by what the office does (`ring`, `answer`, `hangup`, ...) and by what the PBX sends (`take_request`,
`take_answer`, called by the phone). Waiting is always for a state, never for a while: `until_answered`, `until_ended`,
and `hear`, which lasts as long as it takes the other side to say that many seconds.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from tests.office import sip
from tests.office.audio import PACKET_SECONDS, Audio
from tests.office.sip import Headers, SipMessage

if TYPE_CHECKING:
    from tests.office.phone import Phone

PATIENCE = 60.0  # seconds any state is waited for: only a guard, no scenario needs a tenth of it
ALLOWED = "INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, UPDATE"


class Stage(StrEnum):
    NEW = "new"
    RINGING = "ringing"
    TALKING = "talking"
    ENDED = "ended"


class EndedTooSoon(AssertionError):
    """The line ended while the test waited for something else of it."""


class Line:
    def __init__(self, phone: Phone, *, outgoing: bool, call_id: str, local: str, remote: str, target: str) -> None:
        self.phone = phone
        self.outgoing = outgoing
        self.call_id = call_id
        self.stage = Stage.NEW
        self.number = sip.user_of(remote)  # of the other side
        self.name = sip.display_name_of(remote)
        self.dialled = ""  # incoming: the number the call was for
        self.rang_at: datetime | None = None
        self.answered_at: datetime | None = None
        self.ended_at: datetime | None = None
        self.ending = ""  # in words: who ended it and how
        self.transfer_result: int | None = None  # SIP code the PBX gave for our REFER
        self.audio = Audio(phone.address, on_packet=self._changed_now)
        self._local, self._remote = local, remote
        self._target, self._route = target, list[str]()
        self._tag = sip.tag_of(local)
        self._cseq = itertools.count(1)
        self._offers = itertools.count(1)
        self._changed = asyncio.Event()
        self._invite: SipMessage | None = None  # the one that opened the dialog
        self._answer: SipMessage | None = None  # our last answer to it, said again when they ask again
        self._tried_password = False

    def __repr__(self) -> str:
        return f"<{self.phone.name} {'to' if self.outgoing else 'from'} {self.number}: {self.stage} {self.ending}>"

    # --- what the test asks of a line -------------------------------------------------------------------------------

    @property
    def talked(self) -> timedelta:
        """From the answer to the end."""
        if self.answered_at is None or self.ended_at is None:
            return timedelta(0)
        return self.ended_at - self.answered_at

    @property
    def answered_elsewhere(self) -> bool:
        return "elsewhere" in self.ending.lower()

    def invited_with(self, header: str) -> str:
        """What the call that reached this phone said in a header of its INVITE."""
        return self._invite.get(header) if self._invite else ""

    async def until_ringing(self) -> None:
        await self._until(lambda: self.rang_at is not None, "it rang")

    async def until_answered(self) -> None:
        await self._until(lambda: self.answered_at is not None, "it was answered")

    async def until_ended(self) -> None:
        await self._until(lambda: self.stage is Stage.ENDED, "it ended")

    async def until_transferred(self) -> None:
        """Until the PBX has said how the transfer we asked for went; the line may be ended by that."""
        await self._until(lambda: self.transfer_result is not None or self.stage is Stage.ENDED, "the transfer")

    async def hear(self, seconds: float) -> None:
        """Listen until the other side has said that many seconds of sound."""
        wanted = self.audio.heard + round(seconds / PACKET_SECONDS)
        await self._until(lambda: self.audio.heard >= wanted, f"{seconds} s of sound were heard")

    async def _until(self, reached: Callable[[], bool], what: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                while not reached():
                    if self.stage is Stage.ENDED:
                        raise EndedTooSoon(f"{self} before {what}")
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"{self}: {PATIENCE} s passed before {what}") from None

    def _changed_now(self) -> None:
        self._changed.set()

    # --- what the person at the phone does --------------------------------------------------------------------------

    def ring(self) -> None:
        self._answer_invite(180, "Ringing")
        self.stage, self.rang_at = Stage.RINGING, datetime.now(UTC)

    def answer(self) -> None:
        if self.stage is Stage.ENDED:
            raise EndedTooSoon(f"{self} before it was answered here")
        self._answer_invite(200, "OK", body=self._offer())
        self._talking()

    def reject(self, code: int = 486, reason: str = "Busy Here") -> None:
        self._answer_invite(code, reason)
        self._end(f"rejected here with {code}")

    async def hangup(self) -> None:
        """End it, whatever state it is in; the PBX has agreed when this returns."""
        if self.stage is Stage.ENDED:
            return
        if self.stage is Stage.TALKING:
            self._end("hung up here")
            await self._request("BYE")
        elif self.outgoing:
            self._cancel()
            await self.until_ended()
        else:
            self.reject(480, "Temporarily Unavailable")

    async def hold(self) -> None:
        self.audio.mute(True)
        await self._request("INVITE", body=self._offer("sendonly"))

    async def unhold(self) -> None:
        await self._request("INVITE", body=self._offer())
        self.audio.mute(False)

    async def press(self, keys: str) -> None:
        await self.audio.press(keys)

    async def transfer(self, number: str) -> None:
        """A blind transfer with the phone's own button (SIP REFER)."""
        await self._refer(f"sip:{number}@{self.phone.pbx}")

    async def transfer_to(self, other: Line) -> None:
        """Join this call with the one on our other line (REFER with Replaces, RFC 3891): an attended transfer."""
        dialog = f"{other.call_id}%3Bto-tag%3D{sip.tag_of(other._remote)}%3Bfrom-tag%3D{other._tag}"
        await self._refer(f"sip:{other.number}@{self.phone.pbx}?Replaces={dialog}")

    async def _refer(self, to: str) -> None:
        answer = await self._request("REFER", headers=(("Refer-To", f"<{to}>"), ("Referred-By", f"<{self.phone.uri}>")))
        if answer.code >= 300:
            raise AssertionError(f"{self}: the PBX refused the transfer with {answer.start}")

    # --- dialling ---------------------------------------------------------------------------------------------------

    def invite(self, extra: Headers = ()) -> None:
        """Send the INVITE that opens an outgoing line."""
        self._invite = self._compose("INVITE", body=self._offer(), headers=extra)
        self.phone.send(self._invite, on_answer=self.take_answer)

    def take_answer(self, answer: SipMessage) -> None:
        """What the PBX says to our INVITE."""
        if answer.code < 200:
            self._take_progress(answer)
        elif answer.code < 300:
            self._take_acceptance(answer)
        elif answer.code in (401, 407) and not self._tried_password:
            self._acknowledge_refusal(answer)
            self._tried_password = True
            self.invite((self.phone.credentials(answer, method="INVITE", uri=self._target),))
        else:
            self._acknowledge_refusal(answer)
            self._end(f"refused there with {answer.start.removeprefix('SIP/2.0 ')}")

    def _take_progress(self, answer: SipMessage) -> None:
        if answer.body:
            self._take_sound(answer)
        if answer.code == 180 and self.rang_at is None:
            self.stage, self.rang_at = Stage.RINGING, datetime.now(UTC)
            self._changed_now()

    def _take_acceptance(self, answer: SipMessage) -> None:
        self._remote = answer.get("To")
        self._target = sip.uri_of(answer.get("Contact"))
        self._route = answer.all("Record-Route")[::-1]
        self.phone.send(self._compose("ACK", cseq=answer.get("CSeq").split()[0]))
        if self.stage in {Stage.NEW, Stage.RINGING}:
            self._take_sound(answer)
            self._talking()

    def _acknowledge_refusal(self, answer: SipMessage) -> None:
        """The ACK of a failed INVITE belongs to its transaction: same branch, same target (RFC 3261 17.1.1.3)."""
        self.phone.send(self._within_invite("ACK", to=answer.get("To")))

    def _cancel(self) -> None:
        assert self._invite is not None
        self.phone.send(self._within_invite("CANCEL", to=self._invite.get("To")))

    def _within_invite(self, method: str, *, to: str) -> SipMessage:
        assert self._invite is not None
        number = self._invite.get("CSeq").split()[0]
        kept = [(name, self._invite.get(name)) for name in ("Via", "Max-Forwards", "From", "Call-ID")]
        return sip.request(method, self._invite.start.split()[1], [*kept, ("To", to), ("CSeq", f"{number} {method}")])

    # --- what the PBX asks ------------------------------------------------------------------------------------------

    def take_invite(self, invite: SipMessage) -> None:
        """The INVITE that opened an incoming line."""
        self._invite = invite
        self.dialled = sip.user_of(invite.start)
        self._route = invite.all("Record-Route")
        if address := sip.audio_address(invite.body):
            self.audio.remote = address
        self._answer_invite(100, "Trying")

    def take_request(self, message: SipMessage) -> None:
        match message.method:
            case "INVITE" if self._invite and not self.outgoing and message.get("CSeq") == self._invite.get("CSeq"):
                if self._answer:
                    self.phone.send(self._answer)
            case "INVITE" | "UPDATE":
                self._take_offer(message)
            case "CANCEL":
                self._say_ok(message)
                if self.stage in {Stage.NEW, Stage.RINGING}:
                    self._answer_invite(487, "Request Terminated")
                    self._end(f"cancelled there. {message.get('Reason')}")
            case "BYE":
                self._say_ok(message)
                self._end("hung up there")
            case "NOTIFY":
                self._say_ok(message)
                self._take_transfer_report(message.body.decode("latin-1"))
            case "ACK":
                pass
            case _:
                self._say_ok(message)

    def _take_offer(self, message: SipMessage) -> None:
        text = message.body.decode("latin-1")
        mode = "recvonly" if "a=sendonly" in text else "inactive" if "a=inactive" in text else "sendrecv"
        if message.body:
            self._take_sound(message)
        self._say_ok(message, body=self._offer(mode) if message.body or message.method == "INVITE" else b"")

    def _take_transfer_report(self, text: str) -> None:
        report = re.match(r"SIP/2.0 ([2-6]\d\d)", text)
        if report:
            self.transfer_result = int(report.group(1))
            self._changed_now()

    def _take_sound(self, message: SipMessage) -> None:
        if address := sip.audio_address(message.body):
            self.audio.remote = address
            self.audio.start()

    # --- the life of a line -----------------------------------------------------------------------------------------

    def _talking(self) -> None:
        self.stage, self.answered_at = Stage.TALKING, datetime.now(UTC)
        self.audio.start()
        self._changed_now()

    def _end(self, how: str) -> None:
        if self.stage is Stage.ENDED:
            return
        self.stage, self.ended_at, self.ending = Stage.ENDED, datetime.now(UTC), how.strip()
        self.audio.close()
        self._changed_now()

    def drop(self) -> None:
        """Forget it without a word to the PBX: the phone was unplugged."""
        self._end("unplugged")

    # --- messages ---------------------------------------------------------------------------------------------------

    def _offer(self, mode: str = "sendrecv") -> bytes:
        return sip.audio_offer(self.phone.address, self.audio.port, version=next(self._offers), mode=mode)

    def _compose(self, method: str, *, body: bytes = b"", headers: Headers = (), cseq: str = "") -> SipMessage:
        head = [
            ("Via", f"SIP/2.0/UDP {self.phone.address}:5060;rport;branch={sip.new_branch()}"),
            ("Max-Forwards", "70"),
            ("From", self._local),
            ("To", self._remote),
            ("Call-ID", self.call_id),
            ("CSeq", f"{cseq or next(self._cseq)} {method}"),
            ("Contact", self.phone.contact),
            ("Allow", ALLOWED),
            ("Supported", "replaces"),
            *(("Route", hop) for hop in self._route),
            *headers,
        ]
        if body:
            head.append(("Content-Type", "application/sdp"))
        return sip.request(method, self._target, head, body)

    async def _request(self, method: str, *, body: bytes = b"", headers: Headers = ()) -> SipMessage:
        message = self._compose(method, body=body, headers=headers)
        answer = await self.phone.ask(message)
        if method == "INVITE":
            self.phone.send(self._compose("ACK", cseq=message.get("CSeq").split()[0]))
        return answer

    def _answer_invite(self, code: int, reason: str, body: bytes = b"") -> None:
        assert self._invite is not None
        self._answer = self._respond(self._invite, code, reason, body)
        self.phone.send(self._answer)

    def _say_ok(self, message: SipMessage, body: bytes = b"") -> None:
        self.phone.send(self._respond(message, 200, "OK", body))

    def _respond(self, message: SipMessage, code: int, reason: str, body: bytes) -> SipMessage:
        headers = [("Contact", self.phone.contact), ("Allow", ALLOWED), ("Supported", "replaces")]
        if body:
            headers.append(("Content-Type", "application/sdp"))
        return sip.response(message, code, reason, tag=self._tag, headers=headers, body=body)
