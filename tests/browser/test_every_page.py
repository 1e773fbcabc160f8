"""Every page there is, in both languages and themes, on a desk and on a phone. A page that is not named here fails."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
import pytest_asyncio
from playwright.async_api import Page
from starlette.routing import Route
from tests.browser.demo_office import DESK, PHONE, DemoOffice, demo_office
from tests.browser.seen import axe_source, foreign_texts, grave_findings, look
from tests.unit.web.office_page import open_database, services

from ringbridge.web.app import create_app
from ringbridge.web.settings.fields import Field
from ringbridge.web.settings.sections import SECTIONS
from ringbridge.web.wizard.steps import Step

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

LARGEST = 150_000  # bytes of a page with all it loads, as they come over the network
DOOR, NOWHERE = "/login", "/nothing/is/here"
ANSWERED, REFUSED, DIALLED = "{answered}", "{refused}", "{dialled}"  # addresses that are known when they have happened

ANALYTICS = ("sources", "employees", "hours", "missed", "queues", "deals", "deals?by=employee", "deals?deals=deals")
PAGES: dict[str, Iterable[str]] = {
    "/live": ["/live"],
    "/journal": ["/journal", "/journal?number=555&result=answered", "/journal?number=404404"],
    "/calls/{key:path}": [ANSWERED, REFUSED],
    "/dials/{id}": [DIALLED],
    "/analytics/{view}": [f"/analytics/{view}" for view in ANALYTICS],
    "/delivery": ["/delivery"],
    "/distribution": ["/distribution?number=%2B79125551122"],
    "/status": ["/status"],
    "/status/doctor": ["/status/doctor"],
    "/status/log": ["/status/log"],
    "/rules": ["/rules"],
    "/rules/row": ["/rules/row?at=0", "/rules/row?at=new"],
    "/hooks": ["/hooks"],
    "/hooks/call": [f"/hooks/call?call={ANSWERED}"],
    "/login": [DOOR],
    "/account": ["/account"],
    "/config": ["/config"],
    "/config/users": ["/config/users"],
    "/config/tokens": ["/config/tokens"],
    "/config/backup": ["/config/backup"],
    "/config/history": ["/config/history"],
    "/config/settings": ["/config/settings"],
    "/config/settings/{section}": [f"/config/settings/{key}" for key in SECTIONS],
    "/config/settings/{section}/{at}": [
        f"/config/settings/{key}/{at}" for key in ("pbx", "portal", "trunk") for at in ("0", "new")
    ],
    "/config/master/{step}": [f"/config/master/{step}" for step in Step],
}
ALIKE = {"/config/settings/{section}", "/config/settings/{section}/{at}"}

NO_PAGES = {
    "/": "sends on to the first page",
    "/analytics": "sends on to the first view",
    "/config/master": "sends on to the step that is next",
    "/live/stream": "pushes",
    "/orders": "a part of the live page",
    "/journal/sending": "a part of the journal",
    "/calls/trace": "a file",
    "/status/diagnostics": "a file",
    "/config/backup/{name}": "a file",
    "/dialplan/{kind}/{by}": "a file",
    "/recordings/{token}": "a sound",
    "/recordings/{token}/{name:path}": "a sound",
    "/healthz": "for monitoring",
    "/metrics": "for monitoring",
    "/pbx/read_call": "for monitoring",
    "/bitrix24/{portal}/authorize": "sends on to the portal",
    "/bitrix24/{portal}/authorized": "comes from the portal, once",
    "/bitrix24/finish.js": "a file",
}
FOR_PROGRAMS = ("/amocrm/", "/api/")  # the widget among them


# Of the demonstration: people, trunks, sources, rules, what its hook and its portal say, who changed what.
NAMES = """
    ADVERTISING Anna Call DESCRIPTION ERROR_CORE Kuznetsova Maria Radio Reception Smirnova Waited Website advertisement
    anna are bitrix calls demo found is mango missed mtt not office provider radio somebody spoke task the
