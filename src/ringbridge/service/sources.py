"""What brings an office's calls: the advertisement behind a trunk or a number, as it is configured. Pure."""

from __future__ import annotations

from collections.abc import Callable

from ringbridge.service.config import Office
from ringbridge.telephony.numbers import comparable


def source_names(office: Office) -> Callable[[str, str], str]:
    """Of a trunk and the number called: the number's own name, else the trunk's, else nothing. Numbers are the same
    however they are written."""
    trunks = {trunk.name: trunk.source for trunk in office.trunk}
    numbers = {
        (trunk.name, comparable(number, office.region)): name
        for trunk in office.trunk
        for number, name in trunk.sources.items()
    }

    def name(trunk: str, did: str) -> str:
        own = numbers.get((trunk, comparable(did, office.region))) if did else None
        return own or trunks.get(trunk, "")

    return name
