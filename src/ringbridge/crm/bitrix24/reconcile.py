"""What really became of steps whose answers were lost.

Source: Bitrix24 REST docs, voximplant.statistic.get: a row per finished call, found by EXTERNAL_CALL_ID (our record
key) or CALL_ID. A register that is repeated within half an hour finds its running call again by itself (telephony
.externalCall.register), so only a call that may be finished has to be asked about. Whatever the statistics do not
show is done again: cards and recordings replace what was there before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ringbridge.crm.bitrix24.telephony import Command, as_list, as_map, facts_of_finish, text
from ringbridge.crm.contract import Exchange, Receipt, Step
from ringbridge.routing.intents import FinishCall, RegisterCall

STATISTICS = "voximplant.statistic.get"


def is_in_doubt(step: Step) -> bool:
    return step.uncertain and isinstance(step.intent, RegisterCall | FinishCall)


def question(*, record: str, call_id: str | None) -> Command:
    """Whether the portal has this call among the finished ones."""
    # A clicked number's call was registered by the portal itself, without our key: there only the CALL_ID finds it.
    known_by = {"CALL_ID": call_id} if call_id else {"EXTERNAL_CALL_ID": record}
    return Command(method=STATISTICS, params={"FILTER": known_by, "SORT": "ID", "ORDER": "ASC"})


def finished_call(result: Any, *, record: str, call_id: str | None) -> Mapping[str, Any] | None:
    """The row that answers the question. Filters a portal does not know are dropped silently, so it is checked."""
    for row in map(as_map, as_list(result)):
        found = text(row.get("CALL_ID"))
        if found and (found == call_id if call_id else text(row.get("EXTERNAL_CALL_ID")) == record):
            return row
    return None


def receipt_by(row: Mapping[str, Any], step: Step, exchange: Exchange) -> Receipt:
    """The receipt of a step that the statistics prove done."""
    if isinstance(step.intent, RegisterCall):
        facts: dict[str, Any] = {"call_id": text(row.get("CALL_ID"))}
        if client := facts_of_finish(row).get("client"):
            facts["client"] = client
        return Receipt(facts=facts, exchange=exchange)
    return Receipt(facts=facts_of_finish(row), exchange=exchange)
