"""The router behind FastAGI: ``AGI(agi://127.0.0.1:4574/route,number called,choice)``."""

from __future__ import annotations

from collections.abc import Mapping

from ringbridge.agi import Opened
from ringbridge.pbx.fastagi import Answer
from ringbridge.routing.distribution import RouteQuestion
from ringbridge.routing.route_answer import variables_of
from ringbridge.service.distribution.router import Router
from ringbridge.telephony.channels import endpoint_of


def question_of(opened: Opened) -> RouteQuestion:
    """What the arguments or the address do not say, the channel does."""
    did, choice = (*opened.arguments, "", "")[:2]
    asked = opened.query
    return RouteQuestion(
        number=asked.get("number", "") or opened.get("callerid"),
        did=did or asked.get("did", "") or opened.get("dnid"),
        trunk=asked.get("trunk", "") or endpoint_of(opened.get("channel")),
        uniqueid=opened.get("uniqueid"),
        choice=choice or asked.get("choice", ""),
    )


def answering(router: Router) -> Answer:
    async def answer(opened: Opened) -> Mapping[str, str]:
        return variables_of(await router.ask(question_of(opened)))

    return answer
