"""A page of the account that hosts a widget: the platform's globals around it, a card, the settings window.

`/_emulator/widget?user=ID` loads the account's widget as the platform does. Everything is ours: of jQuery, AMD and Twig
the parts that widgets commonly use.
"""

from ringbridge.emulators.amocrm.host.views import ROUTES

__all__ = ["ROUTES"]
