"""Things of a CRM about which something has to be done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice

from ringbridge.crm.contract import CrmError
from ringbridge.routing.clients import Ref
from ringbridge.store.errors import StoreError


class Waiting:
    """Each once, in the order in which they came."""

    def __init__(self) -> None:
        self._refs: dict[Ref, None] = {}

    def __len__(self) -> int:
        return len(self._refs)

    def add(self, refs: Iterable[Ref]) -> None:
        self._refs |= dict.fromkeys(refs)

    def discard(self, refs: Iterable[Ref]) -> None:
        for ref in refs:
            self._refs.pop(ref, None)

    def clear(self) -> None:
        self._refs.clear()

    @contextmanager
    def taken(self, most: int) -> Iterator[list[Ref]]:
        """The first ones, off the list before they are dealt with: what comes meanwhile is dealt with again. Where the
        CRM or the store fails they stand at its head again."""
        refs = list(islice(self._refs, most))
        self.discard(refs)
        try:
            yield refs
        except (CrmError, StoreError):
            self._refs = dict.fromkeys(refs) | self._refs
            raise
