"""When Python looks for garbage, in a process that answers while somebody waits."""

from __future__ import annotations

import gc

YOUNG_OBJECTS = 10_000  # made since the last small collection; Python's own 700 are an answer or two


def spare_collections() -> None:
    """For the process that serves, once it is up: what stays for its whole life is not looked through for garbage any
    more, and what is new less often. Each full collection of it took a tenth of a second, in which a caller waited for
    their route and a card did not open (seen by gc.callbacks)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 10, 10)
