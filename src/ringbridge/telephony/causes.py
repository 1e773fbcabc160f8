"""What Asterisk's dial statuses and Q.850 causes mean for people. One table each.

Sources: ITU-T Q.850 for the causes; which of them come with which dial status, measured on Asterisk 16 and 22 (a
declined call is NOANSWER with cause 21, a number that does not exist NOANSWER with cause 1, a caller who gives up
CANCEL with cause 127).
"""

from __future__ import annotations

from ringbridge.telephony.model import Disposition, LegResult

BUSY, DECLINED = 17, 21
ANSWERED_ELSEWHERE = 26
REDIRECTED = 23

# The called phone could not be rung at all: no such number, no route, no circuit, congestion, out of order.
UNREACHABLE = frozenset({1, 2, 3, 20, 27, 28, 34, 38, 41, 42, 44, 47, 50, 58, 88})

LEG_BY_STATUS = {
    "ANSWER": LegResult.ANSWERED,
    "BUSY": LegResult.BUSY,
    "CONGESTION": LegResult.UNAVAILABLE,
    "CHANUNAVAIL": LegResult.UNAVAILABLE,
    "NOANSWER": LegResult.NO_ANSWER,
    "CANCEL": LegResult.NO_ANSWER,
}

LEG_BY_CAUSE = {
    BUSY: LegResult.BUSY,
    DECLINED: LegResult.DECLINED,
    REDIRECTED: LegResult.REDIRECTED,
    ANSWERED_ELSEWHERE: LegResult.ANSWERED_ELSEWHERE,
    **dict.fromkeys(UNREACHABLE, LegResult.UNAVAILABLE),
}


def leg_result(status: str, cause: int | None) -> LegResult:
    """How the ringing of a phone ended that was not answered: the cause says more than the status, where it says
    anything."""
    return LEG_BY_CAUSE.get(cause or 0) or LEG_BY_STATUS.get(status, LegResult.NO_ANSWER)


def status_of(result: LegResult | None) -> str:
    """The dial status that says the same of a ring; of one that goes on or was answered, ANSWER."""
    return {
        LegResult.BUSY: "BUSY",
        LegResult.DECLINED: "BUSY",
        LegResult.UNAVAILABLE: "CONGESTION",
        LegResult.NO_ANSWER: "NOANSWER",
        LegResult.CANCELLED: "CANCEL",
    }.get(result or LegResult.ANSWERED, "ANSWER")


def outbound_result(status: str, cause: int | None, *, rang: bool) -> Disposition:
    """How a call to a client ended that nobody spoke in.

    An employee who hangs up while the client's phone rings was not answered; who hangs up before it rings has
    cancelled.
    """
    if status == "BUSY" or cause in {BUSY, DECLINED}:
        return Disposition.BUSY
    if status in {"CONGESTION", "CHANUNAVAIL"} or (status != "CANCEL" and cause in UNREACHABLE):
        return Disposition.FAILED
    if status == "CANCEL" and not rang:
        return Disposition.CANCELLED
    return Disposition.NO_ANSWER
