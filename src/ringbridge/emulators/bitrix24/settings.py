"""Where the sources disagree or are silent, the portal can be either: every such point is a setting here.

Defaults are what the public documentation says. `webhook_telephony` alone defaults to what portals are seen to do,
because the demonstration connects by a webhook; tests of the client set it to `DENY` as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


class Permission(StrEnum):
    ALLOW = "allow"
    DENY = "deny"


class Wording(StrEnum):
    """Three telephony texts differ by a word or a bracket between the documentation and the on-premise edition."""

    DOCS = "docs"
    BOX = "box"


class ScopeRefusal(StrEnum):
    INSUFFICIENT_SCOPE = "insufficient_scope"
    METHOD_NOT_FOUND = "method_not_found"


class CrmMode(StrEnum):
    CLASSIC = "classic"  # with leads
    SIMPLE = "simple"  # without: a contact and a deal instead


class Language(StrEnum):
    """In which the portal titles leads and activities."""

    RU = "ru"
    EN = "en"


@dataclass(slots=True, kw_only=True)
class Settings:
    webhook_telephony: Permission = Permission.ALLOW  # register, finish and externalLine.* by an incoming webhook
    telephony_error_code: str = "ERROR_CORE"  # on-premise: ""
    wording: Wording = Wording.DOCS
    insufficient_scope_status: int = 403  # 401 in the official Python SDK
    scope_refusal: ScopeRefusal = ScopeRefusal.INSUFFICIENT_SCOPE
    portal_deleted_status: int = 500  # 403 and 410 are reported too
    add_to_chat_default: bool = True  # finish without ADD_TO_CHAT; on-premise: False
    refresh_token_in_events: bool = False  # the documentation's samples show one, its prose says no
    offline_confirmation: bool = True  # event.offline.get with clear=0; not in every plan
    start_event_by_outgoing_webhook: bool = False  # OnExternalCallStart without an application
    missed_activity_completed: bool = False  # the newer call scenario completes them
    ignore_call_list: bool = False  # CALL_LIST_ID of register
    finish_start_date_as_object: bool = True  # CALL_START_DATE of finish's answer comes as {}
    closed_leads_match: bool = False  # whether a phone search finds leads in a final status
    unfinished_call_lifetime: timedelta | None = None  # not documented; None: for ever
    repeat_for_known_clients: bool = False  # a repeat lead or deal when an existing client calls
    task_tags_as_rows: bool = False  # tags of a task as {"1": {"id", "title"}} instead of plain texts
    reuse_refresh_token: bool = False  # whether a refresh token opens twice
    mode: CrmMode = CrmMode.CLASSIC
    language: Language = Language.RU
    simple_mode_order: tuple[str, ...] = ("CONTACT", "DEAL")  # CRM_CREATED_ENTITIES without leads
    https_required: bool = False  # the real one always; the emulator is mostly reached over plain HTTP
    empty_map_as_list: bool = True  # PHP's way
    rate_limit: bool = True
    drain_per_second: float = 2.0  # Enterprise: 5
    threshold: int = 50  # Enterprise: 250
    operating_limit: bool = True
    operating_limit_seconds: float = 480.0  # per method and application in ten minutes; on-premise: 420
    operating_cost: dict[str, float] = field(default_factory=dict)  # seconds a method (lower case) takes; else measured
    access_token_lifetime: timedelta = timedelta(hours=1)
    refresh_token_lifetime: timedelta = timedelta(days=180)
    code_lifetime: timedelta = timedelta(seconds=30)
    file_bytes_kept: int = 256 * 1024 * 1024  # of recordings; beyond it the oldest are forgotten
    utc_offset: timedelta = timedelta(hours=3)  # of the dates the portal writes
