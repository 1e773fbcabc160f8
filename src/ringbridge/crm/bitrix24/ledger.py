"""What is known of the steps of one run: the portal's ids of their calls, and what became of each step so far."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ringbridge.crm.contract import CrmError, Facts, NotReached, Receipt, Rejected, Step, Transient
from ringbridge.routing.intents import AdoptCall, HideCard, Intent, Priority, RecordKey, RegisterCall, ShowCard

Result = Receipt | CrmError


class Ledger:
    """Steps are named by their place in the run. Every one is settled or refused before the run ends."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = steps
        self._answers: dict[int, Result] = {}
        self._call_ids = {s.intent.record: str(s.facts["call_id"]) for s in steps if s.facts.get("call_id")}
        self._cards_broken: set[RecordKey] = set()
        for index, step in enumerate(steps):
            if isinstance(step.intent, AdoptCall):  # the portal registered it: there is nothing to ask
                self.settle(index, Receipt(facts={"call_id": step.intent.call_id}))

    def step(self, index: int) -> Step:
        return self._steps[index]

    def intent(self, index: int) -> Intent:
        return self._steps[index].intent

    def record(self, index: int) -> RecordKey:
        return self._steps[index].intent.record

    def priority(self, index: int) -> Priority:
        return self._steps[index].intent.priority

    def urgency(self, indexes: Iterable[int]) -> Priority:
        """Of the most urgent of these steps."""
        return min((self.priority(index) for index in indexes), key=lambda priority: priority.rank)

    def number(self, record: RecordKey) -> str:
        """The client's number, where the record's register is in this run."""
        intents = (step.intent for step in self._steps if step.intent.record == record)
        return next((intent.number for intent in intents if isinstance(intent, RegisterCall)), "")

    def call_id(self, record: RecordKey) -> str | None:
        """The portal's id of the call; None while it is not registered."""
        return self._call_ids.get(record)

    def fact(self, record: RecordKey, name: str) -> Any:
        """What an earlier step of this record brought."""
        for index, step in enumerate(self._steps):
            if step.intent.record != record:
                continue
            answer = self._answers.get(index)
            facts = {**step.facts, **(answer.facts if isinstance(answer, Receipt) else {})}
            if name in facts:
                return facts[name]
        return None

    def open(self) -> list[int]:
        """Steps that nothing is known of yet."""
        return [index for index in range(len(self._steps)) if index not in self._answers]

    def answered_with(self, kind: type[Result]) -> Iterator[int]:
        yield from [index for index, answer in self._answers.items() if isinstance(answer, kind)]

    def answer_to(self, record: RecordKey, kind: type[Intent]) -> Result | None:
        """What became of this record's step of that kind in this run."""
        for index, answer in self._answers.items():
            if self.record(index) == record and isinstance(self.intent(index), kind):
                return answer
        return None

    def add_facts(self, index: int, facts: Facts) -> None:
        """More that a settled step brought; a second warning stands beside the first."""
        receipt = self._answers[index]
        if not isinstance(receipt, Receipt) or not facts:
            return
        warnings = [words for known in (receipt.facts, facts) if (words := known.get("warning"))]
        merged = {**receipt.facts, **facts, **({"warning": " ".join(warnings)} if warnings else {})}
        self.settle(index, Receipt(facts=merged, exchange=receipt.exchange))

    def settle(self, index: int, receipt: Receipt) -> None:
        self._answers[index] = receipt
        if call_id := receipt.facts.get("call_id"):
            self._call_ids[self.record(index)] = call_id

    def refuse(self, index: int, error: CrmError) -> None:
        self._answers[index] = error
        if isinstance(self.intent(index), ShowCard | HideCard):
            self._cards_broken.add(self.record(index))

    def put(self, index: int, answer: Result) -> None:
        if isinstance(answer, Receipt):
            self.settle(index, answer)
        else:
            self.refuse(index, answer)

    def check_order(self, index: int, *, registering: bool = False) -> None:
        """Raises what a step is answered with when those before it leave nothing to do. `registering`: the record's
        register goes in the same request."""
        intent = self.intent(index)
        if isinstance(intent, RegisterCall):
            return
        if self.call_id(intent.record) is None and not registering:
            raise self._unregistered(intent.record)
        if isinstance(intent, ShowCard | HideCard) and intent.record in self._cards_broken:
            raise NotReached("An earlier card of this call has to be repeated first")

    def check_reached(self, index: int) -> None:
        """Raises `NotReached` when an earlier step of the record has to be repeated first. What was rejected for ever
        holds back nothing."""
        for earlier in range(index):
            answer = self._answers.get(earlier)
            same = self.record(earlier) == self.record(index)
            if same and isinstance(answer, CrmError) and not isinstance(answer, Rejected):
                raise NotReached(f"An earlier step of this call has to be repeated first: {answer}")

    def results(self) -> list[Result]:
        return [self._final(index) for index in range(len(self._steps))]

    def _unregistered(self, record: RecordKey) -> CrmError:
        register = self.answer_to(record, RegisterCall)
        if isinstance(register, CrmError):
            return NotReached(f"The call is not registered: {register}")
        return Rejected("The call was never registered with Bitrix24, so nothing can be added to it.")

    def _final(self, index: int) -> Result:
        answer = self._answers[index]
        if self._steps[index].uncertain and isinstance(answer, Transient) and not isinstance(answer, NotReached):
            answer.maybe_done = True  # what was in doubt stays so
        return answer
