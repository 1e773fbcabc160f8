"""Analytics: what the calls of a period come to, by source, employee, hour, missed call, queue and deal.

Employees see what concerns their own phones: theirs are two of the views, whose figures are theirs alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from babel.dates import format_datetime, format_timedelta, get_day_names
from babel.numbers import format_compact_decimal, format_decimal, get_currency_symbol
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ringbridge.store.database import Transaction
from ringbridge.store.statistics import analytics, stats
from ringbridge.store.statistics.conversion import Which
from ringbridge.store.users import Role
from ringbridge.web import language as languages
from ringbridge.web.analytics import deals, deals_list, employees, hours, missed, queues, sheets, sources
from ringbridge.web.analytics.question import Question, read_question
from ringbridge.web.analytics.report import Kind, Report, Tile, Value
from ringbridge.web.analytics.sources import Sources
from ringbridge.web.auth.visitor import visitor_of
from ringbridge.web.rendering import Pages, call_address, duration, percent, spaced
from ringbridge.web.words import N_

VIEWS = {
    "sources": N_("Sources"),
    "employees": N_("Employees"),
    "hours": N_("Hours"),
    "missed": N_("Missed calls"),
    "queues": N_("Queues"),
    "deals": N_("Deals"),
}
OF_EMPLOYEES = ("employees", "hours")  # what one may see of their own calls alone
PERIODS = {
    "today": N_("Today"),
    "week": N_("This week"),
    "last week": N_("Last week"),
    "month": N_("This month"),
    "last month": N_("Last month"),
    "all time": N_("All time"),
}
MILLION = 1_000_000
POINTS = {"en": "pp", "ru": "п.\xa0п."}  # percentage points
FILES = {"csv": sheets.CSV, "xlsx": sheets.XLSX}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A question's answer: the table, and what a view shows besides."""

    report: Report
    tiles: tuple[Tile, ...] = ()
    more: dict[str, Any] = field(default_factory=dict)


class Analytics:
    def __init__(self, pages: Pages) -> None:
        self._pages, self._services = pages, pages.services

    @property
    def routes(self) -> list[Route]:
        return [Route("/analytics", self.begin), Route("/analytics/{view}", self.page)]

    async def begin(self, request: Request) -> Response:
        return RedirectResponse(f"/analytics/{allowed(request)[0]}", status_code=303)

    async def page(self, request: Request) -> Response:
        view, form = request.path_params["view"], request.query_params.get("format", "")
        if view not in allowed(request) or (form and form not in FILES):
            raise HTTPException(404)
        today = self._services.now().astimezone(self._services.zone).date()
        question = read_question(view, request.query_params, self._services.zone, today)
        async with self._services.database.reading() as tx:
            known = Sources.of(await analytics.lanes(tx), self._name_of_source)
            progress = await stats.progress(tx)
        told = await self._answer(request, question, known, is_file=bool(form))
        if form:
            return self._file(request, question, told.report, form)
        return await self._pages.page(
            request,
            "analytics.html",
            views={name: title for name, title in VIEWS.items() if name in allowed(request)},
            question=question,
            periods={name: (PERIODS[name], address) for name, address in question.shortcuts(today).items()},
            sources=known.choices,
            employees=self._choices_of_employees(request),
            files={name: question.address(format=name) for name in FILES},
            counting=progress if progress.upto is not None else None,
            show=partial(shown, languages.language_of(request)),
            changed=partial(changed, languages.language_of(request)),
            report=told.report,
            tiles=told.tiles or told.report.tiles,
            **{"week": None, "title": VIEWS[view], **told.more},
        )

    async def _answer(self, request: Request, question: Question, known: Sources, *, is_file: bool) -> Told:
        # These read several things at once, and so must hold nothing meanwhile.
        if question.view == "sources":
            return Told(report=await sources.by_source(self._services.database, question, known))
        if question.view == "deals" and not deals_list.which_of(question):
            return await self._deals(request, question, known)
        async with self._services.database.reading() as tx:
            return await self._answer_of(tx, request, question, known, is_file=is_file)

    async def _answer_of(
        self, tx: Transaction, request: Request, question: Question, known: Sources, *, is_file: bool
    ) -> Told:
        visitor = visitor_of(request)
        own = visitor.own if visitor else ()
        match question.view:
            case "employees":
                return Told(report=await employees.by_employee(tx, question, own, self._services.employee))
            case "queues":
                return Told(report=await queues.by_queue(tx, question, known))
            case "hours":
                found = await hours.by_hour(tx, question, known, own)
                weekdays = weekday_names(request)
                report = hours.report(found, weekdays.__getitem__)
                return Told(report=report, more={"week": hours.week_of(found), "weekdays": weekdays})
            case "deals":
                return await self._list_of_deals(tx, request, question, known, is_file=is_file)
            case _:
                most = missed.MOST_IN_A_FILE if is_file else missed.SHOWN
                found_calls = await missed.calls(tx, question, known, waiting=not is_file, most=most)
                return Told(
                    report=self._missed(request, known, found_calls), tiles=await missed.figures(tx, question, known)
                )

    async def _deals(self, request: Request, question: Question, known: Sources) -> Told:
        say, database = saying(request), self._services.database
        if question.fields["by"] == deals.BY_EMPLOYEE:
            report = await deals.by_employee(database, question, self._services.employee, say)
        else:
            report = await deals.by_source(database, question, known, say)
        return Told(report=report, more={"sales": self._services.sales()})

    async def _list_of_deals(
        self, tx: Transaction, request: Request, question: Question, known: Sources, *, is_file: bool
    ) -> Told:
        which = deals_list.which_of(question) or Which.DEALS
        report = await deals_list.report(
            tx,
            question,
            which,
            known,
            deals_list.MOST_IN_A_FILE if is_file else deals_list.SHOWN,
            say=saying(request),
            written=self._writing(request),
            phone=lambda number: spaced(number, self._services.region),
            employee=self._services.employee,
            card=self._services.card,
        )
        return Told(report=report, more={"sales": self._services.sales(), "title": deals_list.TITLES[which]})

    def _writing(self, request: Request) -> Callable[[datetime], str]:
        zone, locale = self._services.zone, languages.locale(languages.language_of(request))
        return lambda at: str(format_datetime(at, "short", tzinfo=zone, locale=locale))

    def _missed(self, request: Request, known: Sources, found: Any) -> Report:
        say = saying(request)
        return missed.report(
            found,
            known,
            written=self._writing(request),
            phone=lambda number: spaced(number, self._services.region) if number else say(N_("Number withheld")),
            employee=self._services.employee,
            address=call_address,
        )

    def _name_of_source(self, trunk: str, did: str) -> str:
        if name := self._services.source(trunk, did):
            return name
        return " · ".join(filter(None, (trunk, spaced(did, self._services.region) if did else "")))

    def _choices_of_employees(self, request: Request) -> dict[str, str]:
        """Extension -> name, of those whom the visitor may ask about."""
        visitor, phones = visitor_of(request), self._services.phones()
        chosen = phones if visitor is None or visitor.own is None else {one: phones.get(one, "") for one in visitor.own}
        return dict(sorted(chosen.items(), key=lambda one: (one[1].casefold(), one[0])))

    def _file(self, request: Request, question: Question, report: Report, form: str) -> Response:
        say = saying(request)
        title = say(VIEWS[question.view])
        body = sheets.as_csv(report, say) if form == "csv" else sheets.as_xlsx(report, say, title)
        days = f"-{question.first}-{question.last}" if question.first else ""
        headers = {
            "Content-Disposition": f'attachment; filename="ringbridge-{question.view}{days}.{form}"',
            "Cache-Control": "no-store",
        }
        return Response(body, media_type=FILES[form], headers=headers)


