"""All hooks. A hook's signature here is its specification: files are checked against it, and the documentation is made
of it.

The first argument is the value: what the hook gives back takes its place. A hook takes only the arguments that it
wants. Where an empty value cancels, ``{}`` means that the request is not sent. None leaves everything as it is.

Names and moments are those of Itgrix's customization, so that its scripts fit; the three amoCRM hooks whose names its
documentation does not show (updates, incoming leads) have names of the same make.
"""

from __future__ import annotations

# mypy: disable-error-code="empty-body"
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, get_type_hints

import pluggy

from ringbridge.hooks.context import Context
from ringbridge.hooks.values import (
    CallParams,
    CardParams,
    Fields,
    FinalParams,
    OriginateParams,
    PhoneCall,
    RecordParams,
    RegistrationParams,
    Stage,
    TaskParams,
)

PROJECT = "ringbridge"


class Of(StrEnum):
    """At which CRM a hook is asked."""

    ANY = "any"
    BITRIX24 = "bitrix24"
    AMOCRM = "amocrm"


@dataclass(frozen=True, slots=True, kw_only=True)
class HookSpec:
    name: str
    text: str  # for people
    of: Of
    value: str  # name of the first argument
    arguments: Mapping[str, Any]  # the value's and all others', with their types
    returns: Any
    cancels: bool  # an empty value cancels the request
    urgent: bool  # a ringing phone waits for it
    kept: frozenset[str]  # fields that stay what they are, whatever the hook says
    is_heard: bool  # False: what it gives back is not used

    @property
    def gives_map(self) -> bool:
        return isinstance(self.returns, type) and issubclass(self.returns, dict)


SPECS: dict[str, HookSpec] = {}

_mark = pluggy.HookspecMarker(PROJECT)


