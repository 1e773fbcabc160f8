"""SIP messages as values: bytes to a message and back, and the few header parts a phone needs (RFC 3261)."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class SipMessage:
    start: str
    headers: Headers
    body: bytes = b""

    @classmethod
    def parse(cls, data: bytes) -> SipMessage:
        head, _, body = data.partition(b"\r\n\r\n")
        start, *lines = head.decode("utf-8", "replace").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        return cls(start, tuple((name.strip(), value.strip()) for name, _, value in pairs), body)

    def encode(self) -> bytes:
        lines = [self.start, *(f"{name}: {value}" for name, value in self.headers), f"Content-Length: {len(self.body)}"]
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + self.body

    @property
    def is_response(self) -> bool:
        return self.start.startswith("SIP/2.0 ")

    @property
    def code(self) -> int:
        return int(self.start.split()[1])

    @property
    def method(self) -> str:
        """Of a request its own; of a response the one it answers."""
        return self.get("CSeq").split()[1] if self.is_response else self.start.split()[0]

    def get(self, name: str) -> str:
        """The first value of a header; empty when it is missing."""
        return next(iter(self.all(name)), "")

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def branch(self) -> str:
        return _found(r"branch=([^;\s,]+)", self.get("Via"))


def request(method: str, uri: str, headers: Iterable[tuple[str, str]], body: bytes = b"") -> SipMessage:
    return SipMessage(f"{method} {uri} SIP/2.0", tuple(headers), body)


def response(
    to: SipMessage, code: int, reason: str, *, tag: str, headers: Iterable[tuple[str, str]] = (), body: bytes = b""
) -> SipMessage:
    """The answer to a request; `tag` marks our side of the dialog unless the request already does."""
    kept = [(name, value) for name in ("Via", "Record-Route") for value in to.all(name)]
    receiver = to.get("To")
    if code > 100 and not tag_of(receiver):
        receiver += f";tag={tag}"
    kept += [("From", to.get("From")), ("To", receiver), ("Call-ID", to.get("Call-ID")), ("CSeq", to.get("CSeq"))]
    return SipMessage(f"SIP/2.0 {code} {reason}", (*kept, *headers), body)


def token(size: int = 8) -> str:
    """Random letters for tags, Call-IDs and branches."""
    return secrets.token_hex(size)


def new_branch() -> str:
    return "z9hG4bK" + token()


def tag_of(value: str) -> str:
    return _found(r";tag=([^;>\s]+)", value)


def uri_of(value: str) -> str:
    return _found(r"<([^>]+)>", value) or value.split(";")[0].strip()


def user_of(value: str) -> str:
    return _found(r"sips?:([^@>;]+)@", value)


def display_name_of(value: str) -> str:
    return _found(r'^\s*"((?:[^"\\]|\\.)*)"\s*<', value)


def credentials(challenge: SipMessage, *, method: str, uri: str, user: str, password: str) -> tuple[str, str]:
    """The header that answers a 401 or 407 (digest with MD5, RFC 2617)."""
    asked, answering = (
        ("WWW-Authenticate", "Authorization")
        if challenge.code == 401
        else ("Proxy-Authenticate", "Proxy-Authorization")
    )
    terms = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge.get(asked)))
    secret = _md5(f"{user}:{terms['realm']}:{password}")
    deed = _md5(f"{method}:{uri}")
    nonce, realm = terms["nonce"], terms["realm"]
    parts = [f'username="{user}"', f'realm="{realm}"', f'nonce="{nonce}"', f'uri="{uri}"', "algorithm=MD5"]
    if "qop" in terms:
        client_nonce = token(4)
        proof = _md5(f"{secret}:{nonce}:00000001:{client_nonce}:auth:{deed}")
        parts += ["qop=auth", "nc=00000001", f'cnonce="{client_nonce}"']
    else:
        proof = _md5(f"{secret}:{nonce}:{deed}")
    if "opaque" in terms:
        parts.append(f'opaque="{terms["opaque"]}"')
    return answering, "Digest " + ", ".join([*parts, f'response="{proof}"'])


def audio_offer(address: str, port: int, *, version: int, mode: str = "sendrecv") -> bytes:
    """The SDP of a phone that speaks A-law and sends keys as telephone-events."""
    lines = [
        "v=0",
        f"o=- 1 {version} IN IP4 {address}",
        "s=-",
        f"c=IN IP4 {address}",
        "t=0 0",
        f"m=audio {port} RTP/AVP 8 101",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-16",
        "a=ptime:20",
        f"a={mode}",
    ]
    return "".join(f"{line}\r\n" for line in lines).encode()


def audio_address(offer: bytes) -> tuple[str, int] | None:
    """Where the other side wants to hear us."""
    text = offer.decode("latin-1")
    host, port = _found(r"(?m)^c=IN IP4 (\S+)", text), _found(r"(?m)^m=audio (\d+)", text)
    return (host, int(port)) if host and port else None


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    return match.group(1) if match else ""


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
