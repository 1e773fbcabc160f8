"""The sentences of lower floors that can come to the page: see `reasons`."""

from __future__ import annotations

from ringbridge.web.words import N_

SENTENCES = (
    N_("Ringbridge stopped before the answer came"),
    N_("not sent: its call could not be registered (%(why)s)"),
    N_("not sent: the call was over already"),
    N_("not sent: the card was opened and closed, or closed and opened, before it could be"),
    N_("not sent: no card of this call was ever opened"),
    N_("parked by hand"),
    N_("%(host)s did not answer in time"),
    N_("%(host)s could not be reached in time"),
)
