"""JSON Web Tokens (RFC 7519) as the platform signs them.

Access tokens are signed with RS256 by a key that only the platform has; the widget's one-time tokens with HS256 by
the integration's own secret, those of its bots with HS512.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

_KEY_BITS = 2048


def by_platform(claims: Mapping[str, Any]) -> str:
    """RS256."""
    signed = _signed_part("RS256", claims)
    return f"{signed}.{_base64(_key().sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def by_secret(claims: Mapping[str, Any], secret: str, *, bits: int = 256) -> str:
    """HS256 or HS512."""
    signed = _signed_part(f"HS{bits}", claims)
    return f"{signed}.{_base64(hmac.digest(secret.encode(), signed.encode(), hashlib.new(f'sha{bits}').name))}"


def public_key() -> rsa.RSAPublicKey:
    """What the platform's signatures are checked with."""
    return _key().public_key()


def claims_of(token: str) -> dict[str, Any]:
    """What a token says, unchecked."""
    body = token.split(".")[1]
    said: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return said


def _signed_part(algorithm: str, claims: Mapping[str, Any]) -> str:
    return f"{_part({'typ': 'JWT', 'alg': algorithm})}.{_part(claims)}"


def _part(content: Mapping[str, Any]) -> str:
    return _base64(json.dumps(content, separators=(",", ":")).encode())


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@functools.cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
