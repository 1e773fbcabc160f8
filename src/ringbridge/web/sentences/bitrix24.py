"""Of Bitrix24."""

from __future__ import annotations

from ringbridge.web.language import N_

SENTENCES = (
    N_("The incoming webhook has expired: make a new one on the portal and enter it here."),
    N_("The authorization server gave tokens of another portal: connect this one anew."),
    N_("The portal's renewed key could not be stored: %(why)s"),
    N_("The portal brought no refresh token."),
    N_("There is no authorization server to ask."),
    N_("These are keys of another portal than the one that was connected here before."),
    N_("These are keys of %(one)s, and %(other)s is configured as this portal's endpoint."),
    N_("Where the portal is, is not known: enter its address as endpoint under oauth."),
    N_("The portal is connected already; only an administrator of it can connect it anew."),
    N_("The call was never registered with Bitrix24, so nothing can be added to it."),
    N_("An earlier card of this call has to be repeated first"),
    N_("The call is not registered: %(why)s"),
    N_("%(what)s gave the same rows again."),
    N_("A number clicked in Bitrix24 is not dialled by a webhook: connect as a local application."),
    N_("The portal was connected by no administrator: clients hidden from that user are not found."),
    N_("Calls cannot be recorded: add the permission telephony."),
    N_("Calls cannot be recorded: the portal says %(said)s."),
    N_(
        "Calls cannot be recorded: this portal lets only a local application register calls, not an "
        "incoming webhook. Add a local application and connect it instead."
    ),
    N_(
        "Whether a call arrived although the portal's answer was lost cannot be looked up: give the "
        "connecting user the telephony right to view call statistics."
    ),
    N_("Employees' mobile numbers cannot be read: add the permission user_basic (or user)."),
    N_(
        "Employees cannot be read, so extensions have to be mapped by hand, and a colleague who calls "
        "from a mobile may be made a client: add the permission user (or user_basic)."
    ),
    N_("Tasks for missed calls cannot be made: add the permission task."),
    N_("Clients cannot be found, and no lead, contact, deal or activity text is written: add the permission crm."),
    N_("Departments are not shown with the employees: add the permission department."),
    N_("Who is off shift is not known: add the permission timeman."),
    N_("Employees cannot be read: add the permission user (or user_basic). %(said)s"),
    N_("Leads and deals cannot be read. %(said)s"),
    N_("The connection has no right to read this: add the permission %(scope)s. %(said)s"),
    N_("Bitrix24 did not answer"),
    N_("Bitrix24 named no address to send the recording to"),
    N_("The call is not finished: %(why)s"),
    N_("The recording %(name)s could not be read: %(why)s"),
    N_("The portal calls the renewed key expired too. %(said)s"),
    N_("Bitrix24 closed %(method)s until %(time)s UTC for its running time"),
    N_("Bitrix24 ended the batch before this command"),
    N_("Bitrix24 has nothing that does %(what)s."),
    N_("Bitrix24 takes .wav and .mp3 recordings only, not %(what)s: let recordings be converted."),
    N_("Bitrix24 refused: %(said)s"),
    N_("Open the application on the portal again, or connect it anew."),
    N_("Give the user who connected the portal the right to do this, or connect with an administrator's account."),
    N_("Bitrix24 blocked this portal's REST API for overload: ask its support."),
    N_("Check the application's client_id and client_secret, and that it is installed."),
    N_("Add the missing permission to the application or webhook."),
    N_("The webhook or the application was removed or changed: connect the portal anew."),
    N_("The application was removed from the portal: install it again."),
    N_("The application's or the portal's paid period has ended."),
    N_("An administrator of the portal must confirm this access."),
    N_("An administrator of the portal denied this access."),
    N_("Add the permissions telephony, crm and user to the application or webhook."),
    N_("The REST API also needs a paid plan."),
    N_("This portal lets only a local application register calls, not an incoming webhook: connect as an application."),
    N_("Give the user who connected the portal access to the application."),
    N_("Connect with an employee's account, not an outside user's."),
    N_("The method is missing: is its permission (telephony, crm) granted?"),
    N_("Use the portal's https address."),
    N_("The portal was deleted."),
    N_("The portal could not fetch the recording from our address."),
    N_("The employee is dismissed or unknown there: map the extension to an active employee."),
    N_("Nobody of the portal was named: map the extension to an employee, or set a default one."),
    N_("The client's number holds no digits."),
    N_("Bitrix24 takes .wav and .mp3 only: let recordings be converted to mp3."),
    N_("The portal's plan has no REST API."),
    N_("The portal does not accept our key: connect it anew."),
    N_("Something in front of the portal does not let us in: a firewall, or a block of our address?"),
    N_("There is no Bitrix24 at this address: check it."),
    N_("The portal's web server does not take so much at once."),
    N_("The portal waits for our application to be installed there: nothing can be told to it before that."),
    N_("Our application was removed from the portal: install it there again."),
    N_(
        "The secret of the portal's events is not known yet: it comes with the first click on a number, or "
        "enter it as application_token under oauth. Until then clients' orders are refused."
    ),
    N_("The portal's plan does not have this."),
    N_(
        "The portal does not tell us what changes in it: that needs a local application, and events. The CRM is asked"
        " about new clients in each call; what else changed is known after the next full reading only "
        "(mirror_sweep_hours)."
    ),
    N_("Bitrix24 keeps no activity of this call: nobody it knows has the number."),
    N_("The call is not in Bitrix24."),
    N_("An incoming webhook's address looks like https://portal.bitrix24.com/rest/1/secret/"),
    N_("After /rest/ an incoming webhook's address has the number of its user"),
    N_("HTTP %(code)s and a page instead of an answer: %(said)s"),
    N_("This portal is connected by an incoming webhook, not as an application."),
    N_("Line %(number)s is missing. %(why)s"),
    N_("Line %(number)s: %(what)s. %(why)s"),
    N_("its name is “%(there)s”, not “%(wanted)s”"),
    N_("its name “%(wanted)s” is missing"),
    N_("new clients are made of unknown numbers"),
    N_("new clients are not made of unknown numbers"),
    N_("its name is “%(there)s”, not “%(wanted)s”, new clients are made of unknown numbers"),
    N_("its name is “%(there)s”, not “%(wanted)s”, new clients are not made of unknown numbers"),
    N_("its name “%(wanted)s” is missing, new clients are made of unknown numbers"),
    N_("its name “%(wanted)s” is missing, new clients are not made of unknown numbers"),
    N_("The lines could not be kept: %(why)s"),
    N_("The deal was not made. %(why)s"),
    N_("Whether the caller is known was not found out: %(why)s"),
    N_("The client was made as the portal likes, as ours was refused. %(why)s"),
    N_("Whether it was done could not be found out: %(why)s"),
    N_(
        "The recording has %(size)s MB; at most %(most)s MB are sent, and there is no address of ours "
        "at which the portal could fetch it."
    ),
    N_("The call was never finished, so its recording has no place. %(why)s"),
    N_("it is not the %(size)s bytes long that it was"),
    N_("Not done, as the connection has no right to: add the permission %(scope)s. %(said)s"),
    N_("Bitrix24 registered the call without telling its CALL_ID"),
    N_("Clicks on numbers do not reach us: %(why)s"),
    N_("Clicks on numbers are not fetched: %(why)s"),
    N_("This page is opened by a Bitrix24 portal: enter it as the application's installation address."),
    N_("The portal's installation event brings no tokens."),
    N_("Keys were brought too often within a minute: try again in a while."),
)
