"""How a call ended, in the one code set that every CRM adapter translates from.

The codes are SIP-like, as telephony people say them; `telephony` tells dispositions and Q.850 causes, this table
turns them into a status. Sources: Q.850 causes and the SIP codes they stand for, RFC 3398 section 8.2.6.1; which
dial status goes with which cause, measured on Asterisk 16 and 22.
"""

from __future__ import annotations

from enum import StrEnum

from ringbridge.telephony.model import Call, Disposition


class CallStatus(StrEnum):
    ANSWERED = "200"
    MISSED = "304"
    BUSY = "486"
    DECLINED = "603"
    CANCELLED = "603-S"
    WRONG_NUMBER = "404"
    NO_ANSWER = "480"
    UNAVAILABLE = "503"
    FORBIDDEN = "403"
    NO_FUNDS = "402"
    BLOCKED = "423"


BY_DISPOSITION = {
    Disposition.ANSWERED: CallStatus.ANSWERED,
    Disposition.MISSED: CallStatus.MISSED,
    Disposition.BUSY: CallStatus.BUSY,
    Disposition.NO_ANSWER: CallStatus.NO_ANSWER,
    Disposition.CANCELLED: CallStatus.CANCELLED,
    Disposition.FAILED: CallStatus.UNAVAILABLE,
}

# What the cause of a failed or unanswered outgoing call says more exactly than its disposition.
BY_CAUSE = {
    1: CallStatus.WRONG_NUMBER,  # unallocated number
    2: CallStatus.WRONG_NUMBER,  # no route to the transit network
    3: CallStatus.WRONG_NUMBER,  # no route to the destination
    17: CallStatus.BUSY,
    21: CallStatus.DECLINED,
    22: CallStatus.WRONG_NUMBER,  # number changed
    28: CallStatus.WRONG_NUMBER,  # invalid number format
}


def status_of(call: Call) -> CallStatus:
    """The status of an ended call."""
    if call.disposition in {Disposition.FAILED, Disposition.NO_ANSWER}:
        return BY_CAUSE.get(call.hangup_cause or 0, BY_DISPOSITION[call.disposition])
    return BY_DISPOSITION[call.disposition or Disposition.MISSED]
