"""All that other programs find here, for its description: `/api/openapi.json` and docs/reference/api.md."""

from __future__ import annotations

from ringbridge.web.api import ApiPages
from ringbridge.web.monitoring import Monitoring
from ringbridge.web.pages.status import StatusPage
from ringbridge.web.route import RoutePage

OPERATIONS = (*ApiPages.operations, *RoutePage.operations, *StatusPage.operations, *Monitoring.operations)
