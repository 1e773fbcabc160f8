"""Who talks with the client: looked at anew whenever a channel has moved."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ringbridge.telephony.channels import Channel
from ringbridge.telephony.events import CallAnswered
from ringbridge.telephony.opencall import OpenCall
from ringbridge.telephony.pieces import OpenTalk
from ringbridge.telephony.switchboard import Switchboard


def update_talks(board: Switchboard, calls: Iterable[OpenCall], at: datetime, mover: Channel | None = None) -> None:
    """Ends and begins talks of these calls. `mover` is the channel whose move is the reason."""
    for call in calls:
        together: dict[str, Channel] = {}
        bridge = None  # the client's
        for client in filter(None, map(board.channels.get, call.clients)):
            bridge = client.bridge or bridge
            together |= {person.uniqueid: person for person in board.people_hearing(client, call)}
        _know_again(board, call, together.values())
        for talk in call.talks:
            if talk.end is None and talk.channel not in together:
                talk.end = at
                talk.client_left = mover is not None and mover.uniqueid in call.clients
                talk.waits_in = None if talk.client_left else bridge
        for uniqueid, person in together.items():
            if call.open_talk(uniqueid) is None and not call.resume(uniqueid, at, bridge):
                _begin(board, call, person, at)


def _know_again(board: Switchboard, call: OpenCall, people: Iterable[Channel]) -> None:
    """A talk from before a restart of ours goes on: of whoever hears the client, their extension tells who it is."""
    for talk in call.talks:
        if talk.end is None and not talk.channel:
            person = next((one for one in people if board.person(one) == talk.extension), None)
            if person is not None and call.open_talk(person.uniqueid) is None:
                talk.channel, talk.name = person.uniqueid, person.name


def _begin(board: Switchboard, call: OpenCall, person: Channel, at: datetime) -> None:
    talk = OpenTalk(extension=board.person(person), channel=person.uniqueid, name=person.name, start=at)
    call.talks.append(talk)
    call.answered(person.uniqueid, at)
    call.fetched_by(talk.extension)
    board.tell(call, CallAnswered, at, talk=talk.snapshot())
