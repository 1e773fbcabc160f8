"""Of amoCRM and Kommo."""

from __future__ import annotations

from ringbridge.web.language import N_

SENTENCES = (
    N_(
        "The long-lived token is not taken any more: it has ended, the integration was switched off, or the "
        "account's address has changed. Make a new token in the integration's settings and enter it here."
    ),
    N_("The token is another account's: connect this one again."),
    N_("%(address)s is no address of amoCRM or Kommo: nothing was sent there."),
    N_("Where the account has moved to was not told: HTTP %(status)s"),
    N_("The account's renewed key could not be stored: %(why)s"),
    N_("amoCRM's users have numbers for ids, not %(id)s: map the extension."),
    N_("amoCRM did not answer as it should: %(said)s"),
    N_("amoCRM refused: %(said)s"),
    N_("amoCRM had too many requests"),
    N_("amoCRM did not say what became of it"),
    N_("The account does not take the renewed key either. %(said)s"),
    N_("Connect the account again: the integration was switched off, its secret changed, or its token has ended."),
    N_("The account is not paid for."),
    N_("Perhaps the account has moved to another address."),
    N_(
        "Either the user who connected the account may not do this, or our address is shut out for a while: "
        "look at the user's rights and at the account's list of allowed addresses, then go on."
    ),
    N_("%(said)s is no request: write GET, POST or PATCH and a path that begins with /api/"),
    N_(
        "Contacts have no field for phones: amoCRM finds nobody by number, so every caller is a new "
        "client. Add the field Phone to contacts."
    ),
    N_("No pipeline takes incoming leads: a rule that wants one gets a contact and a lead in its place."),
    N_("The account ignores filters: looking up what became of a lost answer takes longer."),
    N_("Employees cannot be read: connect with an administrator's account. %(said)s"),
    N_("Clients cannot be found: the connecting user may not see contacts. %(said)s"),
    N_("Pipelines cannot be read: the connecting user may not see leads. %(said)s"),
    N_("Tasks for missed calls cannot be made: the connecting user may not see tasks. %(said)s"),
    N_("Deals cannot be read. %(said)s"),
    N_(
        "The account cannot tell us what changes in it: that needs a public_address with https. The CRM is asked "
        "about new clients in each call; what else changed is known after the next full reading only."
    ),
    N_("The account is not connected yet: press the button on the connection's page, or enter a code."),
    N_("Connect the account again."),
    N_("Not sent again: whether the pop-up opened is not known, and a second one would stand beside it."),
    N_("Not sent again: a queue rings the same phones over and over, and the pop-up of this call is open."),
    N_("The number is withheld: amoCRM opens no pop-up for it."),
    N_("Clients cannot be found: the connecting user may not see contacts."),
    N_("Tasks for missed calls cannot be made: the connecting user may not see tasks."),
    N_("amoCRM did not add it: %(said)s"),
    N_("The caller's number is withheld: amoCRM keeps calls only of clients with a number."),
    N_("Nobody in amoCRM has the number, and the rules make nobody of it: there is no place for the call."),
    N_("Nothing is known of this call's beginning, so amoCRM cannot be told of its end."),
    N_("The lead was not made. %(why)s"),
    N_("No client was made of the number: a hook of the office cancelled it."),
    N_("The number belongs to an employee: no client was made of it."),
    N_("The client was made more simply than the rule wants it. %(why)s"),
    N_("Not made: the client was reached meanwhile."),
    N_("Not made: the client has an open task already."),
    N_("The call is in nobody's name, as its employee was refused. %(why)s"),
    N_("The call has another place than was wanted. %(why)s"),
    N_("amoCRM keeps nothing of this call: nobody has the number."),
    N_("amoCRM plays recordings from our address only, and no address of ours can be reached from outside."),
    N_("The account does not tell us what changes in it. %(why)s"),
)
