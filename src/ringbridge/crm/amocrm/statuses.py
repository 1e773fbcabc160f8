"""How a call ended, in amoCRM's numbers: one table.

Source: amoCRM API v4, "Calls", `call_status`: 1 left a message, 2 call back later, 3 not available, 4 talked, 5 wrong
number, 6 not reached, 7 busy.
"""

from __future__ import annotations

from collections.abc import Mapping

from ringbridge.routing.results import CallStatus

NOT_AVAILABLE, TALKED, WRONG_NUMBER, NOT_REACHED, BUSY = 3, 4, 5, 6, 7

BY_STATUS: Mapping[CallStatus, int] = {
    CallStatus.ANSWERED: TALKED,
    CallStatus.MISSED: NOT_REACHED,
    CallStatus.CANCELLED: NOT_REACHED,
    CallStatus.NO_ANSWER: NOT_REACHED,
    CallStatus.BUSY: BUSY,
    CallStatus.DECLINED: BUSY,  # whoever declines sounds busy to the caller
    CallStatus.WRONG_NUMBER: WRONG_NUMBER,
    CallStatus.UNAVAILABLE: NOT_AVAILABLE,
    CallStatus.FORBIDDEN: NOT_REACHED,
    CallStatus.NO_FUNDS: NOT_REACHED,
    CallStatus.BLOCKED: NOT_REACHED,
}
