"""A call's recording is found where the PBX put it, taken when it is complete, and never made up."""

import os
import struct
import wave
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringbridge.crm.contract import RecordingSource
from ringbridge.pbx.audio import Encoder, installed_encoders
from ringbridge.pbx.recordings import LinkSigner, RecordingFolder, RecordingSettings, RecordingStore, SoundFile
from ringbridge.routing.intents import AttachRecording, RecordKey
from ringbridge.routing.recordings import Absent, NotYet
from ringbridge.telephony.model import CallId

# A busy machine is no reason to fail.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

YEKATERINBURG = ZoneInfo("Asia/Yekaterinburg")
STARTED = datetime(2026, 11, 23, 17, 2, 12, tzinfo=UTC)  # 22:02:12 at the PBX
CHANNEL = "1795471332.0"
NAME = f"external-101-79125551122-20261123-220212-{CHANNEL}.wav"
SECOND = timedelta(seconds=1)


class Office:
    """A PBX's disk, a clock, and the store that looks at them."""

    def __init__(self, root: Path) -> None:
        self.monitor = root / "monitor"
        self.monitor.mkdir()
        self.outside = root / "outside"
        self.outside.mkdir()
        self.cache = root / "cache"
        self.now = STARTED + timedelta(seconds=20)
        self.store = self.new_store()

    def new_store(self, *, mp3=False, encoders=(), signer=None, **other) -> RecordingStore:
        settings = RecordingSettings(
            folders=(RecordingFolder(here=self.monitor),), zone=YEKATERINBURG, cache=self.cache, mp3=mp3, **other
        )
        return RecordingStore(settings, now=lambda: self.now, encoders=encoders, signer=signer)

    def write(self, name: str, seconds: float, *, age: float = 10, day: str = "2026/11/23", closed=True) -> Path:
        path = self.monitor / day / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(struct.pack("<h", 1000) * int(seconds * 8000))
        if not closed:
            data = bytearray(path.read_bytes())
            data[4:8] = data[40:44] = bytes(4)
            path.write_bytes(data)
        self.touch(path, age)
        return path

    def touch(self, path: Path, age: float) -> None:
        at = self.now.timestamp() - age
        os.utime(path, (at, at))


@pytest.fixture
def office(tmp_path):
    return Office(tmp_path)


def intent(path="", channel="", *, started=STARTED, duration=4, record="office-1795471332.0") -> AttachRecording:
    return AttachRecording(
        record=RecordKey(record),
        call=CallId("1795471332.0"),
        path=path,
        channel=channel,
        started=started,
        duration=duration,
    )


async def test_the_store_is_what_a_crm_adapter_asks_for(office):
    source: RecordingSource = office.store
    assert isinstance(await source.fetch(intent("nothing.wav")), NotYet)


@pytest.mark.parametrize(
    "path",
    [
        f"/var/spool/asterisk/monitor/2026/11/23/{NAME}",  # MIXMONITOR_FILENAME, as the PBX sees it
        f"2026/11/23/{NAME}",
        NAME,  # CDR(recordingfile)
        NAME.removesuffix(".wav"),
        f"/some/other/mount/{NAME}",
    ],
)
async def test_a_path_is_found_however_the_pbx_writes_it(office, path):
    written = office.write(NAME, 4)
    found = await office.store.fetch(intent(path))
    assert isinstance(found, SoundFile)
    assert found.path == written
    assert (found.name, found.size, found.seconds, found.content_type) == (NAME, 64044, 4.0, "audio/wav")
    assert b"".join([piece async for piece in found.read()]) == written.read_bytes()


async def test_a_path_as_this_machine_sees_it_is_taken_too(office):
    written = office.write(NAME, 4)
    found = await office.store.fetch(intent(str(written)))
    assert isinstance(found, SoundFile)


async def test_plain_asterisk_and_old_elastix_keep_one_folder(office):
    office.write("in-101-1795471332.0.wav", 4, day="")
    assert isinstance(await office.store.fetch(intent("in-101-1795471332.0.wav")), SoundFile)
    assert isinstance(await office.store.fetch(intent(channel=CHANNEL)), SoundFile)


@pytest.mark.parametrize("channel", [CHANNEL, "pbx1-1795471332.0", "our-click-42"])
async def test_without_a_path_the_recorded_channel_finds_its_file(office, channel):
    office.write(f"external-102-79125551122-20261123-220200-{CHANNEL}1.wav", 4)
    office.write("external-102-79125551122-20261123-220200-17954713320.wav", 4)
    expected = office.write(f"q-700-79125551122-20261123-220212-{channel}.wav", 4)
    found = await office.store.fetch(intent(channel=channel))
    assert isinstance(found, SoundFile)
    assert found.path == expected


