"""Values as JSON text, and back: calls, intents and facts as the tables keep them."""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter

from ringbridge.routing.intents import Intent
from ringbridge.store.outcome import Facts
from ringbridge.telephony.model import Call

CALL = TypeAdapter(Call)
INTENTS: dict[str, TypeAdapter[Any]] = {kind.__name__: TypeAdapter(kind) for kind in Intent.__subclasses__()}


def dump_call(call: Call) -> str:
    return CALL.dump_json(call, exclude_defaults=True).decode()


def load_call(text: str) -> Call:
    return CALL.validate_json(text)


def dump_intent(intent: Intent) -> str:
    return INTENTS[type(intent).__name__].dump_json(intent).decode()


def load_intent(kind: str, text: str) -> Intent:
    intent: Intent = INTENTS[kind].validate_json(text)
    return intent


def dump_facts(facts: Facts) -> str | None:
    return json.dumps(dict(facts), ensure_ascii=False) if facts else None


def load_facts(text: str | None) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(text) if text else {}
    return facts
