"""Hooks as programs: JSON in, JSON out, whatever else they try."""

from __future__ import annotations

import contextlib
import json
import os
import select
import sys
from datetime import timedelta

import pytest
from tests.unit.hooks.conftest import Desk, Portals, missed_call, settings_for

from ringbridge.hooks import executables
from ringbridge.hooks.executables import Limits
from ringbridge.hooks.outcome import HookFailed, HookTimeout
from ringbridge.hooks.runner import Hooks

FINAL = {"CALL_ID": "externalCall.1", "USER_ID": "1", "STATUS_CODE": "304", "DURATION": 0}


def program(body: str) -> str:
    return f"#!{sys.executable} -S\n{body}"


async def test_a_program_gets_the_hooks_arguments_and_gives_data(desk: Desk):
    desk.program(
        "process_final_params.py-script",
        program("""
import json, sys
told = json.load(sys.stdin)
seen = {"hook": told["hook"], "disposition": told["call"]["disposition"], "wait": told["call"]["wait"],
        "token": told["secrets"]["token"], "prefix": told["settings"]["prefix"], "portal": told["portal"]}
print(json.dumps({"data": {**told["params"], "UF_SEEN": seen}}))
"""),
    )
    outcome = await desk.ask("process_final_params", FINAL, call=missed_call())
    assert outcome.errors == ()
    assert outcome.value == {
        **FINAL,
        "UF_SEEN": {
            "hook": "process_final_params",
            "disposition": "missed",
            "wait": 20,
            "token": "open sesame",
            "prefix": "8",
            "portal": "main",
        },
    }


async def test_a_shell_script_with_digits_before_its_name_is_a_hook(desk: Desk):
    desk.program("10-need_registration.sh", '#!/bin/sh\necho \'{"data": {"result": false}}\'')
    assert (await desk.ask("need_registration", True)).value is False


@pytest.mark.parametrize("said", ['{"data": "8"}', '{"data": {"phone": "8"}}', '{"state": "success", "data": 8}'])
async def test_a_single_value_may_stand_alone_or_under_its_name(desk: Desk, said: str):
    desk.program("process_client_phone", f"#!/bin/sh\necho '{said}'")
    assert (await desk.ask("process_client_phone", "1")).value == "8"


@pytest.mark.parametrize("said", ["", "{}", '{"state": "success"}'])
async def test_a_program_that_says_nothing_changes_nothing(desk: Desk, said: str):
    desk.program("process_final_params", f"#!/bin/sh\necho '{said}'")
    outcome = await desk.ask("process_final_params", FINAL)
    assert (outcome.value, outcome.cancelled, outcome.errors) == (FINAL, False, ())


@pytest.mark.parametrize("data", ["{}", "[]", "null"])
async def test_empty_data_cancels(desk: Desk, data: str):
    desk.program("process_final_params", f"#!/bin/sh\necho '{{\"data\": {data}}}'")
    assert (await desk.ask("process_final_params", FINAL)).cancelled


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("echo garbage", "said no JSON: 'garbage'"),
        ("echo '[1, 2]'", "said list, not an object"),
        ('echo \'{"state": "error"}\'', "said that its state is 'error'"),
        ('echo \'{"data": "text"}\'', "gave back what it may not"),
        ("echo '{\"data\": false}'", "gave back what it may not"),
        ('echo \'{"data": {"UF_CUT": "\\ud83d"}}\'', "surrogates not allowed"),
        ("echo oh no >&2; exit 3", "ended with status 3: oh no"),
        ("kill -9 $$", "was ended by SIGKILL"),
        ("exec /not/there", "ended with status"),
    ],
)
async def test_a_program_that_goes_wrong_is_told_in_words_and_the_value_goes_on(desk: Desk, body: str, why: str):
    desk.program("process_final_params", f"#!/bin/sh\n{body}")
    outcome = await desk.ask("process_final_params", FINAL)
    assert outcome.value == FINAL
    assert why in outcome.errors[0]


async def test_a_file_that_is_no_program_any_more_is_told(desk: Desk):
    desk.program("process_final_params", "#!/not/there")
    assert "ended with status" in (await desk.ask("process_final_params", FINAL)).errors[0]


EXPECTED = {"HOME", "LANG", "LC_CTYPE", "PATH", "PWD", "OLDPWD", "RINGBRIDGE_HOOK", "TMPDIR", "_"}


async def test_a_program_sees_none_of_our_environment_and_starts_in_an_empty_folder(desk: Desk):
    desk.program(
        "process_final_params",
        program("""
import json, os
is_home = os.environ["HOME"] == os.getcwd()
print(json.dumps({"data": {"NAMES": sorted(os.environ), "FILES": os.listdir(), "HOME": is_home}}))
"""),
    )
    value = (await desk.ask("process_final_params", FINAL)).value
    assert set(value["NAMES"]) <= EXPECTED
    assert (value["FILES"], value["HOME"]) == ([], True)


def run(text: str, within: float = 20.0, limits: Limits | None = None) -> bytes:
    return executables.run([sys.executable, "-S", "-c", text], b"{}", within=within, hook="test", limits=limits)


