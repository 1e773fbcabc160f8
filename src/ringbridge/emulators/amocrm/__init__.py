"""A strict account of amoCRM (Kommo) in memory: it refuses what the real one refuses, in its words and codes.

`Account` is the state, `create_app` its web side, `serve` runs it on a port inside a running event loop;
``python -m ringbridge.emulators.amocrm --port 8079`` runs it as a process of its own.
"""

from ringbridge.emulators.amocrm.account import Account
from ringbridge.emulators.amocrm.app import create_app
from ringbridge.emulators.amocrm.entities import Kind
from ringbridge.emulators.amocrm.faults import Fault, FaultKind
from ringbridge.emulators.amocrm.oauth import Integration
from ringbridge.emulators.amocrm.server import serve
from ringbridge.emulators.amocrm.settings import Brand, Limiter, MixedBatch, QuotaOwner, Settings, UnknownFields
from ringbridge.emulators.amocrm.widget import Widget

__all__ = [
    "Account",
    "Brand",
    "Fault",
    "FaultKind",
    "Integration",
    "Kind",
    "Limiter",
    "MixedBatch",
    "QuotaOwner",
    "Settings",
    "UnknownFields",
    "Widget",
    "create_app",
    "serve",
]
