"""Batches on their way out, and what their answers are in the contract's words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ringbridge.crm.bitrix24.batch import LARGEST, Outcome
from ringbridge.crm.bitrix24.errors import KeyExpired, error_of, is_method_closed
from ringbridge.crm.bitrix24.rest import Rest
from ringbridge.crm.bitrix24.telephony import Command
from ringbridge.crm.contract import CrmError, Exchange, Rejected, Throttled, Transient, Unauthorized
from ringbridge.routing.intents import Priority


class Sender:
    """Sends batches over `rest` and remembers which methods the portal closed for their running time."""

    def __init__(self, rest: Rest) -> None:
        self.rest = rest
        self._closed: dict[str, datetime] = {}

    async def batch(self, commands: Mapping[str, Command], priority: Priority) -> dict[str, Outcome | CrmError]:
        """What became of each command, by its key: an error for every one when the request failed as a whole."""
        try:
            return {**await self.rest.batch(commands, priority=priority)}
        except Rejected as error:
            # A whole batch that is refused says nothing about any of its calls: none is given up for it.
            return dict.fromkeys(commands, Transient(str(error)))
        except CrmError as error:
            return dict.fromkeys(commands, error)

    async def many(self, commands: Mapping[str, Command], priority: Priority) -> dict[str, Outcome | CrmError]:
        """Any number of commands, in as many batches as it takes. After one that failed as a whole no other is sent."""
        found: dict[str, Outcome | CrmError] = {}
        keys = list(commands)
        for start in range(0, len(keys), LARGEST):
            part = keys[start : start + LARGEST]
            found |= await self.batch({key: commands[key] for key in part}, priority)
            if failure := whole_failure(found):
                return found | dict.fromkeys(keys[start + LARGEST :], unsent(failure))
        return found

    def check_open(self, method: str) -> None:
        """Raises `Throttled` while the portal does not take this method."""
        until = self._closed.get(method)
        if until and until > datetime.now(UTC):
            raise Throttled(f"Bitrix24 closed {method} until {until:%H:%M:%S} UTC for its running time", until=until)

    def failure(self, command: Command, outcome: Outcome | CrmError) -> CrmError | None:
        """Why a command brought no result, with its own story; None when it did."""
        if not isinstance(outcome, CrmError) and outcome.reached and outcome.refusal is None:
            return None
        exchange = self.story(command, outcome)
        if isinstance(outcome, CrmError):
            return told(outcome, exchange)
        if outcome.refusal is None:
            return Transient("Bitrix24 ended the batch before this command", exchange=exchange, maybe_done=True)
        error = error_of(outcome.refusal, now=datetime.now(UTC), free_at=outcome.free_at)
        if isinstance(error, Throttled) and is_method_closed(outcome.refusal):
            self._closed[command.method] = error.until
        if isinstance(error, KeyExpired):
            error = Transient(str(error))  # it was good when the batch began: the next request renews it
        return told(error, exchange)

    def story(self, command: Command, outcome: Outcome | CrmError) -> Exchange:
        if isinstance(outcome, CrmError):
            answered = str(outcome)
        elif outcome.refusal:
            answered = str(outcome.refusal)
        else:
            answered = _json(outcome.result) if outcome.reached else "nothing"
        return self.rest.door.story(f"{command.method} {_json(command.params)}", answered)


def whole_failure(outcomes: Mapping[str, Outcome | CrmError]) -> CrmError | None:
    """Why a request failed as a whole; None when its commands have answers of their own."""
    return next((outcome for outcome in outcomes.values() if isinstance(outcome, CrmError)), None)


def told(error: CrmError, exchange: Exchange) -> CrmError:
    """The error with a step's own story: a batch that fails is one error for many steps."""
    match error:
        case Throttled():
            return Throttled(str(error), until=error.until, exchange=exchange)
        case Transient():
            return type(error)(str(error), exchange=exchange, maybe_done=error.maybe_done)
    return type(error)(str(error), exchange=exchange)


def unsent(failure: CrmError) -> CrmError:
    """For what waits behind a request that failed as a whole: it is not sent to go the same way."""
    if isinstance(failure, Throttled | Unauthorized):
        return failure
    return Transient(f"Not sent, as the request before it failed: {failure}")


def given_up(failure: CrmError, outcome: Outcome | CrmError, *, scope: str) -> CrmError:
    """For an ornament of a call whose right is missing: it is given up in words, and nothing waits for it. A key that
    opens nothing at all is another matter."""
    if not isinstance(failure, Unauthorized) or isinstance(outcome, CrmError):
        return failure
    words = f"Not done, as the connection has no right to: add the permission {scope}. {failure}"
    return Rejected(words, exchange=failure.exchange)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
