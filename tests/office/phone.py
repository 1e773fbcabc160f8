"""A SIP phone, or a provider's switch: one UDP address, any number of lines.

Standard library only, everything happens in callbacks of the running loop: a phone has no task that could be forgotten.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Self

from tests.office import sip
from tests.office.line import PATIENCE, Line
from tests.office.sip import Headers, SipMessage

SIP_PORT = 5060
RESEND_AFTER = 1.0  # seconds; the loopback loses nothing, but a full buffer may


class Phone(asyncio.DatagramProtocol):
    """`user` is the account (or the provider's name); without a password no registration is possible or needed."""

    def __init__(self, user: str, *, address: str, pbx: str, password: str = "") -> None:
        self.name = self.user = user
        self.address, self.pbx = address, pbx
        self.uri = f"sip:{user}@{pbx}"
        self.contact = f"<sip:{user}@{address}:{SIP_PORT}>"
        self.lines: list[Line] = []
        self._password = password
        self._arrived: asyncio.Queue[Line] = asyncio.Queue()
        self._handlers: dict[str, Callable[[SipMessage], None]] = {}
        self._transport: asyncio.DatagramTransport | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self.address, SIP_PORT))
        return self

    async def __aexit__(self, *_: object) -> None:
        for line in self.lines:
            line.drop()
        if self._transport is not None:
            self._transport.close()

    # --- what a person does with it ---------------------------------------------------------------------------------

    async def register(self) -> None:
        await self._register(expires=3600)

    async def unregister(self) -> None:
        await self._register(expires=0)

    def dial(self, number: str, *, shown: str = "", name: str = "") -> Line:
        """Call a number. `shown` and `name`: whom the call says it is from (a provider passes its client's)."""
        caller = f"sip:{shown}@{self.address}" if shown else self.uri
        local = (f'"{name}" ' if name else "") + f"<{caller}>;tag={sip.token(4)}"
        target = f"sip:{number}@{self.pbx}:{SIP_PORT}"
        remote = f"<sip:{number}@{self.pbx}>"
        line = Line(self, outgoing=True, call_id=sip.token(), local=local, remote=remote, target=target)
        self.lines.append(line)
        line.invite()
        return line

    async def arrives(self) -> Line:
        """The next call that reaches this phone, before it has rung."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._arrived.get()
        except TimeoutError:
            raise AssertionError(f"no call reached {self.name} within {PATIENCE} s") from None

    async def rings(self) -> Line:
        """The next call that reaches this phone, ringing."""
        line = await self.arrives()
        line.ring()
        return line

    async def clear(self) -> None:
        """Hang up, and forget every call there was."""
        for line in self.lines:
            await line.hangup()
        self.lines.clear()
        while not self._arrived.empty():
            self._arrived.get_nowait()

    # --- messages ---------------------------------------------------------------------------------------------------

    def send(self, message: SipMessage, *, on_answer: Callable[[SipMessage], None] | None = None) -> None:
        assert self._transport is not None
        if on_answer is not None:
            self._handlers[message.branch] = on_answer
        self._transport.sendto(message.encode(), (self.pbx, SIP_PORT))

    async def ask(self, message: SipMessage) -> SipMessage:
        """Send a request and return its final answer."""
        answered: asyncio.Future[SipMessage] = asyncio.get_running_loop().create_future()

        def take(answer: SipMessage) -> None:
            if answer.code >= 200 and not answered.done():
                answered.set_result(answer)

        async with asyncio.timeout(PATIENCE):
            while not answered.done():
                self.send(message, on_answer=take)
                await asyncio.wait([answered], timeout=RESEND_AFTER)
        return answered.result()

    def credentials(self, challenge: SipMessage, *, method: str, uri: str) -> tuple[str, str]:
        return sip.credentials(challenge, method=method, uri=uri, user=self.user, password=self._password)

    async def _register(self, *, expires: int) -> None:
        uri, call_id, local = f"sip:{self.pbx}", sip.token(), f"<{self.uri}>;tag={sip.token(4)}"

        def compose(cseq: int, extra: Headers = ()) -> SipMessage:
            head = [
                ("Via", f"SIP/2.0/UDP {self.address}:{SIP_PORT};rport;branch={sip.new_branch()}"),
                ("Max-Forwards", "70"),
                ("From", local),
                ("To", f"<{self.uri}>"),
                ("Call-ID", call_id),
                ("CSeq", f"{cseq} REGISTER"),
                ("Contact", self.contact),
                ("Expires", str(expires)),
                *extra,
            ]
            return sip.request("REGISTER", uri, head)

        challenge = await self.ask(compose(1))
        answer = await self.ask(compose(2, (self.credentials(challenge, method="REGISTER", uri=uri),)))
        if answer.code != 200:
            raise AssertionError(f"{self.name} could not register: {answer.start}")

    # --- asyncio.DatagramProtocol -----------------------------------------------------------------------------------

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        if not data.strip():
            return  # keep-alive
        message = SipMessage.parse(data)
        if message.is_response:
            if handler := self._handlers.get(message.branch):
                handler(message)
        else:
            self._take_request(message)

    def error_received(self, exc: Exception) -> None:
        """The PBX is not there (yet, or any more): whoever waits for its answer will say so."""

    def _take_request(self, message: SipMessage) -> None:
        line = next((line for line in self.lines if line.call_id == message.get("Call-ID")), None)
        if line is not None:
            line.take_request(message)
        elif message.method == "INVITE":
            self._take_call(message)
        elif message.method == "OPTIONS":
            self.send(sip.response(message, 200, "OK", tag=sip.token(4)))
        elif message.method != "ACK":
            self.send(sip.response(message, 481, "Call/Transaction Does Not Exist", tag=sip.token(4)))

    def _take_call(self, invite: SipMessage) -> None:
        line = Line(
            self,
            outgoing=False,
            call_id=invite.get("Call-ID"),
            local=f"{invite.get('To')};tag={sip.token(4)}",
            remote=invite.get("From"),
            target=sip.uri_of(invite.get("Contact")),
        )
        self.lines.append(line)
        line.take_invite(invite)
        self._arrived.put_nowait(line)
