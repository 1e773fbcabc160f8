"""Of single calls: dialled, hung up, told to the CRM, recorded."""

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
    N_("The journal has no call %(key)s: its key is the last part of its page's address"),
    N_("Not dialled: what was to ring first is no extension, group or mobile of this office."),
    N_("Not dialled: it was asked for %(seconds)s seconds ago (or the clocks differ by so much)."),
    N_("Not dialled: this number is being called at the moment."),
    N_("Not dialled: the order has ended meanwhile."),
    N_("The PBX that %(what)s came from is not configured any more"),
    N_("The file was still growing"),
    N_("The recording holds no sound"),
    N_("The file holds no sound yet"),
    N_("The PBX has not closed the file yet"),
    N_("A portal that is only tried gets no recording."),
)
