"""Rules and hooks together, tried on a call of the journal: what would be decided, and what would be sent. Nothing is.

Hooks that are asked while a call is decided come first, as they do in the house: their answers are what the rules look
at. Those that are asked before a request are tried with what was sent of this call, where the journal has it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ringbridge.crm.contract import Crm
from ringbridge.hooks.runner import Hooks
from ringbridge.hooks.specs import SPECS, HookSpec, Of
from ringbridge.routing.intents import PortalId
from ringbridge.routing.office import Portal
from ringbridge.service.hooks import trial as hook_trial
from ringbridge.service.hooks.advice import DECIDING, NO_ADVICE, HookAdvisers
from ringbridge.service.hooks.hooking import OfficeHooks
from ringbridge.service.hooks.trial import HookTrial, NoCrm, NothingSent, try_hook
from ringbridge.service.rules import trial
from ringbridge.service.rules.trial import Trial, try_rules
from ringbridge.service.views import OfficeView
from ringbridge.store.keys import PbxId
from ringbridge.telephony.events import CallEnded


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainTrial:
    """Of one portal."""

    rules: Trial
    registers: bool  # False: a hook keeps the call away from the CRM
    told: tuple[str, ...]  # what hooks changed while the call was decided, and what went wrong with them
    hooks: tuple[HookTrial, ...]
    untried: tuple[str, ...]  # hooks that there are, and of whose requests the journal has none


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedPortal:
    """A portal that is asked nothing."""

    id: PortalId
    crm: Crm
    routing: Portal


class Mute:
    """In place of an adapter."""

    def __init__(self, kind: str) -> None:
        self.client = NoCrm(kind)


async def try_chain(view: OfficeView, hooks: Hooks, key: str, known: bool | None = None) -> list[ChainTrial]:
    """`known`: whether the CRM knows the client, where rules ask for it. Raises `ConfigError`."""
    call = await view.call(key)
    pbx = PbxId(key.removesuffix(f"-{call.id}"))
    kinds = {config.name: config.kind for config in view.office.portal}
    portals = await view.portals()
    office_hooks = OfficeHooks(hooks, view.database)
    for portal in portals:
        mute: Crm = Mute(kinds[portal.id])  # type: ignore[assignment]
        office_hooks.add(TriedPortal(id=portal.id, crm=mute, routing=portal))
    event = CallEnded(call=call, at=call.end or call.start)
    advices = await HookAdvisers(office_hooks, afresh=True).advise(event, pbx, portals, told=())
    found = []
    for portal in portals:
        advice = advices.get(portal.id, NO_ADVICE)
        tried, untried = await _requests(view, hooks, key, portal.id, kinds[portal.id])
        found.append(
            ChainTrial(
                rules=try_rules(advice.of_portal(portal), advice.of_call(call), known),
                registers=advice.register,
                told=tuple(line.text for line in advice.lines),
                hooks=tried,
                untried=untried,
            )
        )
    return found


async def _requests(
    view: OfficeView, hooks: Hooks, key: str, portal: PortalId, kind: str
) -> tuple[tuple[HookTrial, ...], tuple[str, ...]]:
    tried: list[HookTrial] = []
    untried: list[str] = []
    for spec in SPECS.values():
        if spec.name in DECIDING or not _at(spec, kind) or not await hooks.wants(spec.name, kind):
            continue
        try:
            tried.append(await try_hook(view, hooks, spec.name, key, only=portal))
        except NothingSent:
            untried.append(spec.name)
    return tuple(tried), tuple(untried)


def _at(spec: HookSpec, kind: str) -> bool:
    return spec.of in {Of.ANY, kind}


def told(tried: ChainTrial) -> Iterator[str]:
    """Lines for people."""
    if tried.told:
        yield "While it is decided:"
        yield from (f"  {line}" for line in tried.told)
    yield from trial.told(tried.rules)
    if not tried.registers:
        yield "  A hook keeps the call away from the portal: it would be told nothing of all this."
    for one in tried.hooks:
        yield from hook_trial.told(one)
    if tried.untried:
        yield f"Not tried, as nothing of the kind was sent of this call: {', '.join(tried.untried)}"
