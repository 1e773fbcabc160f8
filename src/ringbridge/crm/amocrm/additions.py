"""What hooks set in the contact or lead that a call was written to.

Source: amoCRM API v4, "Contacts", "Leads": ``PATCH /api/v4/contacts/ID``. The entity is read for the hooks only where
there are any; what the account refuses leaves a warning. An update says how fields shall be, so it may be repeated.
"""

from __future__ import annotations

from ringbridge.crm.amocrm.entities import Entity, Kind, entity_in
from ringbridge.crm.amocrm.ledger import Ledger
from ringbridge.crm.amocrm.rest import API, Rest
from ringbridge.crm.amocrm.values import as_map
from ringbridge.crm.contract import CrmError, Transient
from ringbridge.crm.customise import Customise
from ringbridge.routing.intents import FinishCall

HOOKS = {Kind.CONTACT: "process_contact_update_params", Kind.LEAD: "process_lead_update_params"}


class Additions:
    """The stage of a run that makes them."""

    def __init__(self, ledger: Ledger, rest: Rest, customise: Customise) -> None:
        self._ledger = ledger
        self._rest = rest
        self._customise = customise

    async def make(self) -> None:
        for index in self._ledger.finished(FinishCall):
            place = entity_in(self._ledger.facts(self._ledger.intent(index).record).get("entity"))
            hook = HOOKS.get(place.kind) if place else None
            if place and hook and await self._customise.wants(hook):
                await self._make(index, place, hook)

    async def _make(self, index: int, place: Entity, hook: str) -> None:
        intent = self._ledger.intent(index)
        path = f"{API}/{place.kind.path}/{place.id}"
        try:
            entity = as_map(await self._rest.get(path, priority=intent.priority))
            fields = await self._customise(hook, {}, intent, entity=entity) if entity else None
            if fields:
                await self._rest.call("PATCH", path, dict(fields), priority=intent.priority)
        except Transient as error:
            # The call is there. The next try finds that out, and does this once more.
            self._ledger.put(index, Transient(str(error), exchange=error.exchange, maybe_done=True))
        except CrmError as error:
            self._ledger.add_warning(index, f"{hook}: {error}")
