"""Of every CRM, and of the way to it."""

from __future__ import annotations

from ringbridge.web.language import N_

SENTENCES = (
    N_("%(host)s did not answer in time"),
    N_("%(host)s could not be reached in time"),
    N_("The key could not be renewed: %(why)s"),
    N_("An earlier step of this call has to be repeated first: %(why)s"),
    N_("Not sent, as the request before it failed: %(why)s"),
    N_("%(what)s never came to its last page"),
    N_("The recording cannot be read: %(why)s"),
    N_("The recording is not ready: %(why)s"),
    N_("%(host)s is %(address)s, an address inside a closed network: allow_private is off"),
    N_("The copy failed (%(why)s): the log has the details."),
    N_("Not asked: %(why)s."),
    N_("%(one)s and %(other)s send us to each other: nothing was done"),
    N_(
        "%(host)s redirected us to %(other)s%(path)s, which is not the same service at another address: a "
        "login or maintenance page? Nothing was done"
    ),
    N_("%(host)s redirected us to plain http at %(other)s: our key stays here."),
    N_("The portal's address is no address: %(why)s."),
    N_("%(host)s redirected us to something that is no address"),
    N_("The connection to %(host)s broke before the answer"),
    N_("The connection to %(host)s broke before the answer: %(why)s"),
    N_("%(host)s could not be reached"),
    N_("%(host)s could not be reached: %(why)s"),
    N_("%(host)s shows a certificate that is not trusted: is it out of date, or of an authority of your own?: %(why)s"),
    N_("%(host)s shows a certificate that is not trusted: is it out of date, or of an authority of your own?"),
    N_("the answer is longer than %(most)s bytes"),
    N_("Not sent: a hook of the office cancelled it."),
    N_("%(address)s is no web address"),
    N_("%(host)s would be asked over plain http, where everybody on the way can read the key: allow_http is off"),
    N_("%(host)s has no address"),
    N_("the name %(host)s was not resolved in time"),
    N_("the name %(host)s was not resolved: %(why)s"),
    N_("The adapter failed (%(why)s); its log has the details"),
    N_("ca_file %(file)s cannot be used (%(why)s)"),
    N_("no answer in time"),
)
