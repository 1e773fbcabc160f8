"""The hooks that Bitrix24's requests pass on their way out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from ringbridge.crm.bitrix24.batch import Reference
from ringbridge.crm.bitrix24.telephony import ATTACH, FINISH, REGISTER, SHOW, Command, as_list
from ringbridge.crm.customise import Customise
from ringbridge.routing.intents import Intent

HOOKS = {
    REGISTER: "process_registration_params",
    SHOW: "customize_show_call_card",
    FINISH: "process_final_params",
    ATTACH: "customize_attach_record_url",
}
KEYS = ("CALL_ID", "EXTERNAL_CALL_ID")  # which step it is: no hook changes that


async def customised(customise: Customise, commands: Mapping[str, tuple[Command, Intent]]) -> dict[str, Command | None]:
    """Each as the hooks want it; None for what is not to be sent. All at once: a slow hook holds a batch up once."""
    found = await asyncio.gather(*(_customised(customise, command, intent) for command, intent in commands.values()))
    return dict(zip(commands, found, strict=True))


async def _customised(customise: Customise, command: Command, intent: Intent) -> Command | None:
    hook = HOOKS.get(command.method)
    if hook is None or not await customise.wants(hook):
        return await _shown(customise, command, intent)
    params = await customise(hook, _plain(command.params), intent)
    if not params or (command.method == SHOW and not as_users(params.get("USER_ID"))):
        return None
    keys = {name: command.params[name] for name in KEYS if name in command.params}
    return await _shown(customise, Command(method=command.method, params={**params, **keys}), intent)


async def _shown(customise: Customise, command: Command, intent: Intent) -> Command:
    """A registration may open a card: whether it does is the same question as of any other card."""
    hook = HOOKS[SHOW]
    opens = command.method == REGISTER and str(command.params.get("SHOW")) == "1"
    if not opens or not await customise.wants(hook):
        return command
    user = command.params.get("USER_ID")
    card = await customise(hook, {"CALL_ID": "", "USER_ID": [user]}, intent)
    if card and str(user) in as_users(card.get("USER_ID")):
        return command
    return Command(method=command.method, params={**command.params, "SHOW": 0})


def as_users(value: Any) -> list[str]:
    """One id or several."""
    many = as_list(value) if isinstance(value, list | dict) else [value]
    return [str(one) for one in many if one not in (None, "", 0, "0")]


def _plain(params: Mapping[str, Any]) -> dict[str, Any]:
    """What comes from the same batch is not known yet."""
    return {name: "" if isinstance(value, Reference) else value for name, value in params.items()}