@pytest.mark.parametrize("day", ["2026/11/22", "2026/11/24"])
async def test_a_call_over_midnight_is_found_in_the_neighbouring_day(office, day):
    office.write(f"external-101-7912-{day.replace('/', '')}-235959-{CHANNEL}.wav", 4, day=day)
    assert isinstance(await office.store.fetch(intent(channel=CHANNEL)), SoundFile)


async def test_the_day_in_the_name_beats_the_calls_day(office):
    office.write("rg-600-7912-20261101-100000-1.2.wav", 4, day="2026/11/01")
    assert isinstance(await office.store.fetch(intent("rg-600-7912-20261101-100000-1.2.wav")), SoundFile)


async def test_of_two_recordings_of_a_transferred_call_each_talk_gets_its_own(office):
    # Both files carry the same Uniqueid and time: the first goes on to the end, the second begins at the transfer.
    first = office.write(f"external-101-7922-20261123-220212-{CHANNEL}.wav", 10, age=5)
    second = office.write(f"external-102-7922-20261123-220212-{CHANNEL}.wav", 6, age=5)
    end = office.now - 5 * SECOND
    for path, seconds in ((first, 10), (second, 6)):
        found = await office.store.fetch(intent(channel=CHANNEL, started=end - seconds * SECOND, record=path.name))
        assert isinstance(found, SoundFile)
        assert found.path == path


async def test_the_header_of_an_agent_who_lost_is_never_preferred(office):
    office.write(f"external-102-7922-20261123-220212-{CHANNEL}.wav", 0)
    winner = office.write(f"q-700-7922-20261123-220212-{CHANNEL}.wav", 4)
    found = await office.store.fetch(intent(channel=CHANNEL))
    assert isinstance(found, SoundFile)
    assert found.path == winner


async def test_a_recording_that_was_made_mp3_by_night_is_found_by_its_old_name(office):
    folder = office.monitor / "2026/11/23"
    folder.mkdir(parents=True)
    mp3 = folder / NAME.replace(".wav", ".mp3")
    mp3.write_bytes(b"\xff\xfb" + bytes(4000))
    office.touch(mp3, 3600)
    found = await office.store.fetch(intent(NAME))
    assert isinstance(found, SoundFile)
    assert (found.path, found.content_type, found.seconds) == (mp3, "audio/mpeg", None)


@pytest.mark.parametrize("mapped", ["/var/spool/asterisk/monitor", "/mnt/pbx/rec"])
async def test_folders_of_several_pbx_names_are_mapped_to_ours(office, mapped):
    office.write(NAME, 4)
    settings = RecordingSettings(
        folders=(
            RecordingFolder(pbx=PurePosixPath("/nowhere"), here=office.outside),
            RecordingFolder(pbx=PurePosixPath(mapped), here=office.monitor),
        ),
        cache=office.cache,
    )
    store = RecordingStore(settings, now=lambda: office.now)
    assert isinstance(await store.fetch(intent(f"{mapped}/2026/11/23/{NAME}")), SoundFile)


# Nothing outside the folders


@pytest.mark.parametrize(
    "path",
    [
        "../outside/secret.wav",
        "/var/spool/asterisk/monitor/../outside/secret.wav",
        "/var/spool/asterisk/monitor/../../outside/secret.wav",
        "link.wav",
        "dir/secret.wav",
        "2026/../../outside/secret.wav",
    ],
)
async def test_no_path_and_no_symlink_leads_out_of_the_folders(office, path):
    office.write("secret.wav", 4, day="../outside")
    (office.monitor / "link.wav").symlink_to(office.outside / "secret.wav")
    (office.monitor / "dir").symlink_to(office.outside)
    answer = await office.store.fetch(intent(path))
    assert isinstance(answer, NotYet)
    assert "no recording" in answer.reason


async def test_a_symlink_named_after_the_channel_does_not_lead_out_either(office):
    office.write("secret.wav", 4, day="../outside")
    (office.monitor / f"{CHANNEL}.wav").symlink_to(office.outside / "secret.wav")
    assert isinstance(await office.store.fetch(intent(channel=CHANNEL)), NotYet)


async def test_a_folder_that_is_itself_a_symlink_is_the_office_s_choice(office):
    written = office.write(NAME, 4)
    (office.outside / "rec").symlink_to(office.monitor)
    settings = RecordingSettings(folders=(RecordingFolder(here=office.outside / "rec"),), cache=office.cache)
    found = await RecordingStore(settings, now=lambda: office.now).fetch(intent(f"2026/11/23/{NAME}"))
    assert isinstance(found, SoundFile)
    assert found.path.samefile(written)


