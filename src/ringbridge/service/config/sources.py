"""What brings an office's calls: the advertisement behind a trunk or a number, as it is configured. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ringbridge.routing.rules import Answers, Rule
from ringbridge.service.config import Office
from ringbridge.service.config.trunk import LeadConfig
from ringbridge.telephony.numbers import comparable


def source_names(office: Office) -> Callable[[str, str], str]:
    """Of a trunk and the number called: the number's own name, else the trunk's, else nothing. Numbers are the same
    however they are written."""
    trunks = {trunk.name: trunk.source for trunk in office.trunk}
    numbers = {comparable(one.number, office.region): one.source for one in office.number}

    def name(trunk: str, did: str) -> str:
        own = numbers.get(comparable(did, office.region)) if did else None
        return own or trunks.get(trunk, "")

    return name


def lead_rules(office: Office) -> Iterator[Rule]:
    """What numbers and trunks say of new clients, as rules that stand behind the office's own."""
    for one in office.number:
        called = frozenset({one.number, comparable(one.number, office.region)})
        yield from _rule(_named(one.title, one.number), called, one.lead)
    for trunk in office.trunk:
        yield from _rule(_named(trunk.title, trunk.name), frozenset({trunk.name}), trunk.lead)


def _named(title: str, name: str) -> str:
    """In every language: it stands in the stories of calls."""
    return f"{title} ({name})" if title else name


def _rule(name: str, trunks: frozenset[str], lead: LeadConfig) -> Iterator[Rule]:
    answers = Answers(
        source=lead.source or None,
        pipeline=lead.pipeline or None,
        stage=lead.stage or None,
        tags=lead.tags or None,
    )
    if answers != Answers():
        yield Rule(name=name, trunks=trunks, answers=answers)
