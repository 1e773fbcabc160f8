"""What a review of the rules says."""

from __future__ import annotations

from ringbridge.web.language import N_

SENTENCES = (
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
    N_("pipeline"),
    N_("stage"),
    N_("source"),
    N_("%(row)s keeps its calls from the CRM. Used for clicks there only: %(questions)s."),
    N_("It keeps every call from the CRM, but for those that are asked for by a click there."),
    N_("The default employee of %(portal)s, user %(user)s, has left it: see default_user."),
    N_("The default employee of %(portal)s, user %(user)s, is not there: see default_user."),
    N_("%(name)s is said to be user %(user)s of %(portal)s, who is not there: see [[employee]]."),
    N_("%(name)s is user %(user)s of %(portal)s, who has left it: see [[employee]]."),
    N_("Somebody else has changed the rules meanwhile: look at them again."),
)
