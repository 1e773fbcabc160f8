"""Parts of a file over HTTP (RFC 9110 section 14)."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringbridge.pbx.recordings import part_of, stream

# A busy machine is no reason to fail.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize(
    ("asked", "status", "start", "length", "content_range"),
    [
        ("bytes=0-", 206, 0, 100, "bytes 0-99/100"),
        ("bytes=0-0", 206, 0, 1, "bytes 0-0/100"),
        ("bytes=10-19", 206, 10, 10, "bytes 10-19/100"),
        ("bytes=90-1000", 206, 90, 10, "bytes 90-99/100"),
        ("bytes=-30", 206, 70, 30, "bytes 70-99/100"),
        ("bytes=-1000", 206, 0, 100, "bytes 0-99/100"),
        ("Bytes = 5 - 6", 206, 5, 2, "bytes 5-6/100"),
        ("bytes=100-", 416, 0, 0, "bytes */100"),
        ("bytes=1000-2000", 416, 0, 0, "bytes */100"),
        ("bytes=-0", 416, 0, 0, "bytes */100"),
        (None, 200, 0, 100, None),
        ("", 200, 0, 100, None),
        ("bytes=-", 200, 0, 100, None),
        ("bytes=9-5", 200, 0, 100, None),
        ("bytes=0-1,5-6", 200, 0, 100, None),
        ("seconds=1-2", 200, 0, 100, None),
        ("bytes=a-b", 200, 0, 100, None),
        ("bytes=٣-", 200, 0, 100, None),
        ("bytes=" + "9" * 5000 + "-", 200, 0, 100, None),
    ],
)
def test_each_way_of_asking_has_its_answer(asked, status, start, length, content_range):
    part = part_of(asked, 100)
    assert (part.status, part.start, part.length) == (status, start, length)
    assert part.headers.get("Content-Range") == content_range
    assert part.headers["Content-Length"] == str(length)
    assert part.headers["Accept-Ranges"] == "bytes"


def test_an_empty_file_has_no_part():
    assert part_of("bytes=0-", 0).status == 416
    assert part_of(None, 0).status == 200


@UNHURRIED
@given(st.text(max_size=30) | st.from_regex(r"bytes=\d{0,12}-\d{0,12}", fullmatch=True), st.integers(0, 10**12))
def test_a_part_never_leaves_the_file(asked, size):
    part = part_of(asked, size)
    assert 0 <= part.start <= part.start + part.length <= size
    assert part.status in {200, 206, 416}
    assert (part.status == 206) == ("/" in part.headers.get("Content-Range", "") and part.length > 0)


@pytest.mark.parametrize("asked", [None, "bytes=0-", "bytes=65530-65545", "bytes=-1", "bytes=199999-", "bytes=200000-"])
async def test_the_bytes_are_those_that_were_asked_for(tmp_path, asked):
    content = bytes(i % 251 for i in range(200_000))
    path = tmp_path / "a.mp3"
    path.write_bytes(content)
    part = part_of(asked, len(content))
    assert b"".join([piece async for piece in stream(path, part)]) == content[part.start : part.start + part.length]


async def test_a_file_that_got_shorter_ends_early(tmp_path):
    path = tmp_path / "a.mp3"
    path.write_bytes(b"abc")
    assert b"".join([piece async for piece in stream(path, part_of(None, 1000))]) == b"abc"


async def test_a_file_that_is_gone_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        await anext(stream(tmp_path / "a.mp3", part_of(None, 1000)))
