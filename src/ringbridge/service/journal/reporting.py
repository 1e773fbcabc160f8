"""A call as a report of a bug: what the PBX said about it, and what we made of it, in one file."""

from __future__ import annotations

import io
import json
import re
import secrets
import zipfile
from collections.abc import Collection, Mapping
from datetime import timedelta

from ringbridge.pbx.tape import Tape
from ringbridge.service.config import Office
from ringbridge.store.calls import JournalEntry
from ringbridge.store.keys import PbxId
from ringbridge.telephony.disguise import Disguise
from ringbridge.telephony.excerpt import excerpt, files_of
from ringbridge.telephony.model import Call
from ringbridge.telephony.replay import plain
from ringbridge.telephony.trace import Portion

AROUND = timedelta(seconds=15)  # an Originate's answer, a record or a shutdown comes late

README = """\
A call that Ringbridge may have told wrongly, as a test case.

call.ami.gz     what the PBX said about it
call.times.gz   when it said so: a line "offset epoch" for each block
call.json       the call as Ringbridge told it. Correct what was otherwise, and send the file

Passwords are left out. {numbers}

ringbridge replay call.ami.gz shows the call again.
"""
REPLACED = "Telephone numbers and names are replaced, each by the same other one throughout."
REAL = "It has real telephone numbers and names in it: give it to nobody who may not know them."


def report(tape: Tape, call: Call, *, trunks: Collection[str], region: str, disguised: bool = True) -> bytes | None:
    """A zip file; None where the tape has nothing of the call any more."""
    until = (call.end or call.start + timedelta(days=1)) + AROUND
    blocks = excerpt(tape.portions(call.start - AROUND, until), call)
    if not blocks:
        return None
    # Without a disguise the secrets go all the same.
    disguise = Disguise(secrets.token_bytes(32), keep=trunks, numbers=disguised)
    shown = [Portion(at=one.at, data=disguise.of(one.data.decode("latin-1")).encode("latin-1")) for one in blocks]
    files, story = files_of(shown), json.dumps({"calls": [plain(call, region)]}, ensure_ascii=False, indent=1)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", README.format(numbers=REPLACED if disguised else REAL))
        archive.writestr("call.ami.gz", files.ami, zipfile.ZIP_STORED)
        archive.writestr("call.times.gz", files.times, zipfile.ZIP_STORED)
        archive.writestr("call.json", disguise.of(story.encode().decode("latin-1")).encode("latin-1"))
    return packed.getvalue()


def file_name(call: Call) -> str:
    return f"call-{re.sub(r'[^0-9A-Za-z.-]', '_', call.id)}.zip"


class OfficeTraces:
    """Of all PBXs of the office."""

    def __init__(self, tapes: Mapping[PbxId, Tape], office: Office) -> None:
        self._tapes, self._office = tapes, office

    def has(self, entry: JournalEntry) -> bool:
        tape = self._tapes.get(entry.pbx)
        return tape is not None and tape.reaches_back_to(entry.call.start)

    def report(self, entry: JournalEntry, *, disguised: bool) -> bytes | None:
        tape, trunks = self._tapes.get(entry.pbx), {trunk.name for trunk in self._office.trunk}
        if tape is None:
            return None
        return report(tape, entry.call, trunks=trunks, region=self._office.region, disguised=disguised)
