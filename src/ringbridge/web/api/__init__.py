"""``/api/v1``: other programs and the company's site ask for calls."""

from ringbridge.web.api.desk import ApiDesk as ApiDesk
from ringbridge.web.api.document import Description as Description
from ringbridge.web.api.pages import ApiPages as ApiPages
