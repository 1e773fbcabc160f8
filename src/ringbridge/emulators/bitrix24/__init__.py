"""A strict Bitrix24 portal in memory: it refuses what the real one refuses, in its words and codes.

`Portal` is the state, `create_app` its web side, `serve` runs it on a port inside a running event loop;
``python -m ringbridge.emulators.bitrix24 --port 8078`` runs it as a process of its own.
"""

from ringbridge.emulators.bitrix24.app import create_app
from ringbridge.emulators.bitrix24.faults import Fault, FaultKind
from ringbridge.emulators.bitrix24.portal import Portal
from ringbridge.emulators.bitrix24.server import serve
from ringbridge.emulators.bitrix24.settings import CrmMode, Permission, ScopeRefusal, Settings, Wording

__all__ = [
    "CrmMode",
    "Fault",
    "FaultKind",
    "Permission",
    "Portal",
    "ScopeRefusal",
    "Settings",
    "Wording",
    "create_app",
    "serve",
]
