"""What lower floors say to people, in the visitor's language.

An error, a refusal or a decision is one English sentence where it is made, and is kept and logged so. Here stand the
sentences that can come to the page, with places for what differs (a host, a number); the catalogues have them in the
other languages. A sentence that is not known stays as it is: a CRM's own words, for one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, partial

from starlette.requests import Request

from ringbridge.web.language import language_of, translations
from ringbridge.web.sentences import SENTENCES

PLACE = re.compile(r"%\((\w+)\)s")


def telling(request: Request) -> Callable[[str], str]:
    """Translates for the visitor."""
    return partial(translated, translate=translations(language_of(request)).gettext)


def translated(text: str, translate: Callable[[str], str]) -> str:
    """`translate` is the catalogue's gettext."""
    if not text:
        return text  # the catalogue's own head stands under the empty text
    if (whole := translate(text)) != text:
        return whole
    ending = next((each for each in endings() if text.endswith(f" {each}")), "")  # what a person can do about it
    before = text.removesuffix(f" {ending}") if ending else ""
    if (told := translated(before, translate)) != before:
        return f"{told} {translate(ending)}"
    for pattern, sentence in patterns():
        if found := pattern.fullmatch(text):
            told = translate(sentence)
            if told == sentence:
                return text
            return told % {name: translated(value, translate) for name, value in found.groupdict().items()}
    return f"{before} {translate(ending)}" if ending else text


@cache
def patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """The sentences with places, those with the most words of their own first."""
    with_places = sorted(
        (sentence for sentence in SENTENCES if PLACE.search(sentence)), key=lambda each: -len(PLACE.sub("", each))
    )
    return tuple((pattern_of(sentence), sentence) for sentence in with_places)


@cache
def endings() -> tuple[str, ...]:
    """Whole sentences, as they may stand behind another one."""
    whole = (each for each in SENTENCES if not PLACE.search(each) and each.endswith((".", "?")))
    return tuple(sorted(whole, key=len, reverse=True))


def pattern_of(sentence: str) -> re.Pattern[str]:
    *texts, last = PLACE.split(sentence)[::2]
    names = PLACE.findall(sentence)
    parts = [f"{re.escape(text)}(?P<{name}>.+?)" for text, name in zip(texts, names, strict=True)]
    return re.compile("".join(parts) + re.escape(last), re.DOTALL)
