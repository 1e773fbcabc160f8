"""The people of the emulated office: who calls whom, when, and what comes of it.

Recorded calls are played over each other, as many as there are lines, each with phones that are free at the moment. A
round has every recorded call once, in an order drawn anew.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from typing import NoReturn

from ringbridge.ami.message import Message
from ringbridge.emulators.asterisk.library import RecordedCall, recorded_calls
from ringbridge.emulators.asterisk.renewal import Cast, Counters, Renewal

EMPLOYEES: Mapping[str, str] = {
    "101": "Иван Петров",
    "102": "Anna Smirnova",
    "103": "Oleg Sidorov",
    "104": "Maria Kuznetsova",
    "105": "Pavel Orlov",
    "106": "Reception",
}

TRUNKS = ("mango", "mtt", "provider")


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """How the office's day goes. Times are in seconds at speed 1.

    ``calls``: names of the recorded calls to play, all by default; ``clients``: the numbers that call, else random
    ones, of which some call again; ``rounds``: how often all are played, None for ever; ``gap``: from one call's
    beginning to the next, on the average; ``lines``: calls at a time; ``speed``: 2 plays twice as fast; ``zone``: of
    the clock by which the PBX writes its records and names its recordings.
    """

    calls: Sequence[str] = ()
    clients: Sequence[str] = ()
    rounds: int | None = None
    gap: float = 6.0
    lines: int = 4
    speed: float = 1.0
    seed: int | None = None
    zone: tzinfo = UTC
    monitor: str = "/var/spool/asterisk/monitor"
    voicemail: str = "/var/spool/asterisk/voicemail"


@dataclass(slots=True)
class Office:
    """``run`` plays the script; ``originate`` places a call on behalf of a manager's client.

    ``send`` is given each event at its moment, ``begun`` each call before its first one. ``rounds_played`` is set
    when the script is through, or was stopped and the last call has ended.
    """

    script: Script
    send: Callable[[Message], None]
    clock: Callable[[], datetime]
    begun: Callable[[Renewal], None] = lambda _: None
    counters: Counters = field(default_factory=Counters)
    played: int = 0  # calls that ran to their end
    rounds_played: asyncio.Event = field(default_factory=asyncio.Event)
    _stopped: bool = False
    _busy: Counter[str] = field(default_factory=Counter)  # calls by phone
    _freed: asyncio.Event = field(default_factory=asyncio.Event)
    _placed: asyncio.Queue[tuple[RecordedCall, Cast, Sequence[Message]]] = field(default_factory=asyncio.Queue)
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.script.seed)  # noqa: S311 the order of calls is no secret

    async def run(self) -> NoReturn:
        """Until it is cancelled: when the rounds are played, clicks are still served."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._play_rounds())
            while True:
                call, cast, variables = await self._placed.get()
                group.create_task(self._play(call, cast, variables))

    def stop(self) -> None:
        """No new calls; those that are going on are played to their end."""
        self._stopped = True

    async def _play_rounds(self) -> None:
        lines = asyncio.Semaphore(self.script.lines)
        async with asyncio.TaskGroup() as group:
            for call in self._programme():
                await lines.acquire()
                cast = await self._cast(call)
                if self._stopped:
                    break
                group.create_task(self._play(call, cast)).add_done_callback(lambda _: lines.release())
                await asyncio.sleep(self.script.gap * self._random.uniform(0.5, 1.5) / self.script.speed)
        self.rounds_played.set()

    def _programme(self) -> Iterator[RecordedCall]:
        known = {call.name: call for call in recorded_calls()}
        calls = [known[name] for name in self.script.calls] or list(known.values())
        rounds = 0
        while self.script.rounds is None or rounds < self.script.rounds:
            yield from self._random.sample(calls, len(calls))
            rounds += 1

    # Who plays

    async def _cast(self, call: RecordedCall) -> Cast:
        """Waits until enough phones are free, and takes them."""
        while len(free := [phone for phone in EMPLOYEES if not self._busy[phone]]) < len(call.extensions):
            self._freed.clear()
            await self._freed.wait()
        chosen = dict(zip(call.extensions, self._random.sample(free, len(call.extensions)), strict=True))
        self._busy.update(chosen.values())
        return _cast(call, client=self._client(), extensions=chosen)

    def _client(self) -> str:
        if self.script.clients:
            return self._random.choice(self.script.clients)
        # A small range, so that some of them call again.
        return f"79{self._random.randrange(10, 60)}555{self._random.randrange(100):04}"

    # Playing

    async def _play(self, call: RecordedCall, cast: Cast, extra: Sequence[Message] = ()) -> None:
        renewal = Renewal(
            call,
            cast,
            self.counters,
            start=self.clock(),
            speed=self.script.speed,
            zone=self.script.zone,
            monitor=self.script.monitor,
            voicemail=self.script.voicemail,
        )
        self.begun(renewal)
        loop = asyncio.get_running_loop()
        start = loop.time()
        try:
            for event in call.events:
                due = start + (event.at - call.start).total_seconds() / self.script.speed
                if due > loop.time():
                    await asyncio.sleep(due - loop.time())
                self._send(renewal.renewed(event.message), extra)
                if event.message.event == "Newchannel":
                    extra = ()
            self.played += 1
        finally:
            self._busy.subtract(cast.extensions.values())
            self._freed.set()

    def _send(self, message: Message, variables: Sequence[Message]) -> None:
        """The event; behind the first channel's birth the variables that were asked for."""
        self.send(message)
        if message.event == "Newchannel":
            for variable in variables:
                self.send(Message((*variable.headers[:2], *message.headers[2:], *variable.headers[2:])))

    # Click-to-call

    def originate(self, action: Message) -> str | None:
        """Answers an Originate as Asterisk would: the text of a refusal, or None and the call begins."""
        number = re.sub(r"\D", "", action.get("Exten"))
        if len(number) < 6:
            return "Extension does not exist."
        call = next(call for call in recorded_calls() if call.click_to_call)
        phone = re.search(r"/(\d{3})(?!\d)", action.get("Channel"))
        if phone is None or phone[1] not in EMPLOYEES:
            self._fail(action)
            return None
        extensions = dict.fromkeys(call.extensions[:1], phone[1])
        cast = replace(
            _cast(call, client=number, extensions=extensions),
            action_id=action.get("ActionID"),
            channel_id=action.get("ChannelId"),
            verbatim=True,
        )
        self._busy[phone[1]] += 1
        self._placed.put_nowait((call, cast, _variables(action)))
        return None

    def _fail(self, action: Message) -> None:
        """Nobody has that phone: no channel, only the response that tells so (reason 0)."""
        names = ("Channel", "Context", "Exten")
        self.send(
            Message(
                [
                    ("Event", "OriginateResponse"),
                    ("Privilege", "call,all"),
                    ("ActionID", action.get("ActionID")),
                    ("Response", "Failure"),
                    *((name, action.get(name)) for name in names),
                    ("Reason", "0"),
                    ("Uniqueid", "<unknown>"),
                    ("CallerIDNum", "<unknown>"),
                    ("CallerIDName", "<unknown>"),
                ]
            )
        )


def _cast(call: RecordedCall, *, client: str, extensions: Mapping[str, str]) -> Cast:
    names = {name: EMPLOYEES[extensions[phone]] for phone, name in call.names.items() if phone in extensions}
    return Cast(client=client, extensions=extensions, names=names)


def _variables(action: Message) -> list[Message]:
    """The Variable headers of an Originate as VarSet events, without the channel's own headers."""
    pairs = [pair.partition("=") for value in action.all("Variable") for pair in value.split(",") if "=" in pair]
    return [
        Message([("Event", "VarSet"), ("Privilege", "dialplan,all"), ("Variable", name), ("Value", value)])
        for name, _, value in pairs
    ]