"""


def choices_of(fields: Iterable[Field]) -> Iterator[str]:
    for field in fields:
        yield from field.choices
        yield from choices_of(field.fields)


CHOICES = " ".join(choice for section in SECTIONS.values() for choice in choices_of(section.fields))
"""Values of the configuration, which its help texts speak of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageLook:
    """How a page that is open is looked at."""

    theme: Literal["light", "dark"]
    size: tuple[int, int]

    def __str__(self) -> str:
        return f"{self.theme}, {self.size[0]} wide"

    async def taken(self, page: Page) -> None:
        """As when the system turns dark in the evening, and a window is made narrow."""
        width, height = self.size
        await page.set_viewport_size({"width": width, "height": height})
        await page.emulate_media(color_scheme=self.theme)
        await page.wait_for_function("theme => document.documentElement.dataset.bsTheme === theme", arg=self.theme)


LOOKS = [
    PageLook(theme="light", size=PHONE),
    PageLook(theme="dark", size=PHONE),
    PageLook(theme="dark", size=DESK),
    PageLook(theme="light", size=DESK),
]
"""Each differs from the one before it by one thing."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DemoOffice]:
    async with demo_office(tmp_path_factory.mktemp("office")) as opened:
        yield opened


async def test_no_page_is_forgotten(tmp_path: Path) -> None:
    async with await open_database(tmp_path) as database:
        routes = create_app(services(database)).routes
    shown = {each.path for each in routes if isinstance(each, Route) and "GET" in (each.methods or ())}
    assert {path for path in shown if not path.startswith(FOR_PROGRAMS)} == PAGES.keys() | NO_PAGES.keys()


@pytest.mark.parametrize("locale", ["ru-RU", "en-GB"])
async def test_every_page_is_whole_and_for_everybody(office: DemoOffice, locale: str) -> None:
    axe, mistakes = axe_source(), []
    for known in (True, False):
        context = await office.context(locale=locale, theme=LOOKS[0].theme, known=known)
        page = await context.new_page()
        for address, alike in addresses(office) if known else [(DOOR, False)]:
            answer = await page.goto(address)
            assert answer is not None
            assert answer.status == (404 if address == NOWHERE else 200), address
            found = [*await mistakes_of(page, locale), *await mistakes_of_looks(page, "" if alike else axe)]
            mistakes += [f"{address}: {each}" for each in found]
        await context.close()
    assert not mistakes, "\n".join(mistakes)
    assert [each for each in office.complaints if NOWHERE not in each] == []


def addresses(office: DemoOffice) -> Iterator[tuple[str, bool]]:
    """Of pages for those who are known; and whether it is like one before, as settings of other sections are."""
    happened = {"answered": office.answered, "refused": office.refused, "dialled": office.dialled}
    for path, shown in PAGES.items():
        for number, address in enumerate(shown):
            if address != DOOR:
                yield address.format_map(happened), number > 1 and path in ALIKE
    yield NOWHERE, False


async def mistakes_of_looks(page: Page, axe: str) -> list[str]:
    """In both themes, on a phone and on a desk. What axe finds by the words alone is the same in all of them: it looks
    for that once."""
    found = []
    for here in LOOKS:
        await here.taken(page)
        seen = await look(page)
        if seen.too_wide > 0:
            found.append(f"{here}: is wider by {seen.too_wide}")
        if axe:
            graves = await grave_findings(page, axe, every=here is LOOKS[0])
            found += [f"{here}: {each}" for each in graves]
    return found


async def mistakes_of(page: Page, locale: str) -> list[str]:
    """However it looks."""
    found, seen = [], await look(page)
    if not seen.title.endswith(" · Ringbridge") or seen.heads != 1:
        found.append(f"has the title {seen.title!r} and {seen.heads} main heads")
    if seen.transferred > LARGEST:
        found.append(f"is {seen.transferred} bytes")
    if locale == "ru-RU":
        foreign = await foreign_texts(page, f"{NAMES} {CHOICES}")
        found += [f"{', '.join(words)}: not Russian, in: {text[:120]}" for text, words in foreign.items()]
    return found
