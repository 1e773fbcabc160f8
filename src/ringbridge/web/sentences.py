"""The sentences of lower floors that can come to the page: see `reasons`."""

from __future__ import annotations

from ringbridge.web.words import N_

SENTENCES = (
    N_("The call is over already."),
    N_("The PBX does not let us hang up: add call to write = … of the manager user."),
    N_("The PBX refused: %(why)s"),
    N_("hung up from the page (%(by)s)"),
    N_("%(portal)s: what was refused is tried again (%(by)s)"),
    N_("%(portal)s: what was refused is forgotten (%(by)s)"),
    N_("Ringbridge stopped before the answer came"),
    N_("not sent: its call could not be registered (%(why)s)"),
    N_("not sent: the call was over already"),
    N_("not sent: the card was opened and closed, or closed and opened, before it could be"),
    N_("not sent: no card of this call was ever opened"),
    N_("parked by hand"),
    N_("%(host)s did not answer in time"),
    N_("%(host)s could not be reached in time"),
)