@pytest.mark.parametrize("special", ["pipe", "folder", "loop"])
async def test_what_is_no_file_is_no_recording(office, special):
    path = office.monitor / "x.wav"
    if special == "pipe":
        os.mkfifo(path)
    elif special == "folder":
        path.mkdir()
    else:
        path.symlink_to(path)
    assert isinstance(await office.store.fetch(intent("x.wav")), NotYet)


@UNHURRIED
@given(path=st.text(max_size=300), channel=st.text(max_size=80))
async def test_no_path_and_no_channel_is_too_strange(tmp_path_factory, path, channel):
    office = Office(tmp_path_factory.mktemp("strange"))
    office.write(NAME, 4)
    answer = await office.store.fetch(intent(path, channel))
    assert isinstance(answer, NotYet | SoundFile)
    if isinstance(answer, SoundFile):
        assert answer.path.is_relative_to(office.monitor)


# Waiting


async def test_what_is_not_there_is_waited_for_and_then_given_up(office):
    first = await office.store.fetch(intent(NAME))
    assert isinstance(first, NotYet)
    assert office.now < first.until <= office.now + 10 * SECOND
    office.now += 179 * SECOND
    assert isinstance(await office.store.fetch(intent(NAME)), NotYet)
    office.now += SECOND
    assert isinstance(await office.store.fetch(intent(NAME)), Absent)


async def test_a_call_of_long_ago_is_not_waited_for(office):
    office.now = STARTED + timedelta(days=30)
    assert isinstance(await office.store.fetch(intent(NAME)), Absent)
    office.write(NAME, 4, age=86400)
    assert isinstance(await office.store.fetch(intent(NAME)), SoundFile)


async def test_a_growing_file_is_waited_for_as_long_as_it_grows(office):
    for seconds in range(1, 300, 7):
        office.write(NAME, seconds, age=0, closed=False)
        answer = await office.store.fetch(intent(NAME))
        assert isinstance(answer, NotYet)
        assert answer.until > office.now
        office.now += 7 * SECOND
    office.write(NAME, 300, age=0)
    office.now += 3 * SECOND
    assert isinstance(await office.store.fetch(intent(NAME)), SoundFile)


async def test_the_second_look_that_was_asked_for_finds_a_closed_file(office):
    office.write(NAME, 4, age=1)
    answer = await office.store.fetch(intent(NAME))
    assert isinstance(answer, NotYet)
    assert answer.until == office.now + 2 * SECOND
    office.now = answer.until
    assert isinstance(await office.store.fetch(intent(NAME)), SoundFile)


@pytest.mark.parametrize("ahead", [1, 30, 3600])
async def test_a_pbx_whose_clock_is_ahead_of_ours_costs_one_look_and_no_recording(office, ahead):
    office.write(NAME, 4, age=-ahead)
    assert isinstance(await office.store.fetch(intent(NAME)), NotYet)
    office.now += 3 * SECOND
    assert isinstance(await office.store.fetch(intent(NAME)), SoundFile)


async def test_a_pbx_whose_clock_is_behind_ours_does_not_make_a_growing_file_whole(office):
    folder = office.monitor / "2026/11/23"
    folder.mkdir(parents=True)
    gsm = folder / NAME.replace(".wav", ".gsm")
    for size in (33_000, 66_000):
        gsm.write_bytes(bytes(size))
        office.touch(gsm, 60)
        assert isinstance(await office.store.fetch(intent(gsm.name)), NotYet)
        office.now += 20 * SECOND
    office.now += 10 * SECOND
    assert isinstance(await office.store.fetch(intent(gsm.name)), SoundFile)


@pytest.mark.parametrize("late", [False, True])
async def test_a_header_without_sound_is_no_recording(office, late):
    office.write(NAME, 0)
    assert (office.monitor / "2026/11/23" / NAME).stat().st_size == 44
    office.now += timedelta(hours=1) if late else timedelta(0)
    answer = await office.store.fetch(intent(NAME))
    assert answer == Absent(reason="The recording holds no sound")


async def test_an_empty_file_may_still_get_its_sound(office):
    # Asterisk keeps the first two seconds in memory: an open recording looks empty.
    path = office.monitor / NAME
    path.write_bytes(b"")
    office.touch(path, 10)
    assert isinstance(await office.store.fetch(intent(NAME)), NotYet)
    office.now += 3 * SECOND
    assert isinstance(await office.store.fetch(intent(NAME)), NotYet)
    office.now += 180 * SECOND
    assert isinstance(await office.store.fetch(intent(NAME)), Absent)


