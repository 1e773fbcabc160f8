"""Bitrix24, cloud and on-premise: REST API 2, by an incoming webhook or as a local application."""

from ringbridge.crm.bitrix24.auth import Application, Credentials, Tokens, Webhook
from ringbridge.crm.bitrix24.portal import Bitrix24
from ringbridge.crm.bitrix24.settings import RecordingMode, Settings

__all__ = ["Application", "Bitrix24", "Credentials", "RecordingMode", "Settings", "Tokens", "Webhook"]
