"""The report of a week as a letter: text, and the same as HTML. Pure."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from email.message import EmailMessage

from babel.dates import format_date
from babel.numbers import format_decimal

from ringbridge.service.report_config import Language, ReportConfig
from ringbridge.store.analytics import Callbacks, Sums

MOST_SOURCES = 15

RUSSIAN = {
    "Calls of the week %s": "Звонки за неделю %s",
    "this week": "за неделю",
    "the week before": "неделей раньше",
    "Incoming calls": "Входящие звонки",
    "Answered": "Отвечено",
    "Missed": "Пропущено",
    "Missed, and nobody spoke with the client since": "Пропущено, и с клиентом так и не поговорили",
    "Different clients": "Разных клиентов",
    "Wait for an answer, on average": "Ожидание ответа, в среднем",
    "Outgoing calls": "Исходящие звонки",
    "Incoming calls by source": "Входящие по источникам",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Of one week. `sources`: incoming calls by what brought them, the most first."""

    inbound: Sums
    outbound: Sums
    clients: int
    callbacks: Callbacks
    sources: Mapping[str, Sums]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    title: str
    now: str
    before: str


def letter(config: ReportConfig, monday: date, now: Figures, before: Figures) -> EmailMessage:
    words = Words(config.language)
    days = f"{words.day(monday)} – {words.day(monday + timedelta(days=6))}"
    title = words.say("Calls of the week %s") % days
    totals, sources = list(lines(now, before, words)), list(source_lines(now, before, words))
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = title, config.sender, ", ".join(config.to)
    message.set_content(as_text(title, totals, sources, words))
    message.add_alternative(as_html(title, totals, sources, words), subtype="html")
    return message


@dataclass(frozen=True, slots=True)
class Words:
    language: Language

    def say(self, text: str) -> str:
        return RUSSIAN[text] if self.language is Language.RUSSIAN else text

    def day(self, day: date) -> str:
        return str(format_date(day, "d MMM", locale=self._locale))

    def count(self, number: int) -> str:
        return str(format_decimal(number, locale=self._locale))

    def of(self, part: int, whole: int) -> str:
        return f"{self.count(part)} ({100 * part / whole:.0f}%)" if whole else "–"

    def mean(self, seconds: int, count: int) -> str:
        if not count:
            return "–"
        minutes, rest = divmod(round(seconds / count), 60)
        return f"{minutes}:{rest:02}"

    @property
    def _locale(self) -> str:
        return "en_GB" if self.language is Language.ENGLISH else "ru"


def lines(now: Figures, before: Figures, words: Words) -> Iterator[Line]:
    told = [
        (
            words.count(one.inbound.calls),
            words.of(one.inbound.answered, one.inbound.calls),
            words.of(one.inbound.calls - one.inbound.answered, one.inbound.calls),
            words.count(one.callbacks.missed - one.callbacks.spoken - one.callbacks.withheld),
            words.count(one.clients),
            words.mean(one.inbound.answered_wait, one.inbound.answered),
            words.count(one.outbound.calls),
        )
        for one in (now, before)
    ]
    titles = (
        "Incoming calls",
        "Answered",
        "Missed",
        "Missed, and nobody spoke with the client since",
        "Different clients",
        "Wait for an answer, on average",
        "Outgoing calls",
    )
    for title, this, last in zip(titles, *told, strict=True):
        yield Line(title=words.say(title), now=this, before=last)


def source_lines(now: Figures, before: Figures, words: Words) -> Iterator[Line]:
    for name, sums in list(now.sources.items())[:MOST_SOURCES]:
        last = before.sources.get(name, Sums())
        yield Line(title=name, now=words.count(sums.calls), before=words.count(last.calls))


def as_text(title: str, totals: list[Line], sources: list[Line], words: Words) -> str:
    head = f"{title}\n({words.say('this week')}; {words.say('the week before')})\n"
    by_source = ["", words.say("Incoming calls by source"), *map(plain, sources)] if sources else []
    return "\n".join([head, *map(plain, totals), *by_source, ""])


def plain(line: Line) -> str:
    return f"{line.title}: {line.now}; {line.before}"


def as_html(title: str, totals: list[Line], sources: list[Line], words: Words) -> str:
    by_source = f"<h2>{words.say('Incoming calls by source')}</h2>{table(sources, words)}" if sources else ""
    return f"<!doctype html><html><body><h1>{html.escape(title)}</h1>{table(totals, words)}{by_source}</body></html>"


def table(told: list[Line], words: Words) -> str:
    cells = "".join(
        f'<tr><td>{html.escape(line.title)}</td><td align="right"><b>{line.now}</b></td>'
        f'<td align="right">{line.before}</td></tr>'
        for line in told
    )
    head = f"<tr><th></th><th>{words.say('this week')}</th><th>{words.say('the week before')}</th></tr>"
    return f'<table cellpadding="6">{head}{cells}</table>'