def allowed(request: Request) -> tuple[str, ...]:
    """The views that the visitor may open, the first one first."""
    visitor = visitor_of(request)
    return tuple(VIEWS) if visitor is not None and visitor.may(Role.SUPERVISOR) else OF_EMPLOYEES


def saying(request: Request) -> Callable[[str], str]:
    """Translates."""
    return languages.translations(languages.language_of(request)).gettext


def weekday_names(request: Request) -> dict[int, str]:
    """0: Monday."""
    return dict(get_day_names("abbreviated", "stand-alone", languages.locale(languages.language_of(request))))


def shown(language: str, kind: Kind, value: Value, unit: str = "") -> str:
    """As people write it; a dash where there is nothing to say. Of money the small change is left out; with its
    currency, `unit`, millions are written in short."""
    locale = languages.locale(language)
    match value:
        case None:
            return "–"
        case str():
            return value
        case timedelta():
            return long_or_short(value, locale)
        case _ if kind is Kind.MONEY:
            number = in_short(value, locale) if unit else str(format_decimal(value, "#,##0", locale=locale))
            return f"{number}\xa0{get_currency_symbol(unit, locale)}" if unit else number
        case _ if kind is Kind.SHARE:
            return percent(float(value), language)
        case _:
            return str(format_decimal(value, locale=locale))


def in_short(amount: Any, locale: Any) -> str:
    """``1 250 300``, ``72,9 млн``."""
    if amount < MILLION:
        return str(format_decimal(amount, "#,##0", locale=locale))
    return str(format_compact_decimal(amount, format_type="short", locale=locale, fraction_digits=1))


def long_or_short(value: timedelta, locale: Any) -> str:
    """Days and more in words: nobody counts 260 hours."""
    if value < timedelta(days=2):
        return duration(value)
    return str(format_timedelta(value, threshold=2, granularity="hour", format="short", locale=locale))


def changed(language: str, tile: Tile) -> str:
    """``+12%``; of a share its points: ``−3 pp``."""
    points = tile.points
    if points is None:
        return ""
    written: Callable[..., Any] = partial(format_decimal, locale=languages.locale(language))
    number = written(abs(points))
    sign = "+" if points > 0 else "−" if points < 0 else "±"
    return f"{sign}{number}" + (f"\xa0{POINTS[language]}" if tile.kind is Kind.SHARE else "%")
