"""The operations of ``/api/v1``: their addresses are made of these, and so is their description."""

from __future__ import annotations

from ringbridge.service.config.api import Permission
from ringbridge.web.api.operation import Answer, Door, Operation
from ringbridge.web.api.refusals import Refused
from ringbridge.web.api.told import DialAgain, OrderAgain, ToldDial, ToldOrder
from ringbridge.web.api.wishes import WantedCall, WantedCallback

OF_ANY: dict[int, Answer] = {
    401: Answer(words="no_token: the token is missing, or nobody's", model=Refused),
    403: Answer(words="not_permitted: the token may not do this; origin: not from this site", model=Refused),
    429: Answer(words="too_often: try again in a minute", model=Refused),
    503: Answer(words="store: nothing was accepted, ask again", model=Refused),
}
WITH_BODY: dict[int, Answer] = {413: Answer(words="too_large", model=Refused)}
OF_ONE: dict[int, Answer] = {
    404: Answer(words="not_found: this token asked for nothing of this id, or too long ago", model=Refused)
}
BODY = "not_understood: the body is not what is described here; the text names the field"

CALL = Operation(
    name="call",
    method="POST",
    path="/api/v1/calls",
    title="Connect an employee or a group with a number, now",
    door=Door.BEARER,
    permission=Permission.DIAL,
    body=WantedCall,
    answers=OF_ANY
    | WITH_BODY
    | {
        200: Answer(words="The same source came before: nothing new is dialled", model=DialAgain | OrderAgain),
        202: Answer(words="It is being dialled", model=ToldDial),
        400: Answer(words=BODY, model=Refused),
        409: Answer(words="not_dialled: a guard refused it; no_employee, no_group, no_portal, no_pbx", model=Refused),
    },
)
CALL_STATE = Operation(
    name="callState",
    method="GET",
    path="/api/v1/calls/{id}",
    title="What became of a call that was asked for",
    text="Requests are kept for a week.",
    door=Door.BEARER,
    permission=Permission.DIAL,
    places={"id": "As it was answered to the request."},
    answers=OF_ANY | OF_ONE | {200: Answer(words="As it stands", model=ToldDial)},
)
CALLBACK = Operation(
    name="callback",
    method="POST",
    path="/api/v1/callbacks",
    title="Order a call, as a client does",
    text="Forms of the company's site may ask here, by a token with origins.",
    door=Door.BEARER,
    permission=Permission.CALLBACK,
    body=WantedCallback,
    answers=OF_ANY
    | WITH_BODY
    | {
        200: Answer(words="The same source came before: nothing new is ordered", model=OrderAgain | DialAgain),
        202: Answer(words="It is being dialled, or waits until it is due", model=ToldOrder),
        400: Answer(words=BODY, model=Refused),
        409: Answer(
            words="not_dialled: a guard refused it; too_far: in too many days; no_group, no_portal, no_pbx",
            model=Refused,
        ),
    },
)
CALLBACK_STATE = Operation(
    name="callbackState",
    method="GET",
    path="/api/v1/callbacks/{id}",
    title="How an order stands",
    door=Door.BEARER,
    permission=Permission.CALLBACK,
    places={"id": "As it was answered to the order."},
    answers=OF_ANY | OF_ONE | {200: Answer(words="As it stands", model=ToldOrder)},
)
CANCEL = Operation(
    name="cancelCallback",
    method="DELETE",
    path="/api/v1/callbacks/{id}",
    title="Cancel an order that waits",
    door=Door.BEARER,
    permission=Permission.CALLBACK,
    places={"id": "As it was answered to the order."},
    answers=OF_ANY
    | OF_ONE
    | {
        200: Answer(words="It was cancelled", model=ToldOrder),
        409: Answer(words="not_waiting: it is being dialled, or has ended", model=Refused),
    },
)

OPERATIONS = (CALL, CALL_STATE, CALLBACK, CALLBACK_STATE, CANCEL)
