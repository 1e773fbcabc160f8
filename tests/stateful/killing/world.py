"""An office that plays calls, a portal that has bad days, and a victim between them."""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from tests.ports import free_port
from tests.stateful.killing.death import BadDay, Death, Fate, Sign, deaths
from tests.stateful.killing.truth import PBX, Played, played, user_of
from tests.stateful.killing.victim import Life, Victim

from ringbridge.ami.message import Message
from ringbridge.emulators.asterisk import EMPLOYEES, Asterisk, Script, Setup, User, emulated_asterisk
from ringbridge.emulators.asterisk.office import Office
from ringbridge.emulators.asterisk.renewal import Renewal
from ringbridge.emulators.bitrix24 import Portal, Settings, serve

MANAGER = User(name="ringbridge", secret="killed")
DEFAULT_USER = "6"
TRUNKS = {"mango": "73432723033", "mtt": "74993508890", "provider": ""}
SPEED = 5.0
FAULTS = 0.06  # share of the requests that go wrong
LONGEST_LIFE = 25.0  # seconds, when the sign of its death does not come
PAUSES = 0.04  # share of the deaths after which it stays dead for a while: whole calls pass
LONGEST_PAUSE = 2.5
LAST_CALLS = 10
PATIENCE = 150.0  # seconds in which everything that is left must reach the portal


