"""Which calls a page of analytics is about, as it stands in the page's address. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from urllib.parse import urlencode

from ringbridge.web.search import LONGEST, day, start_of

FIELDS = ("from", "to", "period", "source", "queue", "employee", "by", "deals")
ALL_TIME = "all"
USUAL_DAYS = 30
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """`first` and `last` are days of the office, None both: all time."""

    view: str
    fields: Mapping[str, str]  # as they were written, the days as they are meant
    first: date | None
    last: date | None
    zone: tzinfo
    mistaken: bool = False  # a date could not be read

    @property
    def since(self) -> datetime | None:
        return start_of(self.first, self.zone) if self.first else None

    @property
    def until(self) -> datetime | None:
        return start_of(self.last + DAY, self.zone) if self.last else None

    @property
    def days(self) -> int | None:
        return (self.last - self.first).days + 1 if self.first and self.last else None

    @property
    def before(self) -> tuple[datetime, datetime] | None:
        """As many days, just before; None where there are none."""
        if self.first is None or self.days is None:
            return None
        try:
            return start_of(self.first - self.days * DAY, self.zone), start_of(self.first, self.zone)
        except OverflowError:  # before the calendar
            return None

    def address(self, view: str | None = None, **other: str) -> str:
        """This question put to a page, with some fields otherwise."""
        fields = {**self.fields, **other}
        query = urlencode({name: value for name, value in fields.items() if value})
        return f"/analytics/{view or self.view}" + (f"?{query}" if query else "")

    def shortcuts(self, today: date) -> dict[str, str]:
        """Addresses of the usual periods, by name."""
        monday, first = today - today.weekday() * DAY, today.replace(day=1)
        month_before = (first - DAY).replace(day=1)
        spans = {
            "today": (today, today),
            "week": (monday, today),
            "last week": (monday - 7 * DAY, monday - DAY),
            "month": (first, today),
            "last month": (month_before, first - DAY),
        }
        found = {
            name: self.address(**{"from": start.isoformat(), "to": end.isoformat(), "period": ""})
            for name, (start, end) in spans.items()
        }
        return found | {"all time": self.address(**{"from": "", "to": "", "period": ALL_TIME})}


def read_question(view: str, query: Mapping[str, str], zone: tzinfo, today: date) -> Question:
    """Without days: the last thirty. `today` is the office's."""
    fields = {name: query.get(name, "").strip()[:LONGEST] for name in FIELDS}
    first, last = day(fields["from"]), day(fields["to"])
    mistaken = bool(fields["from"] and not first) or bool(fields["to"] and not last)
    if fields["period"] == ALL_TIME and not (first or last):
        return Question(view=view, fields=fields, first=None, last=None, zone=zone, mistaken=mistaken)
    if first and last and first > last:
        first, last = last, first
    last = min(last or max(today, first or today), date.max - DAY)  # the day after it is in the calendar too
    first = min(first or max(last, date.min + USUAL_DAYS * DAY) - (USUAL_DAYS - 1) * DAY, last)
    fields |= {"from": first.isoformat(), "to": last.isoformat(), "period": ""}
    return Question(view=view, fields=fields, first=first, last=last, zone=zone, mistaken=mistaken)
