"""The report of a week as a letter: text, and the same as HTML. Pure."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from email.message import EmailMessage

from babel.dates import format_date
from babel.numbers import format_decimal

from ringbridge.service.config.report import Language, ReportConfig
from ringbridge.store.statistics.analytics import Sums
from ringbridge.store.statistics.callbacks import Callbacks
from ringbridge.store.statistics.conversion import Takings

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
    "Leads that these calls brought": "Лиды после этих звонков",
    "Deals that these calls brought": "Сделки после этих звонков",
    "Clients with a deal": "Клиентов со сделкой",
    "Deals won in the week": "Успешных сделок за неделю",
    "Sum of deals won": "Сумма успешных сделок",
    "Deals by source": "Сделки по источникам",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Of one week. `sources`: incoming calls by what brought them, the most first; `deals`: how many each brought.

    `brought` is what the calls of the week brought so far. `won` are the deals that were won in it, whenever their
    calls were: those of the last days are open still, so that no week would look as good as the one before.
    """

    inbound: Sums
    outbound: Sums
    clients: int
    callbacks: Callbacks
    sources: Mapping[str, Sums]
    brought: Takings
    won: Takings
    deals: Mapping[str, int]

    @property
    def has_deals(self) -> bool:
        return bool(self.brought.leads or self.brought.deals or self.won.won)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    title: str
    now: str
    before: str


def letter(config: ReportConfig, monday: date, now: Figures, before: Figures) -> EmailMessage:
    words = Words(config.language)
    days = f"{words.day(monday)} – {words.day(monday + timedelta(days=6))}"
    title = words.say("Calls of the week %s") % days
    tables = {
        "": list(lines(now, before, words)),
        words.say("Incoming calls by source"): list(source_lines(now, before, words)),
        words.say("Deals by source"): list(deal_lines(now, before, words)),
    }
    told = {head: table for head, table in tables.items() if table}
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = title, config.sender, ", ".join(config.to)
    message.set_content(as_text(title, told, words))
    message.add_alternative(as_html(title, told, words), subtype="html")
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

    def money(self, hundredths: int) -> str:
        return str(format_decimal(hundredths / 100, "#,##0", locale=self._locale))

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
    if now.has_deals or before.has_deals:
        yield from money_lines(now, before, words)


def money_lines(now: Figures, before: Figures, words: Words) -> Iterator[Line]:
    told = [
        (
            words.count(one.brought.leads),
            words.count(one.brought.deals),
            words.of(one.brought.with_deal, one.clients),
            words.count(one.won.won),
        )
        for one in (now, before)
    ]
    titles = (
        "Leads that these calls brought",
        "Deals that these calls brought",
        "Clients with a deal",
        "Deals won in the week",
    )
    for title, this, last in zip(titles, *told, strict=True):
        yield Line(title=words.say(title), now=this, before=last)
    for currency in sorted({*now.won.money, *before.won.money}):
        this, last = (words.money(one.won.money.get(currency, 0)) for one in (now, before))
        yield Line(title=", ".join(filter(None, (words.say("Sum of deals won"), currency))), now=this, before=last)


def source_lines(now: Figures, before: Figures, words: Words) -> Iterator[Line]:
    for name, sums in list(now.sources.items())[:MOST_SOURCES]:
        last = before.sources.get(name, Sums())
        yield Line(title=name, now=words.count(sums.calls), before=words.count(last.calls))


def deal_lines(now: Figures, before: Figures, words: Words) -> Iterator[Line]:
    most_first = sorted(now.deals.items(), key=lambda one: -one[1])
    for name, count in most_first[:MOST_SOURCES]:
        yield Line(title=name, now=words.count(count), before=words.count(before.deals.get(name, 0)))


def as_text(title: str, tables: Mapping[str, list[Line]], words: Words) -> str:
    head = f"{title}\n({words.say('this week')}; {words.say('the week before')})"
    told = [line for of, lines in tables.items() for line in ("", *filter(None, [of]), *map(plain, lines))]
    return "\n".join([head, *told, ""])


def plain(line: Line) -> str:
    return f"{line.title}: {line.now}; {line.before}"


def as_html(title: str, tables: Mapping[str, list[Line]], words: Words) -> str:
    told = "".join((f"<h2>{html.escape(of)}</h2>" if of else "") + table(lines, words) for of, lines in tables.items())
    return f"<!doctype html><html><body><h1>{html.escape(title)}</h1>{told}</body></html>"


def table(told: list[Line], words: Words) -> str:
    cells = "".join(
        f'<tr><td>{html.escape(line.title)}</td><td align="right"><b>{line.now}</b></td>'
        f'<td align="right">{line.before}</td></tr>'
        for line in told
    )
    head = f"<tr><th></th><th>{words.say('this week')}</th><th>{words.say('the week before')}</th></tr>"
    return f'<table cellpadding="6">{head}{cells}</table>'
