"""The way through a foreign program to the key that we need, step by step, with drawings. Pure.

Sources of the menus' and fields' names: Bitrix24 REST docs, "Local applications" and "Incoming webhooks"; amoCRM
developer documentation, "Private integrations" and "Long-lived token"; FreePBX's module Asterisk Manager Users.
"""

from __future__ import annotations

from ringbridge.service.survey import READ, WRITE
from ringbridge.web.wizard.drawings import Item, Stop, Window
from ringbridge.web.words import N_

SCOPES = "crm, telephony, user, task, department, timeman, im"
HIDDEN = "••••••••"

PORTAL, ACCOUNT = N_("The portal"), N_("The account")
DEVELOPERS, OTHER = N_("Developer resources"), N_("Other")
PERMISSIONS = N_("Permissions")

TO_DEVELOPERS = Stop(
    words=N_(
        "As an administrator of the portal open Developer resources in its menu; it may stand under Applications."
    ),
    window=Window(title=PORTAL, menu=(N_("CRM"), N_("Tasks"), N_("Applications"), DEVELOPERS)),
)


def local_application(address: str) -> tuple[Stop, ...]:
    """`address`: at which the portal installs us."""
    return (
        TO_DEVELOPERS,
        Stop(
            words=N_("Choose Other, then Local application."),
            window=Window(
                title=DEVELOPERS,
                menu=(N_("Common use cases"), OTHER),
                items=(Item(label=N_("Incoming webhook")), Item(label=N_("Local application"), marked=True)),
            ),
        ),
        Stop(
            words=N_("Tick Server, enter the address below at both places, tick the permissions, and save."),
            window=Window(
                title=N_("Local application"),
                items=(
                    Item(label=N_("Server"), tick=True),
                    Item(label=N_("Your handler path"), value=address, marked=True),
                    Item(label=N_("Initial installation path"), value=address, marked=True),
                    Item(label=PERMISSIONS, value=SCOPES, marked=True),
                ),
                button=N_("Save"),
            ),
        ),
        Stop(
            words=N_("It shows two keys now: copy them into the inputs below, and save here. Leave its page open."),
            window=Window(
                title=N_("Local application"),
                items=(
                    Item(label="client_id", value="local.0123456789.12345678", marked=True),
                    Item(label="client_secret", value=HIDDEN, marked=True),
                ),
            ),
        ),
        Stop(
            words=N_("When they are saved here, press Reinstall there: that hands us the portal's tokens."),
            window=Window(title=N_("Local application"), button=N_("Reinstall")),
        ),
    )


def incoming_webhook() -> tuple[Stop, ...]:
    return (
        TO_DEVELOPERS,
        Stop(
            words=N_("Choose Other, then Incoming webhook."),
            window=Window(
                title=DEVELOPERS,
                menu=(N_("Common use cases"), OTHER),
                items=(Item(label=N_("Incoming webhook"), marked=True), Item(label=N_("Local application"))),
            ),
        ),
        Stop(
            words=N_("Tick the permissions, save, and copy the address that it shows into the input below."),
            window=Window(
                title=N_("Incoming webhook"),
                items=(
                    Item(label=PERMISSIONS, value=SCOPES, marked=True),
                    Item(
                        label=N_("Webhook to call REST API"),
                        value="https://example.bitrix24.ru/rest/1/abcdefgh/",
                        marked=True,
                    ),
                ),
                button=N_("Save"),
            ),
        ),
    )


def amocrm_integration(redirect: str) -> tuple[Stop, ...]:
    """`redirect`: where the account sends who lets us in."""
    return (
        Stop(
            words=N_("As an administrator of the account open amoMarket; at its top right are three dots."),
            window=Window(
                title=ACCOUNT,
                menu=(N_("Leads"), N_("Settings"), N_("amoMarket")),
                items=(Item(label=N_("⋮ Create an integration"), marked=True),),
            ),
        ),
        Stop(
            words=N_("Choose an external integration, allow everything, enter the address, and save."),
            window=Window(
                title=N_("External integration"),
                items=(
                    Item(label=N_("Redirect address"), value=redirect, marked=True),
                    Item(label=N_("Allow access: everything"), tick=True),
                ),
                button=N_("Save"),
            ),
        ),
        Stop(
            words=N_(
                "On its page Keys and scopes make a long-lived token, and copy what is marked into the inputs below."
            ),
            window=Window(
                title=N_("External integration"),
                menu=(N_("Description"), N_("Keys and scopes")),
                items=(
                    Item(label=N_("Secret key"), value=HIDDEN),
                    Item(label=N_("Integration ID"), value="5f1c0ffe-…"),
                    Item(label=N_("Long-lived token"), value="eyJ0eXAiOiJKV1Qi…", marked=True),
                ),
                button=N_("Make a token"),
            ),
        ),
    )


def freepbx_manager(username: str, permit: str) -> tuple[Stop, ...]:
    """FreePBX's own page, whose words are English in most installations. `permit`: the address we come from."""
    return (
        Stop(
            words=N_("In FreePBX open its manager users, and add one:"),
            path="Settings → Asterisk Manager Users → Add Manager",
            window=Window(
                title="FreePBX", menu=("Settings", "Asterisk Manager Users"), button="Add Manager", foreign=True
            ),
        ),
        Stop(
            words=N_("Give it the name and the secret that stand above on this page, and our address."),
            window=Window(
                title="Add Manager",
                foreign=True,
                menu=("Rights", "General"),
                items=(
                    Item(label="Manager name", value=username, marked=True),
                    Item(label="Manager secret", value=HIDDEN, marked=True),
                    Item(label="Deny", value="0.0.0.0/0.0.0.0"),
                    Item(label="Permit", value=f"{permit}/255.255.255.255", marked=True),
                ),
            ),
        ),
        Stop(
            words=N_("Leave these rights alone on, send the form, and let the configuration count:"),
            path="Rights → Submit → Apply Config",
            window=Window(
                title="Add Manager",
                foreign=True,
                menu=("General", "Rights"),
                items=(
                    Item(label="Read", value=", ".join(READ), marked=True),
                    Item(label="Write", value=", ".join(WRITE), marked=True),
                ),
                button="Submit",
            ),
        ),
    )
