"""Working hours: when the office is open, and when so much working time will have passed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

MONDAY_TO_FRIDAY = frozenset(range(5))
LONGEST_LOOK = 400  # days ahead: longer than any holiday


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingHours:
    """One span a day, on these days of the week (Monday is 0), none on holidays. A span may pass midnight."""

    opens: time = time(9)
    closes: time = time(18)
    days: frozenset[int] = MONDAY_TO_FRIDAY
    holidays: frozenset[date] = frozenset()
    zone: tzinfo = UTC

    def open_at(self, at: datetime) -> bool:
        local = at.astimezone(self.zone)
        return any(
            start <= local < end for start, end in map(self._span, (local.date(), _before(local.date()))) if start
        )

    def after(self, start: datetime, working: timedelta) -> datetime:
        """The moment at which so much working time has passed since `start`; simply later where the office never
        opens."""
        left, day = working, _before(start.astimezone(self.zone).date())
        for _ in range(LONGEST_LOOK):
            opens, closes = self._span(day)
            if opens is not None and closes > start:
                begin = max(opens, start.astimezone(self.zone))
                if closes - begin >= left:
                    return (begin + left).astimezone(start.tzinfo)
                left -= closes - begin
            day += timedelta(days=1)
        return start + working

    def _span(self, day: date) -> tuple[datetime | None, datetime]:
        if day.weekday() not in self.days or day in self.holidays:
            return None, datetime.min.replace(tzinfo=self.zone)
        start = datetime.combine(day, self.opens, self.zone)
        end = datetime.combine(day, self.closes, self.zone)
        return start, end if end > start else end + timedelta(days=1)


def _before(day: date) -> date:
    return day - timedelta(days=1)
