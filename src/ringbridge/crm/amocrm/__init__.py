"""amoCRM and Kommo, one platform under two names: API v4, as an integration or by a long-lived token."""

from ringbridge.crm.amocrm.account import AmoCrm
from ringbridge.crm.amocrm.auth import Application, Credentials, LongLived, Tokens
from ringbridge.crm.amocrm.cards import Card, CardFeed
from ringbridge.crm.amocrm.settings import Settings

__all__ = ["AmoCrm", "Application", "Card", "CardFeed", "Credentials", "LongLived", "Settings", "Tokens"]
