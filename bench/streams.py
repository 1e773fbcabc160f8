"""Recorded conversations of a real Asterisk, as one client reads them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ringbridge.telephony.trace import Portion, read_trace

TRUNKS = frozenset({"mango", "mtt"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    name: str
    path: Path

    def portions(self) -> list[Portion]:
        return list(read_trace(self.path))


STREAMS = (
    Stream(name="without the dialplan class", path=Path("tests/traces/load/ast22_600calls_crm.ami.gz")),
    Stream(name="with the dialplan class", path=Path("bench/traces/ast22_load_dialplan.ami.gz")),
)
