"""Whom an incoming call is put through to: its client's manager, else who stands in, else the normal route. Pure."""

from ringbridge.routing.distribution.decision import decide
from ringbridge.routing.distribution.policy import (
    LineRules,
    Mobiles,
    NamePart,
    NewClients,
    Order,
    Policy,
    Step,
    Unreachable,
    Vip,
)
from ringbridge.routing.distribution.question import (
    NORMAL,
    Availability,
    Hop,
    HopKind,
    LastTalk,
    Reach,
    Reason,
    Rejected,
    Route,
    RouteClient,
    RouteQuestion,
)
from ringbridge.routing.distribution.team import Colleague, Team

__all__ = [
    "NORMAL",
    "Availability",
    "Colleague",
    "Hop",
    "HopKind",
    "LastTalk",
    "LineRules",
    "Mobiles",
    "NamePart",
    "NewClients",
    "Order",
    "Policy",
    "Reach",
    "Reason",
    "Rejected",
    "Route",
    "RouteClient",
    "RouteQuestion",
    "Step",
    "Team",
    "Unreachable",
    "Vip",
    "decide",
]
