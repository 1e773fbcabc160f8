"""Missed calls are spread over a list of employees.

    [hooks.settings]
    missed_to = ["11", "12", "15"]     # user ids of the CRM
    missed_how = "round_robin"         # or random, or least_loaded: who got fewest today

Turns are counted while the service runs. The rule `missed_to = ["spread"]` does the same and keeps its count.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from datetime import date
from typing import Any

MISSED_BITRIX24 = {"304"}
MISSED_AMOCRM = {6}

dealt: Counter[str] = Counter()  # today, by user
dealt_on: list[date] = []
dealing = threading.Lock()  # calls are asked about in several threads


def process_final_params(params: dict[str, Any], call: Any, ctx: Any) -> dict[str, Any] | None:
    """Bitrix24: the finishing user is responsible for the call."""
    if str(params.get("STATUS_CODE")) not in MISSED_BITRIX24:
        return None
    return {**params, "USER_ID": next_user(call, ctx.settings)}


def process_call_params(params: dict[str, Any], call: Any, ctx: Any) -> dict[str, Any] | None:
    """amoCRM: the call's employee."""
    if params.get("call_status") not in MISSED_AMOCRM:
        return None
    user = int(next_user(call, ctx.settings))
    return {**params, "responsible_user_id": user, "call_responsible": user, "created_by": user}


def next_user(call: Any, settings: Any) -> str:
    users = [str(user) for user in settings["missed_to"]]
    today = (call.ended or call.started).date()
    with dealing:
        if dealt_on != [today]:
            dealt_on[:] = [today]
            dealt.clear()
        user = choice(users, settings.get("missed_how", "random"))
        dealt[user] += 1
    return user


def choice(users: list[str], how: str) -> str:
    match how:
        case "round_robin":
            return users[dealt.total() % len(users)]
        case "least_loaded":
            return min(users, key=lambda user: dealt[user])
    return random.choice(users)  # noqa: S311 - whose turn it is, is no secret