def test_a_program_that_hangs_is_killed_with_all_that_it_started(tmp_path):
    text = f"""
import os, time
child = os.fork()
if not child:
    time.sleep(600)
open({str(tmp_path / "pids")!r}, "w").write(f"{{os.getpid()}} {{child}}")
time.sleep(600)
"""
    within = 0.5
    while not (tmp_path / "pids").exists():  # a busy machine may need longer to begin it
        with pytest.raises(HookTimeout):
            run(text, within=within)
        within *= 4
    for number in (tmp_path / "pids").read_text().split():
        assert has_ended(int(number))


def has_ended(number: int) -> bool:
    """Waits for the end of a process that was killed: a kill is not awaited by who sends it."""
    try:
        process = os.pidfd_open(number)
    except ProcessLookupError:
        return True
    with contextlib.closing(os.fdopen(process, "rb", buffering=0)):
        return bool(select.select([process], [], [], 30)[0])


def test_what_a_program_leaves_behind_holds_nothing_up_and_is_ended(tmp_path):
    text = f"""
import os, time
child = os.fork()
if not child:
    time.sleep(600)
open({str(tmp_path / "pid")!r}, "w").write(str(child))
print("{{}}")
"""
    assert run(text) == b"{}\n"
    assert has_ended(int((tmp_path / "pid").read_text()))


def test_a_daemon_that_leaves_the_session_holds_nothing_up(tmp_path):
    text = f"""
import os, time
if not os.fork():
    os.setsid()
    open({str(tmp_path / "pid")!r}, "w").write(str(os.getpid()))
    time.sleep(600)
while not os.path.exists({str(tmp_path / "pid")!r}):
    time.sleep(0.001)
print("{{}}", flush=True)
"""
    try:
        assert run(text) == b"{}\n"
    finally:
        os.kill(int((tmp_path / "pid").read_text()), 9)


def test_a_program_that_says_a_gigabyte_is_stopped_at_its_limit():
    with pytest.raises(HookFailed, match="said more than 1048576 bytes"):
        run("import os\nwhile True: os.write(1, b'x' * 65536)")


def test_a_program_that_writes_a_gigabyte_is_stopped_at_its_limit():
    with pytest.raises(HookFailed, match=r"too large a file|File too large"):
        run("open('big', 'wb').write(b'x' * 4_000_000)", limits=Limits(file=1_000_000))


def test_a_program_that_forks_without_end_has_a_limit_and_is_ended_whole(tmp_path):
    text = f"""
import os, resource, time
assert resource.getrlimit(resource.RLIMIT_NPROC) == (9, 9), resource.getrlimit(resource.RLIMIT_NPROC)
for _ in range(4):
    os.fork()
open({str(tmp_path)!r} + f"/{{os.getpid()}}", "w").close()
time.sleep(600)
"""
    with pytest.raises(HookTimeout):
        run(text, within=0.5, limits=Limits(processes=9))
    assert all(has_ended(int(path.name)) for path in tmp_path.iterdir())


def test_a_program_that_takes_all_memory_is_stopped_at_its_limit():
    with pytest.raises(HookFailed, match="MemoryError"):
        run("x = bytearray(600_000_000)", limits=Limits(memory=200_000_000))


def test_a_program_that_complains_a_lot_is_heard_all_the_same():
    said = run("import os\nfor _ in range(100): os.write(2, b'x' * 65536)\nprint('{}')")
    assert said == b"{}\n"


def test_a_long_answer_and_a_long_question_pass_whole():
    told = json.dumps({"x": "й" * 200_000}).encode()
    command = [sys.executable, "-S", "-c", "import sys\nsys.stdout.write(sys.stdin.read())"]
    said = executables.run(command, told, within=20, hook="test", limits=Limits(output=4_000_000))
    assert json.loads(said) == json.loads(told)


async def test_a_program_that_is_late_three_times_in_a_row_is_left_alone_until_it_is_saved_or_a_minute_is_over(
    tmp_path,
):
    hooks = Hooks(settings_for(tmp_path, deadline=timedelta(seconds=0.01)))
    desk = Desk(folder=tmp_path, hooks=hooks, crm=Portals())
    path = desk.program("process_final_params", "#!/bin/sh\nsleep 600")
    for _ in range(3):
        outcome = await desk.ask("process_final_params", FINAL)
        assert "did not end within 0.01 s and was killed" in outcome.errors[0]
    assert not await hooks.wants("process_final_params")
    path.touch()
    assert await hooks.wants("process_final_params")
    hooks.close()


async def test_a_program_with_a_name_that_is_no_hook_is_told(desk: Desk):
    desk.program("cleanup.sh", "#!/bin/sh")
    (file,) = await desk.hooks.files()
    assert file.broken == "cleanup.sh is named like no hook"


async def test_a_program_without_a_run_bit_is_told_and_counts_from_the_moment_it_has_one(desk: Desk):
    path = desk.write("10-process_client_phone.sh", '#!/bin/sh\necho \'{"data": "8"}\'')
    desk.write("notes.sh", "#!/bin/sh")
    desk.write("process_client_phone.txt", "no program at all")
    assert (await desk.ask("process_client_phone", "1")).value == "1"
    (file,) = await desk.hooks.files()
    assert file.broken == "10-process_client_phone.sh has no run bit: chmod +x it"
    path.chmod(0o755)
    assert (await desk.ask("process_client_phone", "1")).value == "8"