class World:
    """Runs the lives, and remembers what was played and when."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self.victim = Victim(folder / "data")
        self.portal = Portal.demo(settings=Settings(drain_per_second=50.0, threshold=250))
        self.faults = BadDay(random.Random(chance.random()), FAULTS)
        self.portal.faults = self.faults
        self.played: list[Played] = []
        self.ended_in: dict[str, int] = {}  # key -> the life by whose death the journal had the call's end
        self.kills: Counter[str] = Counter()
        self.lives = 0
        self._chance = chance
        self._folder = folder
        self._life: Life | None = None
        self._fate: Fate | None = None
        self._last: int | None = None  # how many calls are played in all
        self._enough = asyncio.Event()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Asterisk]:
        """The office plays, the portal is served, and the victim is configured but does not live yet."""
        port = free_port()
        recordings, records = self._folder / "monitor", self._folder / "Master.csv"
        seed = self._chance.randrange(2**32)
        script = Script(speed=SPEED, gap=2.0, lines=6, seed=seed)
        setup = Setup(
            users=(MANAGER,),
            port=port,
            script=script,
            recordings=recordings,
            records=records,
            begun=self._begun,
            heard=self._heard,
        )
        async with serve(self.portal):
            office = self._folder / "office.toml"
            office.write_text(office_file(port, self.portal.webhook_url, recordings, records), encoding="utf-8")
            await self.victim.configure(office)
            async with emulated_asterisk(setup) as asterisk:
                self._opened = asyncio.get_running_loop().time()
                yield asterisk

    # Lives

    async def live_and_die(self) -> None:
        """One life that ends by SIGKILL at a moment drawn by chance."""
        death = deaths(self._chance)
        async with self._life_of(death) as life:
            try:
                async with asyncio.timeout(LONGEST_LIFE):
                    await life.over.wait()
            except TimeoutError:
                life.kill()
        assert not life.died_by_itself, f"it ended without being killed:\n{self.tail()}"
        self.kills[str(death)] += 1
        self._note_ends()
        if self._chance.random() < PAUSES:
            await asyncio.sleep(self._chance.uniform(1.0, LONGEST_PAUSE))  # it is dead: nothing is waited for

    @asynccontextmanager
    async def last_life(self, office: Office) -> AsyncIterator[None]:
        """One that is left in peace; the portal has no bad days any more either. The office plays a few more calls,
        which are surely heard whole, and comes to its end."""
        self.faults.rate = 0.0
        async with self._life_of(Death(sign=Sign.BIRTH, count=-1)) as life:
            await life.ready.wait()
            self._last = len(self.played) + LAST_CALLS
            await self._enough.wait()
            office.stop()
            await office.rounds_played.wait()
            yield
            assert not life.over.is_set(), f"it ended without being killed:\n{self.tail()}"
        self._note_ends()

    @asynccontextmanager
    async def _life_of(self, death: Death) -> AsyncIterator[Life]:
        self.lives += 1
        async with self.victim.living(self._said) as life:
            self._life, self._fate = life, Fate(death, life.kill)
            self.faults.watch = lambda: self._see(Sign.REQUEST) and death.lost
            self._see(Sign.BIRTH)
            try:
                yield life
            finally:
                self._fate.over()
                self._life = self._fate = None
                self.faults.watch = lambda: False

    def _said(self, line: str) -> None:
        if "event=pbx_link_changed" in line and "state=ready" in line:
            self._see(Sign.READY)
        if "event=delivered" in line:
            self._see(Sign.DELIVERED)

    def _heard(self, _: Message) -> None:
        self._see(Sign.EVENT)

    def _see(self, sign: Sign) -> bool:
        return self._fate is not None and self._fate.see(sign)

    def _begun(self, renewal: Renewal) -> None:
        life = self.lives if self._life is not None and self._life.ready.is_set() and not self._life.killed else None
        at = asyncio.get_running_loop().time() - self._opened
        self.played.append(played(renewal, nth=len(self.played), life=life, at=at, speed=SPEED))
        if self._last is not None and len(self.played) >= self._last:
            self._enough.set()

    def heard_whole(self, call: Played) -> bool:
        """One life heard it from before its beginning, and had its end in the journal before it died itself."""
        return call.life is not None and self.ended_in.get(call.key) == call.life

    # What the victim has written

    async def everything_told(self) -> None:
        """Until the journal has every call's end and nothing is left to be sent. The database announces nothing to
        whoever looks into it, so it is looked at now and then. Returns when the patience is over as well: the
        comparison that follows says better than a timeout what is missing."""
        loop = asyncio.get_running_loop()
        limit = loop.time() + PATIENCE
        while not self._all_told() and loop.time() < limit:  # noqa: ASYNC110 see above
            await asyncio.sleep(0.25)

    def _all_told(self) -> bool:
        open_rows = "SELECT count(*) FROM deliveries WHERE state IN ('waiting', 'sending')"
        ended = "SELECT key FROM calls WHERE ended IS NOT NULL"
        with closing(sqlite3.connect(f"file:{self.victim.database}?mode=ro", uri=True)) as database:
            ((waiting,),) = database.execute(open_rows).fetchall()
            keys = {key for (key,) in database.execute(ended)}
        return waiting == 0 and keys >= {call.key for call in self.played}

    def _note_ends(self) -> None:
        for (key,) in self.written("SELECT key FROM calls WHERE ended IS NOT NULL"):
            self.ended_in.setdefault(key, self.lives)

    def journal(self) -> list[tuple[str, str, str]]:
        """Key, disposition and snapshot of each client's call that has ended."""
        query = "SELECT key, disposition, snapshot FROM calls WHERE ended IS NOT NULL AND direction IN (?, ?)"
        return [(key, told, whole) for key, told, whole in self.written(query, "inbound", "outbound")]

    def unsent(self) -> list[str]:
        """What was refused for good, or still waits."""
        query = "SELECT record, step, state, coalesce(reason, '') FROM deliveries WHERE state != ?"
        return [" ".join(row) for row in self.written(query, "done")]

    def written(self, query: str, *values: str) -> list[tuple[str, ...]]:
        """What the dead left behind. A copy is asked: opening a database mends what a crash left of it, and that is
        the next life's business."""
        with tempfile.TemporaryDirectory() as folder:
            for path in self.victim.database.parent.glob(f"{self.victim.database.name}*"):
                shutil.copy(path, folder)
            copied = Path(folder) / self.victim.database.name
            if not copied.exists():
                return []
            with closing(sqlite3.connect(copied)) as database:
                return database.execute(query, values).fetchall()

    def tail(self) -> str:
        return self.victim.log.read_text("utf-8", "replace")[-3000:]


def office_file(port: int, webhook: str, recordings: Path, records: Path) -> str:
    """The portal works on a request for a second at most, so a lost answer is asked about after a second."""
    lines = [
        'timezone = "UTC"',
        f'[[pbx]]\nname = "{PBX}"\nport = {port}\nusername = "{MANAGER.name}"\nsecret = "{MANAGER.secret}"',
        f'recordings = [{{ pbx = "{recordings}" }}]\ncdr = "{records}"',
        *(f'[[trunk]]\nname = "{name}"' + (f'\nline = "{line}"' if line else "") for name, line in TRUNKS.items()),
        f'[[portal]]\nname = "bitrix"\nwebhook = "{webhook}"\ndefault_user = "{DEFAULT_USER}"',
        "allow_http = true\nallow_private = true\nrequest_limit = 1.0\nrequests_per_second = 50.0\nburst = 200",
        *(
            f'[[employee]]\nname = "{name}"\nextensions = ["{phone}"]\nusers = {{ bitrix = "{user_of(phone)}" }}'
            for phone, name in EMPLOYEES.items()
        ),
    ]
    return "\n".join(lines) + "\n"
