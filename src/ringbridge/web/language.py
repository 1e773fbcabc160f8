"""The page's languages: which one a visitor gets, and the catalogues.

The texts stand in English in the templates and in `words`; `locale/<language>.po` has the others, and
`locale/settings.<language>.po` those of the settings' own model. They are read as they are, so there is no compiled
file to forget.
"""

from __future__ import annotations

import gettext
import io
from functools import cache
from pathlib import Path

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from starlette.requests import Request

LANGUAGES = {"en": "English", "ru": "Русский"}
SOURCE = "en"
COOKIE = "language"
LOCALE = Path(__file__).parent / "locale"


def N_(text: str) -> str:  # noqa: N802 -- gettext's own name for "this is translated later"
    return text


def language_of(request: Request) -> str:
    """What the visitor chose, else the first language of their browser that we have, else English."""
    chosen = request.cookies.get(COOKIE, "")
    return chosen if chosen in LANGUAGES else preferred(request.headers.get("accept-language", ""))


def preferred(header: str) -> str:
    """By an Accept-Language header (RFC 9110, section 12.5.4); what cannot be read in it is skipped."""
    wishes = [wish for part in header.split(",") if (wish := _wish(part)) is not None]
    for _, tag in sorted(wishes, key=lambda wish: -wish[0]):
        if tag in LANGUAGES:
            return tag
    return SOURCE


def _wish(part: str) -> tuple[float, str] | None:
    tag, _, quality = part.partition(";")
    try:
        weight = float(quality.strip().removeprefix("q=")) if quality else 1.0
    except ValueError:
        return None
    return (weight, tag.strip().lower().partition("-")[0]) if weight > 0 else None


@cache
def translations(language: str) -> gettext.NullTranslations:
    if language == SOURCE:
        return gettext.NullTranslations()
    texts = _catalogue(f"{language}.po", language)
    texts.add_fallback(_catalogue(f"settings.{language}.po", language))
    return texts


def _catalogue(name: str, language: str) -> gettext.GNUTranslations:
    with (LOCALE / name).open("rb") as file:
        catalog = read_po(file, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def tag(language: str) -> str:
    """Of a page (BCP 47): browsers that write dates in its language write them as we do."""
    return str(locale(language)).replace("_", "-")


@cache
def locale(language: str) -> Locale:
    """By which dates are written; English ones day first."""
    return Locale.parse("en_GB" if language == SOURCE else language)