async def test_the_sound_that_a_killed_pbx_left_is_mended_and_sent(office):
    written = office.write(NAME, 2, age=1, closed=False)
    before = written.read_bytes()
    assert isinstance(await office.store.fetch(intent(NAME)), NotYet)
    office.now += 181 * SECOND
    found = await office.store.fetch(intent(NAME))
    assert isinstance(found, SoundFile)
    assert found.name == NAME
    with wave.open(str(found.path)) as file:
        assert file.getnframes() == 16000
    assert written.read_bytes() == before, "the PBX's own file is never changed"


@pytest.fixture
def nobodys(office):
    """A folder that may not be read: closed for its owner, and root becomes nobody meanwhile."""
    folder = office.monitor / "2026/11/23"
    folder.chmod(0)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    yield folder
    if root:
        os.seteuid(0)
    folder.chmod(0o755)


@pytest.mark.parametrize(("path", "channel"), [("", CHANNEL), (f"2026/11/23/{NAME}", "")])
async def test_a_folder_that_may_not_be_read_is_named(office, request, path, channel):
    office.write(NAME, 4)
    request.getfixturevalue("nobodys")
    answer = await office.store.fetch(intent(path, channel))
    assert isinstance(answer, NotYet)
    assert "cannot be read: Permission denied" in answer.reason


# mp3 and links


@pytest.mark.skipif(not installed_encoders(), reason="mp3: none of ffmpeg, lame, sox (with libsox-fmt-mp3) is there")
async def test_an_mp3_is_made_once_and_kept(office):
    office.write(NAME, 4)
    store = office.new_store(mp3=True, encoders=installed_encoders())
    found = await store.fetch(intent(NAME))
    assert isinstance(found, SoundFile)
    assert found.content_type == "audio/mpeg"
    assert found.name == NAME.replace(".wav", ".mp3")
    assert found.seconds == 4.0
    assert found.size < 64044 / 2
    without = office.new_store(mp3=True, encoders=())
    again = await without.fetch(intent(NAME))
    assert again == found, "the second time no program is needed"


@pytest.mark.skipif(not installed_encoders(), reason="mp3: none of ffmpeg, lame, sox (with libsox-fmt-mp3) is there")
async def test_who_asks_for_an_mp3_gets_one_and_the_others_get_what_the_pbx_wrote(office):
    written = office.write(NAME, 4)
    store = office.new_store(encoders=installed_encoders())
    asked, others = await store.fetch(intent(NAME), mp3=True), await store.fetch(intent(NAME))
    assert isinstance(asked, SoundFile)
    assert isinstance(others, SoundFile)
    assert (asked.content_type, asked.name) == ("audio/mpeg", NAME.replace(".wav", ".mp3"))
    assert others.path == written


@pytest.mark.parametrize("encoders", [(), (Encoder(program="false", arguments=""),)])
async def test_a_wav_is_sent_where_no_mp3_can_be_made(office, encoders):
    written = office.write(NAME, 4)
    found = await office.new_store(mp3=True, encoders=encoders).fetch(intent(NAME))
    assert isinstance(found, SoundFile)
    assert found.path == written


async def test_a_cache_that_cannot_be_written_costs_no_recording(office):
    office.cache.write_text("a file where the folder should be")
    written = office.write(NAME, 4)
    found = await office.new_store(mp3=True, encoders=(Encoder(program="cp", arguments="{source} {target}"),)).fetch(
        intent(NAME)
    )
    assert isinstance(found, SoundFile)
    assert found.path == written


async def test_converted_files_are_removed_after_a_month_and_made_again_when_asked_for(office):
    office.write(NAME, 4)
    store = office.new_store(mp3=True, encoders=(Encoder(program="cp", arguments="{source} {target}"),))
    found = await store.fetch(intent(NAME))
    assert isinstance(found, SoundFile)
    office.touch(found.path, 29 * 86400)
    assert store.prune() == 0
    office.touch(found.path, 31 * 86400)
    assert store.prune() == 1
    assert await store.fetch(intent(NAME)) == found


async def test_pruning_before_anything_was_converted_is_nothing(office):
    assert office.store.prune() == 0


async def test_a_link_opens_this_record_and_there_is_none_without_a_public_address(office):
    office.write(NAME, 4)
    signer = LinkSigner("https://pbx.example", b"0123456789abcdef")
    found = await office.new_store(signer=signer).fetch(intent(NAME))
    assert isinstance(found, SoundFile)
    link = found.link(office.now + SECOND)
    assert link is not None
    assert signer.verify(link.split("/")[4], office.now) == "office-1795471332.0"
    bare = await office.store.fetch(intent(NAME))
    assert isinstance(bare, SoundFile)
    assert bare.link(office.now) is None
