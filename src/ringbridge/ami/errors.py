"""What can go wrong between us and the PBX.

::

    AmiError
    ├── NotConnected        no link at the moment, or it broke before the answer: nothing is known of the action's fate
    ├── LoginRefused        the PBX does not take our name and password
    ├── ActionRefused       the PBX (or we, before sending) said no to one action; the link is fine
    └── PeerSpokeNonsense   what answers on that port is not Asterisk's manager interface
"""

from __future__ import annotations


class AmiError(Exception):
    """Anything that keeps an action from being answered."""


class NotConnected(AmiError):
    """There is no link, it broke, or the answer did not come in time.

    ``sent`` tells whether the action had left already: then the PBX may have carried it out, and it must not be
    sent again by itself (nobody wants to be rung twice).
    """

    def __init__(self, message: str, *, sent: bool = False) -> None:
        super().__init__(message)
        self.sent = sent


class LoginRefused(AmiError):
    """The PBX refused the login; trying again at once would only fill its security log."""


class ActionRefused(AmiError):
    """One action was refused.

    ``action`` is its name, ``reason`` the PBX's own words, ``missing_right`` the manager class that would allow it
    (``write = …`` in manager.conf) when the refusal was about rights.
    """

    def __init__(self, action: str, reason: str, *, missing_right: str | None = None) -> None:
        needs = f" (the manager user needs write = {missing_right})" if missing_right else ""
        super().__init__(f"{action}: {reason}{needs}")
        self.action = action
        self.reason = reason
        self.missing_right = missing_right


class PeerSpokeNonsense(AmiError):
    """The bytes that came are not AMI: another service listens on that port, or TLS is on at one end only."""
