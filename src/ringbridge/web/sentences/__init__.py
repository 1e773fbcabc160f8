"""The sentences of lower floors that can come to the page: see `reasons`. A module for each matter."""

from __future__ import annotations

from ringbridge.web.sentences import (
    amocrm,
    bitrix24,
    calls,
    crm,
    distribution,
    hooks,
    installation,
    pbx,
    rules,
    settings,
)

SENTENCES = (
    *amocrm.SENTENCES,
    *bitrix24.SENTENCES,
    *calls.SENTENCES,
    *crm.SENTENCES,
    *distribution.SENTENCES,
    *hooks.SENTENCES,
    *installation.SENTENCES,
    *pbx.SENTENCES,
    *rules.SENTENCES,
    *settings.SENTENCES,
)
