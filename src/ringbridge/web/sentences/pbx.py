"""Of the link to a PBX."""

from __future__ import annotations

from ringbridge.web.language import N_

SENTENCES = (
    N_("%(action)s: no link to the PBX (%(why)s)"),
    N_("connected, but no %(what)s within %(seconds)s s"),
    N_("%(action)s: no answer within %(seconds)s s"),
    N_("this is not Asterisk's manager interface; it said: %(said)s"),
    N_("the link broke before the answer"),
    N_("the PBX does not answer any more (the link is half-open)"),
    N_("the PBX closed the connection"),
    N_("the connection broke: %(why)s"),
    N_("Asterisk restarts"),
    N_("Asterisk was stopped"),
    N_(
        "the PBX refused the login: %(said)s. Check the name and secret in manager.conf, and that permit = … "
        "allows this machine's address; after changes there run: manager reload"
    ),
    N_("%(where)s does not answer: check the address, the port and the firewall between"),
    N_("nothing listens on %(where)s: check enabled, bindaddr and port in manager.conf"),
    N_("the name %(host)s is not known to DNS"),
    N_("the certificate of %(where)s is not trusted: %(why)s"),
    N_("no TLS with %(where)s (%(why)s): is it the TLS port (usually 5039)?"),
    N_("add %(name)s to %(kind)s = … of the manager user: %(consequence)s"),
    N_("without it a click on a number in the CRM cannot place a call"),
    N_("without it calls in progress are not seen after a reconnect"),
    N_("without it the path of a recording cannot be asked for"),
    N_("without it less is known of calls in progress after a reconnect"),
    N_("without it the state of a phone is known only after its next change"),
    N_("without it no call is seen at all"),
    N_("without it waiting in queues and answers of queue members are not seen"),
    N_("without it the talk time of a call met in its middle is not known"),
    N_("without it a restart of the PBX is noticed only by the lost connection"),
    N_("answer to the login"),
    N_("greeting (is TLS on at one end only?)"),
    N_("permission denied"),
)
