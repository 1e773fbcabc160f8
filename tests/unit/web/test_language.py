import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringbridge.web.language import LANGUAGES, preferred, tag


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("ru", "ru"),
        ("ru-RU,ru;q=0.9,en-US;q=0.8,en;q=0.7", "ru"),
        ("en-GB,en;q=0.9,ru;q=0.5", "en"),
        ("de, ru;q=0.4", "ru"),
        ("en;q=0.1, ru;q=0.2", "ru"),
        ("ru;q=0, de", "en"),
        ("*", "en"),
        ("ru;q=much", "en"),
        ("RU", "ru"),
    ],
)
def test_browser_gets_the_language_it_likes_best_of_ours(header: str, language: str) -> None:
    assert preferred(header) == language


@given(header=st.text())
def test_no_header_breaks_the_page(header: str) -> None:
    assert preferred(header) in LANGUAGES


def test_a_page_names_the_language_whose_dates_it_writes() -> None:
    assert {language: tag(language) for language in LANGUAGES} == {"en": "en-GB", "ru": "ru"}
