"""What the demonstration begins with: calls that could have been, a hook, and nothing over what is there."""

from collections import Counter
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.unit.web.office_page import open_database

from ringbridge.demo import HOOK, put_hook
from ringbridge.demo_deals import sell
from ringbridge.demo_past import past_calls, write_past
from ringbridge.emulators.bitrix24 import Portal
from ringbridge.emulators.bitrix24.fields import Kind
from ringbridge.store import calls
from ringbridge.store.keys import PbxId
from ringbridge.telephony.model import Direction, Disposition

ZONE = ZoneInfo("Europe/Moscow")
TODAY = date(2026, 11, 26)


def test_every_call_of_the_past_has_ended_before_today():
    midnight = datetime.combine(TODAY, datetime.min.time(), ZONE)
    assert all(call.end is not None and call.start <= call.end < midnight for call in past_calls(TODAY, ZONE))


def test_each_call_of_the_past_is_one_of_its_own():
    ids = [call.id for call in past_calls(TODAY, ZONE)]
    assert len(set(ids)) == len(ids) > 1000


def test_who_spoke_in_the_past_is_told_by_the_result():
    for call in past_calls(TODAY, ZONE):
        assert bool(call.talks) == (call.disposition is Disposition.ANSWERED)
        assert bool(call.legs) == (call.direction is Direction.INBOUND)


async def test_the_past_is_written_once_and_over_no_call(tmp_path: Path):
    async with await open_database(tmp_path) as database:
        for today in (TODAY, date(2026, 12, 24)):
            await write_past(database, PbxId("office"), today, ZONE)
        async with database.reading() as tx:
            assert await calls.count(tx) == len(list(past_calls(TODAY, ZONE)))


def test_the_past_brought_deals_and_the_same_each_time():
    """By the portal's own books: all in the past, some won, lost and open, most of them of somebody who called."""
    now = datetime.combine(TODAY, datetime.min.time(), ZONE)
    portals = [Portal.demo(), Portal.demo()]
    for portal in portals:
        sell(portal, (call for call in past_calls(TODAY, ZONE) if call.direction is Direction.INBOUND), now)
    one, other = (portal.clients.rows for portal in portals)
    assert one[Kind.DEAL] == other[Kind.DEAL]
    assert len(one[Kind.DEAL]) > 50
    assert len(one[Kind.LEAD]) > 30
    for row in (*one[Kind.DEAL].values(), *one[Kind.LEAD].values()):
        assert row["DATE_CREATE"] <= row["DATE_MODIFY"]
        assert datetime.fromisoformat(row["DATE_MODIFY"]) < now
    stages = Counter(row["STAGE_ID"] for row in one[Kind.DEAL].values())
    assert min(stages[stage] for stage in ("NEW", "WON", "LOSE")) >= 10
    assert sum(row["CONTACT_ID"] is not None for row in one[Kind.DEAL].values()) > 0.7 * len(one[Kind.DEAL])


def test_the_example_hook_is_put_once_and_over_nobodys_own(tmp_path: Path):
    put_hook(tmp_path / "hooks")
    hook = tmp_path / "hooks" / HOOK
    assert "def customize_activity" in hook.read_text(encoding="utf-8")
    hook.write_text("# ours", encoding="utf-8")
    put_hook(tmp_path / "hooks")
    assert hook.read_text(encoding="utf-8") == "# ours"
