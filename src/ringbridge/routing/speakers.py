"""Who of the CRM's users spoke in a call, and which recording holds what they said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from ringbridge.routing.intents import UserId
from ringbridge.routing.office import Portal, Transfers
from ringbridge.telephony.model import Call, Recording, Talk

MARGIN = timedelta(seconds=2)
"""A recording is begun a moment before or after the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """A CRM user's share of a call."""

    user: UserId
    talks: tuple[Talk, ...]

    @property
    def seconds(self) -> int:
        """Whole seconds; an answered call has at least one, or the CRM takes it for missed."""
        return max(1, round(sum(talk.length.total_seconds() for talk in self.talks)))


def speakers_of(call: Call, portal: Portal) -> list[Speaker]:
    """Who spoke, in the order they first did; several phones of one user are one speaker."""
    shares: dict[UserId, list[Talk]] = {}
    for talk in call.talks:
        shares.setdefault(portal.staff.user_or_default(talk.extension), []).append(talk)
    if portal.transfers is Transfers.SINGLE and shares:
        last = portal.staff.user_or_default(call.talks[-1].extension)
        return [Speaker(user=last, talks=call.talks)]
    return [Speaker(user=user, talks=tuple(talks)) for user, talks in shares.items()]


def recording_of(call: Call, talks: Sequence[Talk]) -> Recording | None:
    """The file in which these talks are: of the client's own channel if that is recorded (it lives as long as the
    call), and of several the last begun before the talk, so that who took the call over gets their own part."""
    begun = [recording for recording in call.recordings if recording.start <= talks[0].start + MARGIN]
    of_client = [recording for recording in begun if recording.channel in call.client_channels]
    candidates = of_client or begun or list(call.recordings)
    return max(candidates, key=lambda recording: recording.start, default=None)
