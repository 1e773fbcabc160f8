"""A report as a file: CSV, or a workbook of Excel's. Texts are data: no spreadsheet takes one for a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

from xlsxwriter import Workbook

from ringbridge.web.analytics.report import Column, Kind, Report, Value

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv; charset=utf-8"
BOM = "\ufeff"  # without it Excel takes the letters for those of the system's code page
FORMULA = re.compile(r"[=+\-@\t\r]")  # how one begins: OWASP, "CSV Injection"
TELEPHONE = re.compile(r"\+[\d ()-]+")
DAY = timedelta(days=1)
FORMATS = {Kind.COUNT: "#,##0", Kind.SHARE: "0.0%", Kind.TIME: "[h]:mm:ss", Kind.MONEY: "#,##0.00"}
WIDTHS = {Kind.TEXT: 28, Kind.COUNT: 12, Kind.SHARE: 12, Kind.TIME: 12, Kind.MONEY: 16}
MOST_LETTERS = 31  # of a sheet's name


def as_csv(report: Report, say: Callable[[str], str]) -> bytes:
    """Shares are 0 to 1, times ``h:mm:ss``, money ``1500.50``."""
    written = io.StringIO()
    lines = csv.writer(written)
    lines.writerow([head(column, say) for column in report.columns])
    lines.writerows([plain(value) for value in row.values] for row in report.rows)
    return (BOM + written.getvalue()).encode()


def head(column: Column, say: Callable[[str], str]) -> str:
    return ", ".join(filter(None, (say(column.title), column.unit)))


def plain(value: Value) -> str:
    match value:
        case None:
            return ""
        case str():
            return f"'{value}" if FORMULA.match(value) and not TELEPHONE.fullmatch(value) else value
        case timedelta():
            minutes, seconds = divmod(int(value.total_seconds()), 60)
            return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
        case float():
            return f"{value:.4f}"
        case Decimal():
            return f"{value:.2f}"
        case _:
            return str(value)


def as_xlsx(report: Report, say: Callable[[str], str], title: str) -> bytes:
    written = io.BytesIO()
    with Workbook(written, {"in_memory": True}) as book:
        sheet = book.add_worksheet(re.sub(r"[\[\]:*?/\\]", " ", title)[:MOST_LETTERS])
        bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        formats = {kind: book.add_format({"num_format": form}) for kind, form in FORMATS.items()}
        for place, column in enumerate(report.columns):
            sheet.set_column(place, place, WIDTHS[column.kind])
            sheet.write_string(0, place, head(column, say), bold)
        for line, row in enumerate(report.rows, start=1):
            for place, (column, value) in enumerate(zip(report.columns, row.values, strict=True)):
                match value:
                    case None:
                        pass
                    case str():
                        sheet.write_string(line, place, value)
                    case timedelta():
                        sheet.write_number(line, place, value / DAY, formats[column.kind])
                    case _:
                        sheet.write_number(line, place, value, formats[column.kind])
        sheet.freeze_panes(1, 1)
        sheet.autofilter(0, 0, len(report.rows), len(report.columns) - 1)
    return written.getvalue()
