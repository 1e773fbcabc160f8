"""Much to write, in pieces: other writers, and who waits for the loop, come between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

PIECE = 100  # things written in one transaction

T = TypeVar("T")


def pieces(things: Iterable[T], most: int = PIECE) -> Iterator[list[T]]:
    rest = iter(things)
    while piece := list(islice(rest, most)):
        yield piece
