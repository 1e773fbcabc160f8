"""What people do in the account that reaches an integration: letting it in, installing its widget, switching it off.

Source: amoCRM developer documentation, "OAuth 2.0" (the call with `from_widget`, three seconds, once; the hook when an
integration is disabled).
"""

from __future__ import annotations

from ringbridge.emulators.amocrm import making
from ringbridge.emulators.amocrm.account import Account, Row
from ringbridge.emulators.amocrm.entities import Entity, Kind
from ringbridge.emulators.amocrm.history import EventType
from ringbridge.emulators.amocrm.oauth import Caller, Integration, disable_signature
from ringbridge.emulators.amocrm.rows import hook_gone, hook_row
from ringbridge.emulators.amocrm.tokens import granted
from ringbridge.emulators.amocrm.webhooks import tell, visit
from ringbridge.emulators.common.control import NobodyThere

_WIDGET_PATIENCE = 3.0


class NoSuchIntegration(NobodyThere):
    """The account has no integration to tell."""


def integration_of(account: Account) -> Integration:
    """The first one."""
    if not account.access.integrations:
        raise NoSuchIntegration("this account has no integration")
    return account.access.integrations[0]


def code(account: Account, *, user_id: int, integration: Integration | None = None) -> str:
    """A code that a person copies from the integration's settings."""
    integration = integration or integration_of(account)
    integration.enabled = True
    return account.access.issue_code(integration, user_id, account.clock())


def install(account: Account, *, user_id: int, integration: Integration | None = None) -> None:
    """An administrator installs the widget: the account itself calls the redirect address with a code, once."""
    integration = integration or integration_of(account)
    told = granted(account, integration, user_id, "") | {"from_widget": "1"}
    visit(account, "from_widget", integration.redirect_uri, told, patience=_WIDGET_PATIENCE)


def disable(account: Account, *, integration: Integration | None = None) -> None:
    """It is switched off: tokens die, its webhooks go, its hook is called with a signature."""
    integration = integration or integration_of(account)
    integration.enabled = False
    account.access.revoke(integration)
    for number in [one["id"] for one in account.webhooks.values() if one["client_id"] == integration.client_id]:
        del account.webhooks[number]
    if integration.disable_hook:
        told = {
            "account_id": str(account.id),
            "client_uuid": integration.client_id,
            "signature": disable_signature(integration, account.id),
        }
        visit(account, "disable", integration.disable_hook, told, patience=_WIDGET_PATIENCE)


def add_client(
    account: Account, kind: Kind, *, user_id: int, name: str = "", phones: tuple[str, ...] = (), **more: object
) -> Entity:
    """A person adds a contact, company or lead by hand."""
    values = [{"field_code": "PHONE", "values": [{"value": phone} for phone in phones]}] if phones else []
    given: Row = {"name": name, "custom_fields_values": values, **more}
    return making.create(account, kind, given, Caller(user_id=user_id))


def change(account: Account, kind: Kind, number: int, *, user_id: int, **changes: object) -> None:
    """A person changes one."""
    making.update(account, account.entities.rows[kind][number], dict(changes), Caller(user_id=user_id))


def remove(account: Account, kind: Kind, number: int, *, user_id: int) -> None:
    """A person deletes one: it lies in the recycle bin, and no list and no link shows it any more."""
    one = account.entities.rows[kind][number]
    _bin(account, one, user_id, "delete", hook_gone(one))


def restore(account: Account, kind: Kind, number: int, *, user_id: int) -> None:
    """A person takes one out of the recycle bin."""
    one = account.entities.rows[kind][number]
    _bin(account, one, user_id, "restore", hook_row(account, one))


def _bin(account: Account, one: Entity, user_id: int, action: str, told: Row) -> None:
    one.is_deleted, one.updated_by, one.updated_at = action == "delete", user_id, account.now()
    account.note_event(EventType(f"{one.kind.single}_{action}d"), (one.kind.single, one.id), user_id)
    tell(account, f"{action}_{one.kind.single}", making.hook_top(one.kind), told, Caller(user_id=user_id))


def dismiss(account: Account, *, user_id: int) -> None:
    """An employee leaves: whatever asks in their name is refused."""
    account.staff.users[user_id].active = False
