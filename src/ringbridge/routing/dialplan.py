"""The dialplan by which Asterisk asks us, as text. Pure.

One context, `ringbridge-route`, called as a subroutine before the normal route: it asks, dials the phones of the answer
one after the other, and returns when nobody answered. Whatever happens to us, it returns: a CURL waits one second at
most (func_curl hands both limits to libcurl as CURLOPT_CONNECTTIMEOUT and CURLOPT_TIMEOUT), and no answer is the normal
route. Over FastAGI Asterisk itself has only a limit for the connection (res_agi.c, MAX_AGI_CONNECT: 2,000 ms); a server
that took the connection and then hangs has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

VERSION = "2"
CONTEXT = "ringbridge-route"
MARK = f"RINGBRIDGE_DIALPLAN={VERSION}"
"""What the loaded dialplan is known by."""

MOST_ROUNDS = 5
"""How often one call may ask: the inbound route and a few menus. More is a loop in the dialplan."""


NOTHING_TO_DIAL = "GotoIf($[${LEN(${RINGBRIDGE_DIAL})} = 0]?hop,1)"
"""Dial hangs up on a caller for whom it is given nothing: PJSIP_DIAL_CONTACTS of a phone that is not registered."""


class Kind(StrEnum):
    ASTERISK = "asterisk"  # plain, written by hand
    FREEPBX = "freepbx"


class By(StrEnum):
    CURL = "curl"
    AGI = "agi"


@dataclass(frozen=True, slots=True, kw_only=True)
class DialplanWords:
    """What the text depends on."""

    address: str  # http://127.0.0.1:8077
    agi: str  # agi://127.0.0.1:4574
    token: str = ""
    phone: str = "PJSIP/{extension}"  # how a phone is dialled on a plain Asterisk
    options: str = "tT"  # of Dial there
    groups: str = "from-internal"  # the context in which ring groups and queues are dialled
    outside: str = "from-internal"  # the context in which outside numbers are


def dialplan(kind: Kind, by: By, words: DialplanWords) -> str:
    """The file's text."""
    return "\n".join([*_HEAD[kind], *_context(kind, by, words), ""])


_HEAD = {
    Kind.ASTERISK: (
        "; Ringbridge: to whom is this call put through? Made by: ringbridge dialplan asterisk",
        "; In extensions.conf:        #include ringbridge.conf",
        "; Before the normal route:   same => n,Gosub(ringbridge-route,s,1(${EXTEN}))",
        "; After a menu, choice 2:    same => n,Gosub(ringbridge-route,2,1(${FROM_DID}))",
        "; The argument is the company's number that was called. It returns when nobody answered.",
        "",
    ),
    Kind.FREEPBX: (
        "; Ringbridge: to whom is this call put through? Made by: ringbridge dialplan freepbx",
        "; Belongs into /etc/asterisk/extensions_custom.conf. In Admin > Custom Destinations the target is",
        "; ringbridge-route,s,1 (after an IVR's choice 2: ringbridge-route,2,1), Return: Yes, and the destination is",
        "; the normal route. Phones are dialled without their voicemail; do-not-disturb and forwarding are respected.",
        "",
    ),
}


def _context(kind: Kind, by: By, words: DialplanWords) -> list[str]:
    did = "${IF($[${LEN(${ARG1})}]?${ARG1}:${IF($[${LEN(${FROM_DID})}]?${FROM_DID}:${CALLERID(dnid)})})}"
    lines = [
        f"[{CONTEXT}]",
        *_extension("s", "Set(RINGBRIDGE_CHOICE=)", "Goto(ask,1)"),
        *_extension("_[0-9*#]", "Set(RINGBRIDGE_CHOICE=${EXTEN})", "Goto(ask,1)"),
        *_extension("_[0-9*#][0-9*#]!", "Set(RINGBRIDGE_CHOICE=${EXTEN})", "Goto(ask,1)"),
        *_extension(
            "ask",
            f"Set({MARK})",
            "Set(__RINGBRIDGE_ROUND=$[0${RINGBRIDGE_ROUND} + 1])",
            f"GotoIf($[${{RINGBRIDGE_ROUND}} > {MOST_ROUNDS}]?normal,1)",
            f"Set(RINGBRIDGE_DID={did})",
            "Set(RINGBRIDGE_COUNT=0)",
            "Set(RINGBRIDGE_N=0)",
            *(_by_curl(words) if by is By.CURL else _by_agi(words)),
            "ExecIf($[${LEN(${RINGBRIDGE_NAME})}]?Set(CALLERID(name)=${RINGBRIDGE_NAME}))",
            "Goto(hop,1)",
        ),
        *_extension(
            "hop",
            "Set(RINGBRIDGE_N=$[${RINGBRIDGE_N} + 1])",
            "GotoIf($[${RINGBRIDGE_N} > 0${RINGBRIDGE_COUNT}]?normal,1)",
            f"Set(RINGBRIDGE_EXTENSION={_told('hop', by)})",
            # An answer that was cut short, or is somebody else's: nothing is dialled of it.
            "GotoIf($[${LEN(${RINGBRIDGE_EXTENSION})} = 0]?normal,1)",
            f"Set(RINGBRIDGE_SECONDS={_told('sec', by)})",
            f"Goto({_told('kind', by)},1)",
        ),
        *(_freepbx_phone() if kind is Kind.FREEPBX else _plain_phone(words)),
        *_extension(
            "group",
            # The last hop is handed over: queues and ring groups then see the caller's own channel, and end as they
            # always do.
            f"GotoIf($[${{RINGBRIDGE_N}} = ${{RINGBRIDGE_COUNT}}]?{words.groups},${{RINGBRIDGE_EXTENSION}},1)",
            f"Dial(Local/${{RINGBRIDGE_EXTENSION}}@{words.groups}/n,${{RINGBRIDGE_SECONDS}})",
            "Goto(hop,1)",
        ),
        *_extension(
            "mobile",
            f"Dial(Local/${{RINGBRIDGE_EXTENSION}}@{words.outside}/n,${{RINGBRIDGE_SECONDS}})",
            "Goto(hop,1)",
        ),
        *_extension("normal", "NoOp(Ringbridge: the normal route)", "Return()"),
    ]
    if kind is Kind.FREEPBX:
        lines += _extension("h", "GotoIf($[${DIALPLAN_EXISTS(ext-local,h,1)}]?ext-local,h,1)")
    return lines


