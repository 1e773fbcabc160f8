"""A hook tried on a call of the journal: what goes in, what comes out, and nothing is sent."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ringbridge.hooks.context import Asked
from ringbridge.hooks.facts import phone_call, stage_reached
from ringbridge.hooks.outcome import HookFailed, HookOutcome
from ringbridge.hooks.runner import Hooks
from ringbridge.hooks.specs import SPECS, HookSpec, Of
from ringbridge.hooks.values import PhoneCall, document
from ringbridge.routing.office import Portal
from ringbridge.service.config import ConfigError
from ringbridge.service.views import OfficeView
from ringbridge.store import calls
from ringbridge.store.calls import CallKey, StoryKind, StoryLine
from ringbridge.telephony.model import Call

SENT = {
    "process_registration_params": ("telephony.externalCall.register ",),
    "customize_show_call_card": ("telephony.externalCall.show ",),
    "process_final_params": ("telephony.externalCall.finish ",),
    "customize_attach_record_url": ("telephony.externalCall.attachRecord ",),
    "process_call_params": ("POST /api/v4/calls ", "POST /api/v4/contacts/notes ", "POST /api/v4/leads/notes "),
    "process_task_creation_params": ("tasks.task.add ", "POST /api/v4/tasks "),
}
"""How the lines of a call's story begin that hold what was sent: with it a hook is tried."""

SAMPLES: dict[str, dict[str, Any]] = {
    "activity": {"ID": "0", "SUBJECT": "Call", "DESCRIPTION": ""},
    "entity": {"ID": "0", "TITLE": "Client", "id": 0, "name": "Client"},
    "client": {},
    "request": {"number": "", "line": "", "user": "", "to": "", "extension": ""},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HookTrial:
    spec: HookSpec
    value: Any
    given: Mapping[str, Any]
    outcome: HookOutcome
    files: tuple[str, ...]


class NothingSent(ConfigError):
    """The journal does not know what a hook was asked about: nothing of its kind was sent of the call."""


class NoCrm:
    def __init__(self, kind: str) -> None:
        self.kind = kind

    async def call(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        raise HookFailed(f"a trial asks no CRM; it would have asked: {method} {_json(params or {})}")


class OneCall:
    """The journal of a trial."""

    def __init__(self, call: PhoneCall) -> None:
        self._call = call

    async def calls(self, number: str, limit: int = 20) -> list[PhoneCall]:
        return [self._call]


async def try_hook(
    view: OfficeView,
    hooks: Hooks,
    hook: str,
    key: str,
    *,
    only: str | None = None,
    value: Any = None,
    about: Mapping[str, Any] | None = None,
) -> HookTrial:
    """`only`: a portal by its name, else the first that has this hook. `value`: what the hook is given in place of
    what the journal knows; `about`: the other arguments, the same. Raises `ConfigError`."""
    spec = SPECS[hook]
    portal, kind = await _portal(view, spec, only)
    call = await view.call(key)
    seen = phone_call(call, pbx=key.removesuffix(f"-{call.id}"), portal=portal)
    possible = {"call": seen, "stage": stage_reached(call), "kind": "lead", **SAMPLES, **(about or {})}
    given = {name: possible[name] for name in spec.arguments if name in possible and name != spec.value}
    async with view.database.reading() as tx:
        story = await calls.story(tx, CallKey(key))
    start = value if value is not None else _known(spec, call, story)
    files = tuple(file.path.name for file in await hooks.files() if file.has(hook))
    asked = Asked(portal=portal.id, crm=NoCrm(kind), journal=OneCall(seen), call=key)
    outcome = await hooks.apply(hook, start, given, asked)
    return HookTrial(spec=spec, value=start, given=given, outcome=outcome, files=files)


async def _portal(view: OfficeView, spec: HookSpec, only: str | None) -> tuple[Portal, str]:
    kinds = {config.name: config.kind for config in view.office.portal}
    for portal in await view.portals(only):
        if spec.of in {Of.ANY, kinds[portal.id]}:
            return portal, kinds[portal.id]
    raise ConfigError(f"{spec.name} is asked at {spec.of} only, and no such portal is configured")


def _known(spec: HookSpec, call: Call, story: list[StoryLine]) -> Any:
    """What the hook would be given, as far as the journal knows it."""
    match spec.name:
        case "need_registration":
            return True
        case "process_client_phone":
            return call.external or ""
        case "process_user_phone" | "customize_autodistribution":
            return next((leg.extension for leg in call.legs), call.caller or "")
        case "process_record_file_path":
            return next((recording.path for recording in call.recordings), "")
    if sent := _sent(spec, story):
        return sent
    if spec.name in SENT:
        raise NothingSent(f"The journal holds nothing of this call that {spec.name} was asked about: give --value")
    return {}


def _sent(spec: HookSpec, story: list[StoryLine]) -> dict[str, Any]:
    for line in story:
        for beginning in SENT.get(spec.name, ()):
            if line.kind is StoryKind.SENT and line.text.startswith(beginning):
                try:
                    params = json.loads(line.text.removeprefix(beginning))
                except ValueError:
                    continue  # cut off: a story holds no more than a few thousand letters
                if isinstance(params, dict):
                    return {**params.get("fields", params)} if spec.name == "process_task_creation_params" else params
    return {}


def told(trial: HookTrial) -> Iterator[str]:
    """Lines for people."""
    yield f"{trial.spec.name}: {', '.join(trial.files) or 'no file has this hook'}"
    yield f"  {trial.spec.value} goes in: {_json(trial.value)}"
    for name, value in trial.given.items():
        yield f"  {name}: {_json(value)}"
    for note in trial.outcome.notes:
        yield f"  {note}"
    for error in trial.outcome.errors:
        yield f"  failed, unchanged: {error}"
    if trial.outcome.cancelled:
        yield f"  Cancelled by {trial.outcome.cancelled_by}: the request would not be sent."
    else:
        yield f"  comes out: {_json(trial.outcome.value)}"
    yield f"  {trial.outcome.spent * 1000:.1f} ms. Nothing was sent."


def _json(value: Any) -> str:
    return json.dumps(document(value), ensure_ascii=False, default=str)
