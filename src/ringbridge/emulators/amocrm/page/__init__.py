"""What an employee of the account sees: pop-ups, clients with their calls, incoming leads, tasks.

A page is rendered whole by the server and asked for again every second; only what changed is replaced. Everything
works without a script too, except that a person must reload. Nothing is loaded from elsewhere.
"""

from ringbridge.emulators.amocrm.page.views import ROUTES

__all__ = ["ROUTES"]
