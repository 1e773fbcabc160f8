"""An account's mirror, from end to end: read whole, kept by what the account posts, put right by the next reading."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from tests.unit.service.mirror_twins import DAY, Hours, read_changes, read_whole, who_has
from tests.unit.web.amocrm_company import ANTON, KATE, MAIN, Company, open_company

from ringbridge.emulators.amocrm import Account, Kind, deskwork
from ringbridge.emulators.amocrm.demo import ADMIN_ID, SALES
from ringbridge.emulators.amocrm.entities import Entity
from ringbridge.emulators.amocrm.pipelines import WON
from ringbridge.service.mirror.changes import AccountChanges, hand_on, secrets_of
from ringbridge.service.mirror.keeper import MirrorKeeper

CLIENT = "+79125551122"  # Андрей Волков, the demonstration office's first contact
NEW = "+79990001122"


@dataclass
class Mirrored:
    company: Company
    keeper: MirrorKeeper
    hours: Hours = field(default_factory=Hours)

    @property
    def account(self) -> Account:
        return self.company.account

    def add(self, kind: Kind, name: str, *phones: str, **more: object) -> Entity:
        return deskwork.add_client(self.account, kind, user_id=ADMIN_ID, name=name, phones=phones, **more)

    async def heard(self) -> None:
        """What people did is posted, and what it changed is read."""
        await self.account.chores.finish_waiting()
        await read_changes(self.keeper, self.hours)


@pytest.fixture
async def mirrored(tmp_path: Path) -> AsyncIterator[Mirrored]:
    """Read whole, and subscribed."""
    async with open_company(tmp_path) as company:
        hours = Hours()
        keeper = MirrorKeeper(
            MAIN, company.crm, company.database, region="RU", every=DAY, quiet=hours.is_quiet, clock=hours
        )
        secrets = secrets_of(company.vault, MAIN)
        tell = partial(hand_on, keeper)
        changes = AccountChanges(MAIN, company.crm, public_address=None, secrets=secrets, tell=tell)
        company.desks["main"] = replace(company.desk, changes=changes)
        await company.crm.webhooks.keep(f"{company.address}/webhooks/{secrets[0]}", is_ours=lambda destination: False)
        await read_whole(keeper)
        yield Mirrored(company, keeper, hours)


@pytest.mark.parametrize("spelling", [CLIENT, "8 (912) 555-11-22", "79125551122", "9125551122"])
async def test_a_client_is_found_by_their_number_however_it_is_written(mirrored: Mirrored, spelling: str) -> None:
    (found,) = await mirrored.keeper.find(spelling)
    assert (found.name, found.responsible) == ("Андрей Волков", ANTON)


async def test_a_client_who_was_added_changed_and_deleted_is_known_as_such(mirrored: Mirrored) -> None:
    one = mirrored.add(Kind.CONTACTS, "New", "8 999 000-11-22")
    await mirrored.heard()
    assert await who_has(mirrored.keeper, NEW) == [str(one.id)]
    deskwork.change(mirrored.account, Kind.CONTACTS, one.id, user_id=ADMIN_ID, responsible_user_id=int(KATE))
    await mirrored.heard()
    assert [found.responsible for found in await mirrored.keeper.find(NEW)] == [KATE]
    deskwork.remove(mirrored.account, Kind.CONTACTS, one.id, user_id=ADMIN_ID)
    await mirrored.account.chores.finish_waiting()
    await mirrored.keeper.step()
    assert await who_has(mirrored.keeper, NEW) == []


async def test_a_deal_at_work_names_who_works_on_it_until_it_is_won(mirrored: Mirrored) -> None:
    client = mirrored.company.account.entities.rows[Kind.CONTACTS]
    links = {"_embedded": {"contacts": [{"id": next(iter(client))}]}}
    lead = mirrored.add(Kind.LEADS, "Fridge", status_id=SALES + 2, responsible_user_id=int(KATE), **links)
    await mirrored.heard()
    (found,) = await mirrored.keeper.find(CLIENT)
    assert (found.deal, found.deal_responsible) == ("Fridge", KATE)
    deskwork.change(mirrored.account, Kind.LEADS, lead.id, user_id=ADMIN_ID, status_id=WON)
    await mirrored.heard()
    (found,) = await mirrored.keeper.find(CLIENT)
    assert found.deal is None


async def test_a_contact_brings_the_name_of_its_company(mirrored: Mirrored) -> None:
    (found,) = await mirrored.keeper.find("8 903 700-80-90")
    assert (found.name, found.company) == ("Светлана Новикова", "ООО «Ромашка»")


async def test_what_nobody_told_is_found_by_the_next_reading(mirrored: Mirrored) -> None:
    mirrored.account.webhooks.clear()
    one = mirrored.add(Kind.CONTACTS, "New", NEW)
    gone = next(iter(mirrored.account.entities.rows[Kind.CONTACTS]))
    deskwork.remove(mirrored.account, Kind.CONTACTS, gone, user_id=ADMIN_ID)
    mirrored.hours.now += DAY + timedelta(seconds=1)
    await read_whole(mirrored.keeper)
    assert await who_has(mirrored.keeper, NEW) == [str(one.id)]
    assert await who_has(mirrored.keeper, CLIENT) == []
    assert mirrored.keeper.state().drift == 2
