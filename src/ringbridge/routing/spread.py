"""Whose turn it is, where something is dealt out over a list of employees."""

from __future__ import annotations

from collections.abc import Mapping
from zlib import crc32

from ringbridge.routing.rules import Spread, SpreadList


def deal(spread: SpreadList, dealt: Mapping[str, int], call: str) -> str | None:
    """Whose turn it is, as a phone of theirs; the same call is always dealt to the same one of the same table."""
    if not spread.extensions:
        return None
    counts = [dealt.get(extension, 0) for extension in spread.extensions]
    match spread.how:
        case Spread.ROUND_ROBIN:
            return spread.extensions[sum(counts) % len(counts)]
        case Spread.LEAST_LOADED:
            return spread.extensions[counts.index(min(counts))]
        case Spread.RANDOM:
            return spread.extensions[crc32(call.encode()) % len(counts)]
