import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from ringbridge.web.language import LANGUAGES, LOCALE, SOURCE

WEB = LOCALE.parent
METHODS = [("**/templates/**.html", "jinja2"), ("**.py", "python")]
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None}
OTHERS = sorted(set(LANGUAGES) - {SOURCE})
SHOWN_ATTRIBUTE = re.compile(r'\b(?:title|aria-label|placeholder|alt)="([^"]*)"')
EXPRESSION = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
TAG = re.compile(r"<[^>]*>")


def texts() -> set[str]:
    found = extract_from_dir(str(WEB), METHODS, keywords=KEYWORDS)
    return {text if isinstance(text, str) else text[0] for _, _, text, _, _ in found}


def catalogue(language: str) -> Catalog:
    with (LOCALE / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language)


def translated(message: Message) -> bool:
    told = message.string if isinstance(message.string, tuple) else (message.string,)
    return all(told) and not message.fuzzy


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_of_the_page_is_translated(language: str) -> None:
    known = {
        message.id if isinstance(message.id, str) else message.id[0]
        for message in catalogue(language)
        if translated(message)
    }
    assert texts() - known == set()


@pytest.mark.parametrize("language", OTHERS)
def test_catalogue_has_no_text_that_the_page_lost(language: str) -> None:
    known = {
        message.id if isinstance(message.id, str) else message.id[0] for message in catalogue(language) if message.id
    }
    assert known - texts() == set()


@pytest.mark.parametrize("language", OTHERS)
def test_translations_keep_the_places_for_values(language: str) -> None:
    def places(text: str) -> list[str]:
        return sorted(re.findall(r"%\(\w+\)[a-z]", text))

    for message in catalogue(language):
        originals = message.id if isinstance(message.id, tuple) else (message.id,)
        told = message.string if isinstance(message.string, tuple) else (message.string,)
        for text in told:
            assert places(text) == places(originals[-1]), text


def bare_texts(template: str) -> Iterator[str]:
    """Letters that stand in a template outside of `_()`, tags and expressions."""
    source = EXPRESSION.sub("", template)
    yield from SHOWN_ATTRIBUTE.findall(source)
    yield from TAG.sub("\n", source).split("\n")


@pytest.mark.parametrize("template", sorted((WEB / "templates").rglob("*.html")), ids=lambda path: path.name)
def test_template_says_nothing_past_the_catalogue(template: Path) -> None:
    """Only the product's own name needs no translation."""
    bare = [text.replace("Ringbridge", "") for text in bare_texts(template.read_text())]
    assert [text.strip() for text in bare if re.search(r"[^\W\d_]{2,}", text)] == []
