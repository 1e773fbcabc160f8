"""The account's clients, read whole for the mirror, against the emulated account: nothing is missed, whatever changes
while it is read."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable

import pytest
from tests.contract.amocrm_office import ANTON, KATE, Office, account, office

from ringbridge.crm.contract import Transient
from ringbridge.crm.mirroring import MirrorClient, MirrorDeal, MirrorPage, MirrorSource, Ref
from ringbridge.emulators.amocrm import Fault, FaultKind, Kind, deskwork
from ringbridge.emulators.amocrm.demo import ADMIN_ID, SALES, SERVICE
from ringbridge.emulators.amocrm.pipelines import LOST, WON, Pipeline
from ringbridge.emulators.common.forms import parse_query

BETWEEN = Callable[[int], None]
"""What happens in the account after the n-th request."""


class Copy:
    """What somebody who keeps the pages knows."""

    def __init__(self) -> None:
        self.clients: dict[Ref, MirrorClient] = {}
        self.deals: dict[Ref, MirrorDeal] = {}
        self.pages = 0

    def keep(self, page: MirrorPage) -> None:
        self.clients |= {client.ref: client for client in page.clients}
        self.deals |= {deal.ref: deal for deal in page.deals}
        for ref in page.gone:
            self.clients.pop(ref, None)
            self.deals.pop(ref, None)
        self.pages += 1

    @property
    def refs(self) -> set[Ref]:
        return self.clients.keys() | self.deals.keys()


async def pages(at: Office, cursor: str | None = None) -> AsyncIterator[MirrorPage]:
    while True:
        page = await at.crm.mirror_page(cursor)
        yield page
        cursor = page.cursor
        if cursor is None:
            return


async def copy_of(at: Office, between: BETWEEN = lambda number: None) -> Copy:
    copy = Copy()
    async for page in pages(at):
        copy.keep(page)
        between(copy.pages)
    return copy


def there(at: Office) -> set[Ref]:
    """What the account has, by its own books."""
    names = {Kind.CONTACTS: "contact", Kind.COMPANIES: "company", Kind.LEADS: "deal"}
    return {
        Ref(kind=name, id=str(one.id))
        for kind, name in names.items()
        for one in at.account.entities.shown(kind)
        if kind is not Kind.LEADS or one.open
    }


def fill(at: Office, contacts: int = 600, companies: int = 10, leads: int = 520) -> None:
    for number in range(contacts):
        at.add(Kind.CONTACTS, f"+7 999 {number:07}", name=f"N{number}")
    for number in range(companies):
        at.add(Kind.COMPANIES, f"+7 812 {number:07}", name=f"F{number}")
    clients = list(at.account.entities.rows[Kind.CONTACTS].values())
    for number in range(leads):
        at.add_lead(clients[number % len(clients)], closed=number % 5 == 0)


async def test_the_whole_of_an_account_is_what_it_has() -> None:
    async with office() as at:
        fill(at)
        assert isinstance(at.crm, MirrorSource)
        copy = await copy_of(at)
        assert copy.refs == there(at)
        assert len(copy.deals) == 416


async def test_a_contact_is_told_with_its_phones_its_manager_and_its_company() -> None:
    async with office() as at:
        firm = at.add(Kind.COMPANIES, name="Firm")
        one = at.add(Kind.CONTACTS, "8 (912) 700-80-90", "495 123-45-67, доб. 12", responsible_user_id=int(KATE))
        at.account.entities.link(one, firm)
        post = at.account.fields.by_code("contacts", "POSITION")
        assert post is not None
        one.values[post.id] = [{"value": "director, 3 years"}, {"value": "+7 (901) 111-22-33"}]
        told = (await copy_of(at)).clients[Ref(kind="contact", id=str(one.id))]
        assert (told.name, told.responsible) == ("Somebody", KATE)
        assert told.phones[:2] == ("8 (912) 700-80-90", "495 123-45-67, доб. 12")
        assert "495 123-45-67" in told.phones
        assert "+7 (901) 111-22-33" in told.phones
        assert not any("director" in phone for phone in told.phones)
        assert told.company == Ref(kind="company", id=str(firm.id))


async def test_a_deal_is_told_with_its_main_contact_first() -> None:
    async with office() as at:
        second, main = at.add(Kind.CONTACTS), at.add(Kind.CONTACTS)
        firm = at.add(Kind.COMPANIES)
        lead = at.add_lead(second)
        lead.name, lead.responsible_user_id = "Fridge", int(ANTON)
        at.account.entities.link(lead, main, main=True)
        at.account.entities.link(lead, firm)
        told = (await copy_of(at)).deals[Ref(kind="deal", id=str(lead.id))]
        assert (told.title, told.responsible) == ("Fridge", ANTON)
        assert [client.id for client in told.clients] == [str(main.id), str(second.id), str(firm.id)]


async def test_an_empty_account_is_read_in_as_many_requests_as_there_are_lists() -> None:
    async with office() as at:
        for rows in at.account.entities.rows.values():
            rows.clear()
        copy = await copy_of(at)
        assert (copy.refs, copy.pages) == (set(), 6)


@pytest.mark.parametrize("filters", [True, False])
async def test_reading_is_taken_up_where_it_stopped(filters: bool) -> None:
    async with office(account(filters_enabled=filters)) as at:
        fill(at)
        copy, cursor = Copy(), None
        while True:
            async for page in pages(at, cursor):
                copy.keep(page)
                break
            if (cursor := page.cursor) is None:
                break
        assert copy.refs == there(at)


async def test_what_is_no_cursor_begins_anew() -> None:
    async with office() as at:
        for strange in ("", "7", "1 2 3", "1700000000 9 0 0", "a b c d"):
            assert len((await at.crm.mirror_page(strange)).clients) == 4


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("filters", [True, False])
async def test_nothing_is_missed_while_people_work_in_the_account(seed: int, filters: bool) -> None:
    chance = random.Random(seed)
    async with office(account(filters_enabled=filters)) as at:
        fill(at, contacts=550, leads=260)
        entities = at.account.entities

        def work(number: int) -> None:
            for _ in range(chance.randrange(60)):
                kind = chance.choice([Kind.CONTACTS, Kind.CONTACTS, Kind.LEADS])
                one = chance.choice([one for one in entities.shown(kind) if one.open or kind is Kind.CONTACTS])
                match chance.randrange(4):
                    case 0:
                        deskwork.add_client(at.account, Kind.CONTACTS, user_id=ADMIN_ID, name="New")
                    case 1 if kind is Kind.LEADS:
                        stage = chance.choice([WON, LOST, SALES + 2, SALES + 3])
                        deskwork.change(at.account, kind, one.id, user_id=ADMIN_ID, status_id=stage)
                    case 1:
                        deskwork.change(at.account, kind, one.id, user_id=ADMIN_ID, name=f"Renamed {number}")
                    case _:
                        deskwork.remove(at.account, kind, one.id, user_id=ADMIN_ID)

        copy = await copy_of(at, lambda number: work(number) if number < 5 else None)
        assert copy.refs >= there(at)
        names = {ref: client.name for ref, client in copy.clients.items()}
        kept = {Ref(kind="contact", id=str(one.id)): one.name for one in entities.shown(Kind.CONTACTS)}
        assert names.items() >= kept.items()


async def test_half_of_what_was_read_may_be_deleted_and_nothing_behind_it_is_missed() -> None:
    async with office() as at:
        fill(at, contacts=1000, leads=0)

        def purge(number: int) -> None:
            if number == 3:
                for one in list(at.account.entities.shown(Kind.CONTACTS))[:500]:
                    one.is_deleted = True

        copy = await copy_of(at, purge)
        assert copy.refs >= there(at)


async def test_reading_costs_little_more_than_the_pages_there_are() -> None:
    async with office() as at:
        fill(at, contacts=1500, companies=0, leads=0)
        assert (await copy_of(at)).pages <= 1504 / 200 + 6


async def test_an_account_of_many_stages_is_read_whole() -> None:
    async with office() as at:
        for number in range(40):
            at.account.pipelines.rows.append(Pipeline.of(9000 + 10 * number, f"P{number}", "First", "Second"))
        lead = at.add(Kind.LEADS, pipeline_id=9390, status_id=9392)
        at.add(Kind.LEADS, pipeline_id=SERVICE, status_id=WON)
        copy = await copy_of(at)
        assert set(copy.deals) == {Ref(kind="deal", id=str(lead.id))}


async def test_an_account_that_does_not_answer_in_time_is_asked_for_less_and_then_for_more_again() -> None:
    async with office() as at:
        fill(at, contacts=400, companies=0, leads=300)
        copy, cursor, failures = Copy(), None, 0
        at.account.faults.add(Fault(kind=FaultKind.GATEWAY_TIMEOUT, path="/api/v4/contacts", times=3, skip=1))
        at.account.faults.add(Fault(kind=FaultKind.GATEWAY_TIMEOUT, path="/api/v4/leads", times=2, skip=2))
        while True:
            try:
                page = await at.crm.mirror_page(cursor)
            except Transient:
                failures += 1
                continue
            copy.keep(page)
            if (cursor := page.cursor) is None:
                break
        assert failures == 5
        assert copy.refs == there(at)
        limits = [int(parse_query(one.query)["limit"]) for one in at.account.traffic.of("GET", "/api/v4/contacts")]
        assert limits[:3] == [250, 249, 124]
        assert min(limits) < 40
        assert limits[-1] == 250


# Single ones


@pytest.mark.parametrize("filters", [True, False])
async def test_those_that_changed_are_told_as_they_are_and_the_others_as_gone(filters: bool) -> None:
    async with office(account(filters_enabled=filters)) as at:
        fill(at, contacts=300, companies=3, leads=0)
        client = at.add(Kind.CONTACTS, "+7 999 111-22-33", name="Changed")
        open_lead, won = at.add_lead(client), at.add_lead(client, closed=True)
        deleted = at.add(Kind.COMPANIES, is_deleted=True)
        refs = [
            Ref(kind="contact", id=str(client.id)),
            Ref(kind="deal", id=str(open_lead.id)),
            Ref(kind="deal", id=str(won.id)),
            Ref(kind="company", id=str(deleted.id)),
            Ref(kind="contact", id="1"),
            Ref(kind="lead", id="7"),
            Ref(kind="contact", id="x"),
        ]
        page = await at.crm.mirror_changed([*refs, *refs])
        assert [(one.name, one.phones) for one in page.clients] == [("Changed", ("+7 999 111-22-33",))]
        assert [one.clients[0] for one in page.deals] == [refs[0]]
        assert page.gone == tuple(refs[2:])


async def test_hundreds_are_asked_for_in_requests_that_a_web_server_takes() -> None:
    async with office() as at:
        fill(at, contacts=450, companies=0, leads=0)
        contacts = [Ref(kind="contact", id=str(number)) for number in at.account.entities.rows[Kind.CONTACTS]]
        asked = len(at.asked())
        page = await at.crm.mirror_changed(contacts)
        assert {client.ref for client in page.clients} == set(contacts)
        assert len(at.asked(since=asked)) == 3


async def test_nothing_is_asked_for_nothing() -> None:
    async with office() as at:
        assert await at.crm.mirror_changed([]) == MirrorPage()
        assert at.asked() == []
