"""The server's side of our amoCRM and Kommo widget: what it asks over HTTPS, what is pushed to it over a WebSocket, and
how an account is connected. `AmoPages` has the routes, one `AmoDesk` stands for each account.
"""

from ringbridge.web.amocrm.cards import CardBoard
from ringbridge.web.amocrm.desk import AmoDesk
from ringbridge.web.amocrm.pages import AmoPages

__all__ = ["AmoDesk", "AmoPages", "CardBoard"]
