"""How many calls ended while we ran."""

from __future__ import annotations

from collections import Counter, OrderedDict

from ringbridge.store.keys import CallKey, PbxId, call_key
from ringbridge.telephony.model import Call

REMEMBERED = 10_000  # ended calls of which more may be told


class Tally:
    """Clients' calls that ended while we ran, each once however often it is told."""

    def __init__(self) -> None:
        self.ended: Counter[tuple[PbxId, str, str]] = Counter()  # by PBX, direction and result
        self._seen: OrderedDict[CallKey, None] = OrderedDict()

    def tell(self, pbx: PbxId, call: Call) -> None:
        key = call_key(pbx, call.id)
        if call.end is None or not call.concerns_client or call.merged_into or key in self._seen:
            return
        self._seen[key] = None
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        self.ended[pbx, call.direction, call.disposition or ""] += 1
