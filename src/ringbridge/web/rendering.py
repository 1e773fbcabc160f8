"""Templates to answers, in the visitor's language, with the office's times and names."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import phonenumbers
from babel.dates import format_date, format_skeleton
from babel.numbers import format_percent
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.environment import TemplateModule
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from ringbridge.telephony.numbers import parse_number
from ringbridge.web import language as languages
from ringbridge.web.auth.places import needed
from ringbridge.web.auth.visitor import visitor_of
from ringbridge.web.reasons import telling, translated
from ringbridge.web.services import Services
from ringbridge.web.words import N_, STEPS, WITHHELD, WORDS, Word

HERE = Path(__file__).parent
STATIC = HERE / "static"
THEMES = ("auto", "light", "dark")
THEME_COOKIE = "theme"
STEP = re.compile(rf"\b(?:{'|'.join(STEPS)})\b")
FOR_WHOM = re.compile(r"\(user ([^)]*)\)")


class Pages:
    """One Jinja environment per language: a template's texts are looked up in that language's catalogue."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self._environments = {name: self._environment(name) for name in languages.LANGUAGES}

    async def page(self, request: Request, template: str, *, code: int = 200, **context: Any) -> HTMLResponse:
        """A whole page."""
        language, visitor = languages.language_of(request), visitor_of(request)
        html = self.fragment(
            language,
            template,
            visitor=visitor,
            path=request.url.path,
            address=f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path,
            theme=theme_of(request),
            problems=(await self.services.status()).problems if visitor else 0,
            code=code,
            **context,
        )
        headers = {"Cache-Control": "no-store", "Vary": "Accept-Language, Cookie", "Content-Language": language}
        return HTMLResponse(html, status_code=code, headers=headers)

    async def notice(self, request: Request, code: int, heading: str, advice: str) -> HTMLResponse:
        """A page that says only this; both texts are looked up in the catalogue. A reason from below may be one."""
        tell = telling(request)
        return await self.page(request, "error.html", code=code, heading=tell(heading), advice=tell(advice))

    def fragment(self, language: str, template: str, **context: Any) -> str:
        """A part of a page, or a whole one, as text."""
        now = self.services.now()
        return self._environments[language].get_template(template).render(now=now, language=language, **context)

    def macros(self, language: str, template: str) -> TemplateModule:
        """A template's macros, to be called one by one. They are given no context: what they show is handed to them."""
        return self._environments[language].get_template(template).module

    def _environment(self, language: str) -> Environment:
        environment = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            extensions=["jinja2.ext.i18n"],
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        translations = languages.translations(language)
        environment.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined]
        environment.filters |= self._filters(language, translations.gettext)
        environment.globals |= {
            "asset": asset,
            "icon": icon,
            "languages": languages.LANGUAGES,
            "tag": languages.tag(language),
            "themes": THEMES,
            "employee": self.services.employee,
            "needed": needed,
        }
        return environment

    def _filters(self, language: str, translate: Callable[[str], str]) -> dict[str, Callable[..., Any]]:
        zone, locale = self.services.zone, languages.locale(language)

        def clock(at: datetime) -> str:
            return at.astimezone(zone).strftime("%H:%M:%S")

        def exact(at: datetime) -> str:
            return at.astimezone(zone).strftime("%H:%M:%S.%f")[:-3]

        def day(at: datetime) -> str:
            """Without the year while it is this one's."""
            local, today = at.astimezone(zone), self.services.now().astimezone(zone)
            if local.year == today.year:
                return format_skeleton("MMMd", local, tzinfo=zone, locale=locale)
            return format_date(local.date(), "medium", locale=locale)

        def today(at: datetime) -> bool:
            return at.astimezone(zone).date() == self.services.now().astimezone(zone).date()

        def word(value: StrEnum) -> Word:
            known = WORDS[type(value)][value]
            return Word(text=translate(known.text), colour=known.colour, icon=known.icon)

        def step(name: str) -> str:
            """Of an intent's step, ``ShowCard 2``: the same card may be shown several times."""
            kind = name.partition(" ")[0]
            return translate(STEPS[kind]) if kind in STEPS else name

        def phone(number: str | None) -> str:
            return spaced(number, self.services.region) if number else translate(WITHHELD)

        return {
            "clock": clock,
            "day": day,
            "today": today,
            "word": word,
            "step": step,
            "told": lambda text: told(text, translate),
            "reason": lambda text: translated(text, translate),
            "phone": phone,
            "is_name": is_name,
            "percent": lambda share: percent(share, language),
            "duration": duration,
            "exact": exact,
            "milliseconds": milliseconds,
            "call_address": call_address,
            "epoch": lambda at: int(at.timestamp() * 1000),
        }


def told(text: str, translate: Callable[[str], str]) -> str:
    """A line of a call's story: a sentence that is known, or steps by their names."""
    if (whole := translated(text, translate)) != text:
        return whole
    steps = STEP.sub(lambda found: translate(STEPS[found[0]]), text)
    return FOR_WHOM.sub(lambda found: translate(N_("(user %(id)s)")) % {"id": found[1]}, steps)


def theme_of(request: Request) -> str:
    chosen = request.cookies.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else THEMES[0]


def call_address(key: str) -> str:
    return f"/calls/{quote(key, safe='')}"


def duration(value: timedelta) -> str:
    """``0:07``, ``12:30``, ``1:02:03``."""
    minutes, seconds = divmod(int(value.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def milliseconds(value: timedelta | float) -> str:
    """Of seconds, or of a length of time."""
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    return f"{seconds * 1000:.1f}"


def percent(share: float, language: str) -> str:
    """``42%``, in Russian ``42 %``."""
    pattern = "#,##0\xa0%" if language == "ru" else "#,##0%"
    return str(format_percent(share, format=pattern, locale=languages.locale(language)))


def is_name(text: str | None) -> bool:
    """Not a number in the place of one, as CRMs and PBXs call who has none: that says nothing beside the number."""
    return any(letter.isalpha() for letter in text or "")


@lru_cache(maxsize=4096)
def spaced(number: str, region: str) -> str:
    """As people write it: ``+7 912 555-11-22``. What is no telephone number stays as it was given."""
    parsed = parse_number(number, region)
    if parsed is None or parsed.e164 is None:
        return number
    international = phonenumbers.PhoneNumberFormat.INTERNATIONAL
    return str(phonenumbers.format_number(phonenumbers.parse(parsed.e164), international))


@cache
def asset(name: str) -> str:
    """The address of a static file. It changes with the content, so that browsers may keep the file for ever."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


@cache
def icon(name: str, size: str = "") -> Markup:
    """An icon of the sprite. It only repeats what stands beside it, so screen readers pass over it."""
    classes = f"icon icon-{size}" if size else "icon"
    address = f"{asset('vendor/icons.svg')}#{name}"
    return Markup('<svg class="{}" aria-hidden="true"><use href="{}"/></svg>').format(classes, address)
