"""What lower floors say is told in the visitor's language."""

from __future__ import annotations

import re

import pytest
from tests.unit.web.reasons_of_code import sentences

from ringbridge.ami.errors import LoginRefused, NotConnected
from ringbridge.crm.bitrix24.errors import BY_CODE
from ringbridge.pbx.link import _why, _why_refused
from ringbridge.pbx.rights import _READ, _WRITE, _WRITE_FOR_PHONES, MissingRight
from ringbridge.pbx.settings import PbxAddress
from ringbridge.store.errors import BY_SQLITE_CODE
from ringbridge.web.language import translations
from ringbridge.web.pages.dial import REASONS
from ringbridge.web.reasons import translated
from ringbridge.web.sentences import SENTENCES

RUSSIAN = translations("ru").gettext
COMMAND = re.compile(r"(ringbridge|apt|certbot|chmod|systemctl) |\[\[")  # what is typed is the same in every language
ADDRESS = PbxAddress(host="10.0.0.5", port=5038, username="u", secret="s")


def told(text: str) -> str:
    return translated(text, RUSSIAN)


def is_russian(text: str) -> bool:
    return re.search("[а-яё]", text, re.IGNORECASE) is not None


def test_every_reason_that_stands_in_code_has_its_translation() -> None:
    known = {re.sub(r"%\(\w+\)s", "%s", sentence) for sentence in (*SENTENCES, *REASONS)}
    spoken = {text: where for text, where in sentences().items() if re.search(r"[a-z]{2,} [a-z]", text)}
    assert {text: where for text, where in spoken.items() if text not in known and not COMMAND.match(text)} == {}


@pytest.mark.parametrize(
    "error", [NotConnected("the PBX closed the connection"), TimeoutError(), ConnectionRefusedError()]
)
def test_why_there_is_no_link_is_told(error: Exception) -> None:
    assert is_russian(told(_why(error, ADDRESS)))  # type: ignore[arg-type]
    assert is_russian(told(_why_refused(LoginRefused("Authentication failed"))))


def test_every_missing_right_is_told_whole() -> None:
    rights = [*((name, words) for name, words, _ in _READ), *((n, w) for _, n, w in (*_WRITE, *_WRITE_FOR_PHONES))]
    for name, consequence in rights:
        said = told(str(MissingRight(kind="read", name=name, consequence=consequence)))
        assert said.startswith(f"добавьте {name} в read = … пользователя AMI: без этого ")


def test_advice_about_every_refusal_of_a_portal_is_told_behind_the_portals_own_words() -> None:
    for _, advice in BY_CODE.values():
        if advice:
            said = told(f"Bitrix24 refused: ACCESS_DENIED: Access denied! Sorry. {advice}")
            assert said.startswith("Битрикс24 отказал: ACCESS_DENIED: Access denied! Sorry.")
            assert is_russian(said.partition("Sorry. ")[2]), advice


@pytest.mark.parametrize(
    ("words", "russian"),
    [
        ("sleepy.py, line 3: TimeoutError: too late", "sleepy.py, строка 3: TimeoutError: too late"),
        (
            "need_registration of a.php: did not end within 2 s and was killed",
            "need_registration в a.php: не завершился за 2 с",
        ),
        ("did not end within 2 s and was killed: Warning: no file", "и остановлен: Warning: no file"),
        (
            "acme: hook failed, unchanged: need_registration of a.py: said no JSON: 'x'",
            "acme: сбой хука, всё осталось как было",
        ),
        (
            "a.py, line 1: need_registration wants phone; it can have call, ctx",
            "need_registration просит phone; ему доступны",
        ),
        ("The client's order has ended: It was cancelled by anna.", "Заказ клиента закрыт: Отменил: anna."),
        ("The PBX did not dial: Permission denied.", "АТС не набрала номер: Permission denied."),
        (
            "The disk that holds /var/lib/x.db is full: free some space. What was stored is safe.",
            "Диск, на котором /var/lib/x.db,",
        ),
        ("Input should be less than or equal to 60", "не больше 60"),
        ("Extension 101 stands with both Анна and Олег.", "и у «Анна», и у «Олег»"),
    ],
)
def test_what_goes_wrong_below_is_told_with_its_values(words: str, russian: str) -> None:
    assert russian in told(words)


def test_every_refusal_of_the_database_is_told() -> None:
    for _, sentence in BY_SQLITE_CODE.values():
        assert is_russian(told(sentence.format(path="/data/calls.db", error="disk I/O error"))), sentence


def test_a_reason_within_a_reason_is_told_too() -> None:
    said = told("not sent: its call could not be registered (acme.bitrix24.ru did not answer in time)")
    assert said == "не отправлено: звонок не удалось зарегистрировать (acme.bitrix24.ru не ответил вовремя)"


def test_what_can_be_done_may_be_all_that_a_reason_says_of_its_cause() -> None:
    said = told("Leads and deals cannot be read. The portal's plan has no REST API.")
    assert said == "Лиды и сделки нельзя прочитать. В тарифе портала нет REST API."
    said = told("Words of the portal's own. The portal's plan has no REST API.")
    assert said == "Words of the portal's own. В тарифе портала нет REST API."


@pytest.mark.parametrize("text", ["", "The portal said something of its own", "% %(x)s 100 %"])
def test_what_is_not_known_stays_as_it_is(text: str) -> None:
    assert told(text) == text
    assert translated(text, lambda same: same) == text


def test_what_the_dialplan_was_answered_is_told_with_who_was_passed_over() -> None:
    said = told(
        "The dialplan asked for a route: the normal route. Nobody knows the number: normal route. "
        "103 passed over: Олег: not registered; 104 passed over: Анна: is off shift."
    )
    assert said.startswith("Диалплан спросил маршрут: обычный маршрут. ")
    assert "пропущен 104: Анна: " in said
    assert re.search("[a-z]{2}", said) is None, "not a word is left in English"
