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
    N_("It answers no question."),
    N_("It matches no call: %(direction)s calls never end as %(ends)s."),
    N_("It answers %(questions)s, which only missed calls need, and matches none of them."),
    N_("It never decides anything. Before it, with an answer for all its calls: %(rows)s."),
    N_("Never used of it: %(questions)s. Before it, with an answer for all its calls: %(rows)s."),
    N_("Its missed_to names spread, and no row has a spread: nobody is dealt anything."),
    N_('Its spread is not used: no row has missed_to = ["spread"].'),
    N_("No trunk is named %(trunk)s: see [[trunk]]."),
    N_("Nobody at %(portal)s has the phone %(phone)s: what is dealt to it is the default employee's."),
    N_("%(name)s, whose phone is %(phone)s, has left %(portal)s."),
    N_("No %(what)s has the id %(id)s. There are: %(known)s."),
    N_("The default employee of %(portal)s, user %(user)s, has left it: see default_user."),
    N_("%(name)s is user %(user)s of %(portal)s, who has left it: see [[employee]]."),
    N_("Somebody else has changed the rules meanwhile: look at them again."),
    N_("is missing"),
    N_("write a whole number"),
    N_("The journal has no call %(key)s: its key is the last part of its page's address"),
)
