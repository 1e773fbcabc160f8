"""What the dialplan was answered: the last answers, for people, and each in the story of its call."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from ringbridge.routing.distribution import Route, RouteQuestion
from ringbridge.routing.route_answer import dialled
from ringbridge.store.story import StoryKind, StoryLine
from ringbridge.telephony.model import Call
from ringbridge.telephony.numbers import masked

log = structlog.get_logger(__name__)

REMEMBERED = 1000  # answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One question, its answer, and how long it took."""

    at: datetime
    question: RouteQuestion
    route: Route
    took: timedelta


class RouteLog:
    """In memory: an answer whose call is not journalled before we stop is in the log file only."""

    def __init__(self) -> None:
        self.answered: deque[Answered] = deque(maxlen=REMEMBERED)  # the last is the newest
        self._untold: OrderedDict[str, list[Answered]] = OrderedDict()  # by the caller's channel: in no story yet

    def note(self, answered: Answered) -> None:
        question, hops = answered.question, dialled(answered.route)
        log.info(
            "route_answered",
            number=masked(question.number),
            did=masked(question.did) if question.did else None,
            choice=question.choice or None,
            hops=[masked(hop.extension) for hop in hops],
            reason=str(hops[0].reason) if hops else None,
            took_ms=round(answered.took.total_seconds() * 1000, 1),
        )
        if question.number or question.uniqueid:  # else it was only tried whether anybody answers
            self.answered.append(answered)
        if question.uniqueid:
            self._untold.setdefault(question.uniqueid, []).append(answered)
            while len(self._untold) > REMEMBERED:
                self._untold.popitem(last=False)

    def story_of(self, call: Call) -> list[StoryLine]:
        """What was answered about this call and is not in its story yet; each answer is handed out once."""
        told = [answered for channel in call.channels for answered in self._untold.pop(channel, ())]
        return [StoryLine(at=one.at, kind=StoryKind.DECIDED, text=told_of(one)) for one in told]


def told_of(answered: Answered) -> str:
    """One line for the call's story."""
    question, route = answered.question, answered.route
    choice = f" after the choice {question.choice!r}" if question.choice else ""
    hops = ", ".join(f"{masked(hop.extension)} for {hop.seconds} s" for hop in dialled(route)) or "the normal route"
    skipped = "; ".join(f"{extension} passed over: {why}" for extension, why in route.skipped.items())
    parts = (f"The dialplan asked for a route{choice}: {hops}.", route.why, skipped and f"{skipped}.")
    return " ".join(part for part in parts if part)