def hook(
    *,
    of: Of = Of.ANY,
    cancels: bool = False,
    urgent: bool = False,
    kept: frozenset[str] = frozenset(),
    is_heard: bool = True,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def specified(function: Callable[..., Any]) -> Callable[..., Any]:
        types = get_type_hints(function)
        returns = types.pop("return")
        SPECS[function.__name__] = HookSpec(
            name=function.__name__,
            text=inspect.cleandoc(function.__doc__ or ""),
            of=of,
            value=next(iter(types)),
            arguments=types,
            returns=returns,
            cancels=cancels,
            urgent=urgent,
            kept=kept,
            is_heard=is_heard,
        )
        return _mark(function)

    return specified


# While the call is decided


@hook(urgent=True)
def need_registration(result: bool, stage: Stage, call: PhoneCall, ctx: Context) -> bool:
    """Is the CRM told of this call? Asked at each stage of it; a call of which the CRM knows already is always told to
    its end, or it would stay open there."""


@hook(urgent=True)
def process_client_phone(phone: str, stage: Stage, call: PhoneCall, ctx: Context) -> str:
    """The client's number as the CRM is told and asked it. Asked once a call. What can be read as a number is written
    as E.164 afterwards, so that clients are found by every spelling."""


@hook(urgent=True)
def process_user_phone(phone: str, stage: Stage, call: PhoneCall, ctx: Context) -> str:
    """An employee's phone, before the employee is looked for by it. Asked once for each phone of a call. A phone that
    is nobody's leaves it as it was."""


@hook(urgent=True)
def customize_autodistribution(extension: str, client: Fields, call: PhoneCall, ctx: Context) -> str:
    """The extension that an incoming call is sent to; empty sends it its normal way. `client`: kind, id, name and
    responsible of whom the number belongs to, as far as it is known."""


@hook(urgent=True)
def process_originate_params(params: OriginateParams, request: Fields, ctx: Context) -> OriginateParams:
    """How the PBX makes a call that was asked for in the CRM. `request`: number, line, user and extension as asked.
    An empty value leaves it as it is: whoever clicked waits for the call."""


# Bitrix24's requests


@hook(of=Of.BITRIX24, cancels=True, kept=frozenset({"EXTERNAL_CALL_ID"}))
def process_registration_params(params: RegistrationParams, call: PhoneCall, ctx: Context) -> RegistrationParams:
    """The call's registration. Cancelled: the portal hears nothing of the call, then or later. A client that a rule
    wants made is made before: `need_registration` keeps a call away whole."""


@hook(of=Of.BITRIX24, cancels=True, kept=frozenset({"CALL_ID"}))
def customize_show_call_card(params: CardParams, call: PhoneCall, ctx: Context) -> CardParams:
    """Who sees the call's card. Of a registration that opens a card, too."""


@hook(of=Of.BITRIX24, cancels=True, kept=frozenset({"CALL_ID"}))
def process_final_params(params: FinalParams, call: PhoneCall, ctx: Context) -> FinalParams:
    """The call's end. Cancelled: the portal ends the call itself, some time later."""


@hook(of=Of.BITRIX24, cancels=True, kept=frozenset({"CALL_ID"}))
def customize_attach_record_url(params: RecordParams, call: PhoneCall, ctx: Context) -> RecordParams:
    """How the recording is attached: its address in link mode, its name."""


@hook(of=Of.BITRIX24)
def customize_activity(fields: Fields, activity: Fields, call: PhoneCall, ctx: Context) -> Fields:
    """Fields to set in the call's activity (SUBJECT, DESCRIPTION, …) once the call is finished. `activity`: as it is
    now."""


@hook(of=Of.BITRIX24)
def customize_entity(fields: Fields, entity: Fields, kind: str, call: PhoneCall, ctx: Context) -> Fields:
    """Fields to set in the call's client once the call is finished. `entity`: as it is; `kind`: lead, contact or
    company."""


# amoCRM's requests


@hook(of=Of.AMOCRM, cancels=True, kept=frozenset({"uniq", "entity_type", "entity_id"}))
def process_call_params(params: CallParams, call: PhoneCall, ctx: Context) -> CallParams:
    """The call, once it is over. Cancelled: the account hears nothing of it."""


@hook(of=Of.AMOCRM, cancels=True)
def process_contact_creation_params(params: Fields, call: PhoneCall, ctx: Context) -> Fields:
    """A contact that is made of an unknown number. Cancelled: none is made."""


@hook(of=Of.AMOCRM, cancels=True)
def process_lead_creation_params(params: Fields, call: PhoneCall, ctx: Context) -> Fields:
    """A lead that is made of an unknown number. Cancelled: the contact is made without one."""


@hook(of=Of.AMOCRM, cancels=True, kept=frozenset({"metadata"}))
def process_unsorted_creation_params(params: Fields, call: PhoneCall, ctx: Context) -> Fields:
    """An incoming lead that is made of an unknown number, with its lead and contact below ``_embedded``. Cancelled:
    none is made."""


@hook(of=Of.AMOCRM)
def process_contact_update_params(fields: Fields, entity: Fields, call: PhoneCall, ctx: Context) -> Fields:
    """Fields to set in the contact that the call was written to. `entity`: as it is."""


@hook(of=Of.AMOCRM)
def process_lead_update_params(fields: Fields, entity: Fields, call: PhoneCall, ctx: Context) -> Fields:
    """Fields to set in the lead that the call was written to. `entity`: as it is."""


# Of both


@hook()
def process_record_file_path(path: str, call: PhoneCall, ctx: Context) -> str:
    """Where the recording is, once its file is whole: as the PBX named it, and as it shall be looked for. The hook may
    make the file. Asked for one portal, and holds for all."""


@hook(cancels=True)
def process_task_creation_params(params: TaskParams, call: PhoneCall, ctx: Context) -> TaskParams:
    """A task for a missed call. Cancelled: none is made."""


@hook(is_heard=False)
def post_registration(facts: Fields, call: PhoneCall, ctx: Context) -> Fields:
    """The CRM knows the call now; what the hook gives back is not used. `facts`: what the registration brought
    (Bitrix24: call_id, client). May be asked again after a restart in the middle."""
