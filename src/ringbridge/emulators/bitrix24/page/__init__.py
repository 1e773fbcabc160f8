"""The pages of the portal: what its employees see, and what they click.

A page is rendered whole by the server and asked for again every second; the browser changes only what changed, so a
recording that plays goes on playing and a form half filled in stays so. Everything works without a script too, except
that a person must reload. Nothing is loaded from elsewhere.
"""

from ringbridge.emulators.bitrix24.page.views import ROUTES

__all__ = ["ROUTES"]
