"""WAV files as Asterisk leaves them, and the mp3 that is made of them. Every file here is a real one."""

import asyncio
import os
import struct
import wave
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringbridge.pbx.audio import ConversionFailed, Encoder, installed_encoders, make_mp3, mend_wav, read_wav

# A busy machine is no reason to fail.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

ENCODERS = installed_encoders()
needs_encoder = pytest.mark.skipif(not ENCODERS, reason="mp3: none of ffmpeg, lame, sox (with libsox-fmt-mp3) is there")


def write_wav(path: Path, seconds: float, rate: int = 8000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    tone = b"".join(struct.pack("<h", 8000 if i // 10 % 2 else -8000) for i in range(int(seconds * rate)))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(tone)
    return path


def unclosed(path: Path, seconds: float) -> Path:
    """What a killed Asterisk leaves: sound behind a header without lengths."""
    data = bytearray(write_wav(path, seconds).read_bytes())
    data[4:8] = data[40:44] = b"\0\0\0\0"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("rate", [8000, 16000])
def test_a_closed_file_tells_how_long_it_plays(tmp_path, rate):
    wav = read_wav(write_wav(tmp_path / "a.wav", 2.5, rate))
    assert wav is not None
    assert wav.closed
    assert wav.seconds == 2.5


def test_a_file_that_asterisk_still_writes_is_not_closed(tmp_path):
    wav = read_wav(unclosed(tmp_path / "a.wav", 2))
    assert wav is not None
    assert not wav.closed
    assert wav.seconds == 2


def test_a_file_shorter_than_its_header_says_is_not_closed(tmp_path):
    path = write_wav(tmp_path / "a.wav", 2)
    path.write_bytes(path.read_bytes()[:-1000])
    wav = read_wav(path)
    assert wav is not None
    assert not wav.closed


def test_gsm_in_wav_is_read_although_its_header_is_longer(tmp_path):
    sound = bytes(65 * 50)  # 50 frames of 40 ms
    fmt = struct.pack("<HHIIHHHH", 49, 1, 8000, 1625, 65, 0, 2, 320)
    body = b"WAVEfmt " + struct.pack("<I", len(fmt)) + fmt + b"fact" + struct.pack("<II", 4, 16000)
    body += b"data" + struct.pack("<I", len(sound)) + sound
    path = tmp_path / "a.WAV"
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    wav = read_wav(path)
    assert wav is not None
    assert wav.data_at == 60
    assert wav.closed
    assert wav.seconds == 2.0


@UNHURRIED
@given(st.binary(max_size=200))
def test_no_content_is_too_strange(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("strange") / "a.wav"
    path.write_bytes(content)
    assert read_wav(path) is None
    path.write_bytes(b"RIFF\xff\xff\xff\xffWAVE" + content)
    read_wav(path)


def test_a_mended_file_plays_whole_in_a_strict_player(tmp_path):
    source = unclosed(tmp_path / "a.wav", 3)
    mend_wav(source, tmp_path / "b.wav")
    with wave.open(str(tmp_path / "b.wav")) as file:
        assert file.getnframes() == 24000
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.wav", "b.wav"]


def test_what_is_no_wav_cannot_be_mended(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"hello")
    with pytest.raises(ValueError, match="no WAV"):
        mend_wav(tmp_path / "a.wav", tmp_path / "b.wav")


def is_mp3(data: bytes) -> bool:
    return data[:3] == b"ID3" or (data[0] == 0xFF and data[1] & 0xE0 == 0xE0)


@needs_encoder
@pytest.mark.parametrize("encoder", ENCODERS, ids=lambda encoder: Path(encoder.program).name)
async def test_every_installed_program_makes_a_smaller_mp3(tmp_path, encoder):
    source, target = write_wav(tmp_path / "a b.wav", 5), tmp_path / "a b.mp3"
    await make_mp3(source, target, [encoder])
    assert is_mp3(target.read_bytes())
    assert 15_000 < target.stat().st_size < 30_000  # 5 s of 32 kbit/s
    assert not list(tmp_path.glob("*.part"))


async def test_without_a_program_the_error_says_what_to_install(tmp_path):
    with pytest.raises(ConversionFailed, match="install ffmpeg, lame or sox"):
        await make_mp3(write_wav(tmp_path / "a.wav", 1), tmp_path / "a.mp3", [])


async def test_a_program_that_fails_is_quoted_and_leaves_nothing_behind(tmp_path):
    shell = Encoder(program="sh", arguments="-c echo>{target};echo${{IFS}}cannot${{IFS}}do>&2;exit${{IFS}}3")
    silent = Encoder(program="false", arguments="")
    with pytest.raises(ConversionFailed, match=r"sh: cannot do; false: ended with 1; no-such-program: .*No such file"):
        await make_mp3(
            write_wav(tmp_path / "a.wav", 1),
            tmp_path / "a.mp3",
            [shell, silent, Encoder(program="/nowhere/no-such-program", arguments="")],
        )
    assert [p.name for p in tmp_path.iterdir()] == ["a.wav"]


async def test_a_program_that_says_it_is_done_but_wrote_nothing_is_not_believed(tmp_path):
    with pytest.raises(ConversionFailed, match="wrote nothing"):
        await make_mp3(write_wav(tmp_path / "a.wav", 1), tmp_path / "a.mp3", [Encoder(program="true", arguments="")])


async def test_the_next_program_is_tried_when_one_fails(tmp_path):
    copy = Encoder(program="cp", arguments="{source} {target}")
    await make_mp3(write_wav(tmp_path / "a.wav", 1), tmp_path / "a.mp3", [Encoder(program="false", arguments=""), copy])
    assert (tmp_path / "a.mp3").exists()


async def test_a_program_that_hangs_is_ended(tmp_path):
    hanging = Encoder(program="sleep", arguments="1000")
    with pytest.raises(ConversionFailed, match="not ready after 0 s"):
        await make_mp3(
            write_wav(tmp_path / "a.wav", 1), tmp_path / "a.mp3", [hanging], limit=timedelta(milliseconds=50)
        )


async def test_a_conversion_that_is_cancelled_ends_its_program_and_leaves_nothing(tmp_path):
    started = tmp_path / "started"
    os.mkfifo(started)
    script = Encoder(program="sh", arguments=f"-c echo>{{target}};echo>{started};exec${{{{IFS}}}}sleep${{{{IFS}}}}1000")
    conversion = asyncio.create_task(make_mp3(write_wav(tmp_path / "a.wav", 1), tmp_path / "a.mp3", [script]))
    await asyncio.to_thread(started.read_bytes)  # until the script has come so far
    conversion.cancel()
    with pytest.raises(asyncio.CancelledError):
        await conversion
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.wav", "started"]


def test_only_installed_programs_are_offered(tmp_path):
    assert installed_encoders(str(tmp_path)) == ()
    lame = tmp_path / "lame"
    lame.write_text("#!/bin/sh\n")
    lame.chmod(0o755)
    assert [encoder.program for encoder in installed_encoders(str(tmp_path))] == [str(lame)]
