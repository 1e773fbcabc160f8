"""A CRM in memory that is strict, and fails in every way that the contract knows, when it is told to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from ringbridge.crm.contract import (
    Client,
    CrmError,
    CrmUser,
    Exchange,
    NotReached,
    PortalInfo,
    Receipt,
    Rejected,
    Step,
    Throttled,
    Transient,
    Unauthorized,
)
from ringbridge.routing.intents import AttachRecording, FinishCall, HideCard, RegisterCall, ShowCard


class Fault(StrEnum):
    NONE = "none"
    DOWN = "down"
    LOST_BEFORE = "lost before it was done"
    LOST_AFTER = "lost after it was done"
    THROTTLED = "throttled"
    UNAUTHORIZED = "unauthorized"
    REJECTED = "rejected"
    CUT = "the process dies"
    CUT_AFTER = "the process dies after it was done"


class ProcessDied(BaseException):
    """Nothing after this runs: what the caller has in memory is gone."""


@dataclass
class Entry:
    """What the portal holds of one record."""

    registered: int = 0
    finished: int = 0
    recordings: list[str] = field(default_factory=list)
    cards: set[str] = field(default_factory=set)


class TwinCrm:
    """`fault` says, step by step, what goes wrong. `broken_rules` names everything that a real portal would suffer
    from: a step out of order, without the facts it needs, or done twice without being flagged as uncertain."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.entries: dict[str, Entry] = {}
        self.broken_rules: list[str] = []
        self.carried_out: list[Step] = []
        self.requests: list[list[Step]] = []
        self.fault: Callable[[Step], Fault] = lambda _: Fault.NONE
        self._now = now

    async def carry_out(self, steps: Sequence[Step]) -> Sequence[Receipt | CrmError]:
        self.requests.append(list(steps))
        failed: set[str] = set()
        brought: dict[str, dict[str, str]] = {}  # within one request a step may refer to an earlier one's answer
        answers: list[Receipt | CrmError] = []
        for step in steps:
            if step.intent.record in failed:
                answers.append(NotReached("an earlier step failed"))
                continue
            known = brought.setdefault(step.intent.record, {})
            answer = self._answer(replace(step, facts={**step.facts, **known}), self.fault(step))
            answers.append(answer)
            if isinstance(answer, CrmError):
                failed.add(step.intent.record)
            else:
                known |= answer.facts
        return answers

    def _answer(self, step: Step, fault: Fault) -> Receipt | CrmError:
        exchange = Exchange(sent=f"> {step.intent.step}", answered=f"< {fault}")
        match fault:
            case Fault.DOWN:
                return Transient("503", exchange=exchange)
            case Fault.LOST_BEFORE:
                return Transient("no answer", exchange=exchange, maybe_done=True)
            case Fault.LOST_AFTER:
                self._do(step)
                return Transient("no answer", exchange=exchange, maybe_done=True)
            case Fault.THROTTLED:
                return Throttled("too many", until=self._now() + timedelta(seconds=5), exchange=exchange)
            case Fault.UNAUTHORIZED:
                return Unauthorized("the key is refused", exchange=exchange)
            case Fault.REJECTED:
                return Rejected("the portal will not have it", exchange=exchange)
            case Fault.CUT:
                raise ProcessDied
            case Fault.CUT_AFTER:
                self._do(step)
                raise ProcessDied
        return Receipt(facts=self._do(step), exchange=exchange)

    def _do(self, step: Step) -> dict[str, str]:
        self.carried_out.append(step)
        entry = self.entries.setdefault(step.intent.record, Entry())
        match step.intent:
            case RegisterCall():
                self._register(step, step.intent, entry)
                return {"call_id": f"crm-{step.intent.record}"}
            case ShowCard(users=users):
                self._must(step, "call_id")
                entry.cards |= set(users)
            case HideCard(users=users):
                self._must(step, "call_id")
                entry.cards -= set(users)
            case FinishCall():
                self._must(step, "call_id")
                entry.finished += self._unless_done(step, bool(entry.finished))
                return {"entry": f"entry-{step.intent.record}"}
            case AttachRecording(path=path):
                self._must(step, "call_id", "entry")
                if self._unless_done(step, path in entry.recordings):
                    entry.recordings.append(path)
        return {}

    def _register(self, step: Step, intent: RegisterCall, entry: Entry) -> None:
        if self._unless_done(step, bool(entry.registered)):
            entry.registered += 1
            if intent.show:
                entry.cards.add(intent.user)

    def _unless_done(self, step: Step, done: bool) -> bool:
        """Whoever flags a step as uncertain has it looked up first; anybody else doubles it."""
        if done and not step.uncertain:
            self.broken_rules.append(f"{step.intent.record} {step.intent.step} was done twice")
        return not done

    def _must(self, step: Step, *names: str) -> None:
        wrong = [name for name in names if name not in step.facts]
        if wrong:
            self.broken_rules.append(f"{step.intent.record} {step.intent.step} came without {wrong}")

    async def check(self) -> PortalInfo:
        return PortalInfo(name="twin", can=frozenset())

    async def users(self) -> Sequence[CrmUser]:
        return []

    async def find(self, number: str) -> Client | None:
        return None

    async def aclose(self) -> None:
        pass