def _by_curl(words: DialplanWords) -> list[str]:
    asked = {
        "number": "${CALLERID(num)}",
        "did": "${RINGBRIDGE_DID}",
        "channel": "${CHANNEL}",
        "uniqueid": "${UNIQUEID}",
        "choice": "${RINGBRIDGE_CHOICE}",
    }
    query = "&".join(f"{name}=${{URIENCODE({value})}}" for name, value in asked.items())
    token = f"&token={words.token}" if words.token else ""
    return [
        "Set(CURLOPT(conntimeout)=1)",
        "Set(CURLOPT(httptimeout)=1)",
        "Set(CURLOPT(hashcompat)=yes)",
        f"Set(RINGBRIDGE_ANSWER=${{CURL({words.address}/route?{query}{token})}})",
        # Other parts of the dialplan may use CURL on this channel too.
        "Set(CURLOPT(hashcompat)=no)",
        "GotoIf($[${LEN(${RINGBRIDGE_ANSWER})} = 0]?normal,1)",
        "Set(HASH(ringbridge)=${RINGBRIDGE_ANSWER})",
        "Set(RINGBRIDGE_COUNT=${FILTER(0-9,${HASH(ringbridge,count)})})",
        "Set(RINGBRIDGE_NAME=${HASH(ringbridge,name)})",
    ]


def _by_agi(words: DialplanWords) -> list[str]:
    return [
        "Set(RINGBRIDGE_NAME=)",
        f"AGI({words.agi}/route,${{RINGBRIDGE_DID}},${{RINGBRIDGE_CHOICE}})",
    ]


def _told(field: str, by: By) -> str:
    """A field of the present hop, as the dialplan reads it."""
    if by is By.CURL:
        return f"${{HASH(ringbridge,{field}${{RINGBRIDGE_N}})}}"
    return f"${{RINGBRIDGE_{field.upper()}${{RINGBRIDGE_N}}}}"


def _plain_phone(words: DialplanWords) -> list[str]:
    phone = words.phone.replace("{extension}", "${RINGBRIDGE_EXTENSION}")
    return _extension(
        "phone",
        f"Set(RINGBRIDGE_DIAL={phone})",
        NOTHING_TO_DIAL,
        f"Dial(${{RINGBRIDGE_DIAL}},${{RINGBRIDGE_SECONDS}},{words.options})",
        "Goto(hop,1)",
    )


def _freepbx_phone() -> list[str]:
    """The device itself, as FreePBX's dial-one dials it (every contact of a PJSIP phone), after its recording check."""
    device = "${DB(DEVICE/${DB(AMPUSER/${RINGBRIDGE_EXTENSION}/device)}/dial)}"
    forward = "${DB(CF/${RINGBRIDGE_EXTENSION})}"
    recording = "sub-record-check,s,1(exten,${RINGBRIDGE_EXTENSION},dontcare)"
    return _extension(
        "phone",
        "GotoIf($[${LEN(${DB(DND/${RINGBRIDGE_EXTENSION})})}]?hop,1)",
        f"Set(RINGBRIDGE_DIAL={device})",
        'ExecIf($["${RINGBRIDGE_DIAL:0:6}" = "PJSIP/"]?'
        "Set(RINGBRIDGE_DIAL=${PJSIP_DIAL_CONTACTS(${RINGBRIDGE_DIAL:6})}))",
        f"ExecIf($[${{LEN({forward})}}]?Set(RINGBRIDGE_DIAL=Local/{forward}@from-internal/n))",
        NOTHING_TO_DIAL,
        "Set(__EXTTOCALL=${RINGBRIDGE_EXTENSION})",
        "Set(__PICKUPMARK=${RINGBRIDGE_EXTENSION})",
        f"GosubIf($[${{DIALPLAN_EXISTS(sub-record-check,s,1)}}]?{recording})",
        "Dial(${RINGBRIDGE_DIAL},${RINGBRIDGE_SECONDS},${DIAL_OPTIONS}I)",
        "Set(__PICKUPMARK=)",
        "Goto(hop,1)",
    )


def _extension(name: str, *steps: str) -> list[str]:
    first, *others = steps
    return [f"exten => {name},1,{first}", *(f" same => n,{step}" for step in others)]
