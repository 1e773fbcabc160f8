"""What is known of the steps of one run: what became of each so far, and what they brought."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from ringbridge.crm.amocrm.values import as_list, as_map, text
from ringbridge.crm.contract import CrmError, NotReached, Receipt, Rejected, Step, Transient
from ringbridge.routing.intents import Creation, Intent, Priority, RecordKey, RecordKind, RegisterCall
from ringbridge.routing.rules import Create

Result = Receipt | CrmError


class Ledger:
    """Steps are named by their place in the run. Every one is put down before the run ends."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = steps
        self._answers: dict[int, Result] = {}

    def step(self, index: int) -> Step:
        return self._steps[index]

    def intent(self, index: int) -> Intent:
        return self._steps[index].intent

    def open(self, *kinds: type[Intent]) -> list[int]:
        """Steps of these kinds that nothing is known of yet."""
        return [
            index
            for index, step in enumerate(self._steps)
            if index not in self._answers and isinstance(step.intent, kinds)
        ]

    def ready(self, *kinds: type[Intent]) -> list[int]:
        """Those of them that may be tried now. Where an earlier step of the record has to be repeated first, the
        others are put down as `NotReached`; what was rejected for ever holds back nothing."""
        found: list[int] = []
        for index in self.open(*kinds):
            if reason := self._held_back(index):
                self.put(index, NotReached(f"An earlier step of this call has to be repeated first: {reason}"))
            else:
                found.append(index)
        return found

    def urgency(self, indexes: Iterable[int]) -> Priority:
        """Of the most urgent of these steps."""
        return min((self.intent(index).priority for index in indexes), key=lambda priority: priority.rank)

    def facts(self, record: RecordKey) -> dict[str, Any]:
        """What the steps of this record brought, in earlier runs and in this one."""
        known: dict[str, Any] = {}
        for index, step in enumerate(self._steps):
            if step.intent.record == record:
                answer = self._answers.get(index)
                known |= {**step.facts, **(answer.facts if isinstance(answer, Receipt) else {})}
        return known

    def is_answered(self, index: int) -> bool:
        return index in self._answers

    def finished(self, kind: type[Intent]) -> list[int]:
        """Steps of this kind that are done in this run."""
        return [i for i, answer in self._answers.items() if isinstance(answer, Receipt) and self._is(i, kind)]

    def _is(self, index: int, kind: type[Intent]) -> bool:
        return isinstance(self.intent(index), kind)

    def add_warning(self, index: int, words: str) -> None:
        """More that a step which is done leaves to be said."""
        receipt = self._answers[index]
        if isinstance(receipt, Receipt):
            said = " ".join(filter(None, (receipt.facts.get("warning"), words)))
            self.put(index, Receipt(facts={**receipt.facts, "warning": said}, exchange=receipt.exchange))

    def put(self, index: int, answer: Result) -> None:
        self._answers[index] = answer

    def results(self) -> list[Result]:
        return [self._final(index) for index in range(len(self._steps))]

    def _held_back(self, index: int) -> CrmError | None:
        record = self.intent(index).record
        for earlier in range(index):
            answer = self._answers.get(earlier)
            same = self.intent(earlier).record == record
            if same and isinstance(answer, CrmError) and not isinstance(answer, Rejected):
                return answer
        return None

    def _final(self, index: int) -> Result:
        answer = self._answers[index]
        if self._steps[index].uncertain and isinstance(answer, Transient) and not isinstance(answer, NotReached):
            answer.maybe_done = True  # what was in doubt stays so
        return answer


# What later steps must know of a registered call: nothing of it is sent, so it travels as facts.


def facts_of(intent: RegisterCall) -> dict[str, Any]:
    """JSON-ready."""
    creation = asdict(intent.creation) if intent.creation else None
    if creation:
        creation["tags"] = list(creation["tags"])
    return {
        "number": intent.number,
        "kind": intent.kind.value,
        "started": intent.started.timestamp(),
        "line": intent.line or "",
        "creation": creation,
    }


def creation_in(facts: dict[str, Any]) -> Creation | None:
    row = as_map(facts.get("creation"))
    if text(row.get("what")) not in set(Create):
        return None
    words = {name: text(row.get(name)) for name in ("source", "title", "pipeline", "stage")}
    return Creation(what=Create(row["what"]), tags=tuple(filter(None, map(text, as_list(row.get("tags"))))), **words)


def kind_in(facts: dict[str, Any]) -> RecordKind:
    kind = text(facts.get("kind"))
    return RecordKind(kind) if kind in set(RecordKind) else RecordKind.INBOUND


def started_in(facts: dict[str, Any], otherwise: datetime) -> datetime:
    stamp = facts.get("started")
    if isinstance(stamp, bool) or not isinstance(stamp, int | float):
        return otherwise
    return datetime.fromtimestamp(stamp, otherwise.tzinfo)
