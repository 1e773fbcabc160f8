"""Hooks in Python: what they may do, and what they may do wrong."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from datetime import timedelta
from pathlib import Path
from textwrap import dedent

import pytest
from tests.unit.hooks.conftest import Desk, Portals, missed_call, settings_for
from tests.unit.hooks.test_programs import has_ended

from ringbridge.hooks import python
from ringbridge.hooks.folder import AT_ONCE, REST
from ringbridge.hooks.runner import Hooks, HookSettings
from ringbridge.hooks.threads import MOST_ASTRAY

FINAL = {"CALL_ID": "externalCall.1", "USER_ID": "1", "STATUS_CODE": "304", "DURATION": 0}


async def test_a_function_takes_only_the_arguments_it_wants(desk: Desk):
    desk.write(
        "phones.py",
        """
        def process_client_phone(phone, ctx):
            return ctx.settings["prefix"] + phone[-10:]
    """,
    )
    outcome = await desk.ask("process_client_phone", "+79125551122")
    assert outcome.value == "89125551122"
    assert outcome.notes == ("process_client_phone of phones.py: +79125551122 -> 89125551122",)


async def test_files_are_asked_in_the_order_of_their_names_and_each_sees_what_the_one_before_it_left(desk: Desk):
    desk.write("20-b.py", "def process_client_phone(phone): return phone + 'b'")
    desk.write("10-a.py", "def process_client_phone(phone): return phone + 'a'")
    desk.write("15-silent.py", "def process_client_phone(phone): return None")
    assert (await desk.ask("process_client_phone", "1")).value == "1ab"


async def test_an_async_hook_asks_the_crm_through_ctx(desk: Desk):
    desk.write(
        "owner.py",
        """
        async def process_final_params(params, ctx):
            found = await ctx.crm.call("crm.lead.list", {"filter": {"PHONE": "1"}})
            params["USER_ID"] = found[0]["ASSIGNED_BY_ID"]
            return params
    """,
    )
    desk.crm.answers = [[{"ASSIGNED_BY_ID": "9"}]]
    outcome = await desk.ask("process_final_params", FINAL)
    assert outcome.value == {**FINAL, "USER_ID": "9"}
    assert desk.crm.asked == [("crm.lead.list", {"filter": {"PHONE": "1"}})]


async def test_a_decorated_hook_is_a_hook_whether_it_is_async_or_not(desk: Desk):
    desk.write(
        "decorated.py",
        """
        import functools

        def marked(function):
            @functools.wraps(function)
            def called(phone):
                return function(phone)
            return called

        @marked
        async def process_client_phone(phone):
            return phone + "a"

        @marked
        def process_user_phone(phone):
            return phone + "b"
    """,
    )
    assert (await desk.ask("process_client_phone", "1")).value == "1a"
    assert (await desk.ask("process_user_phone", "1")).value == "1b"


async def test_secrets_of_hooks_are_given_and_printed_nowhere(desk: Desk):
    desk.write(
        "secret.py",
        """
        def process_client_phone(phone, ctx):
            assert ctx.secrets["token"] == "open sesame"
            return repr(ctx)
    """,
    )
    outcome = await desk.ask("process_client_phone", "1")
    assert "Context(" in outcome.value
    assert "sesame" not in outcome.value


async def test_a_secret_that_a_failing_hook_tells_is_not_told_on(desk: Desk):
    desk.write(
        "a.py", "def process_final_params(params, ctx): raise OSError(f'cannot open /?key={ctx.secrets[\"token\"]}')"
    )
    desk.write("b.py", "def process_final_params(params, ctx): return {**params, 'UF_KEY': ctx.secrets['token']}")
    outcome = await desk.ask("process_final_params", FINAL)
    told = [*outcome.errors, *outcome.notes, *(one.text for file in await desk.hooks.files() for one in file.troubles)]
    assert len(told) == 3
    assert all("•••" in text and "sesame" not in text for text in told), told
    assert outcome.value["UF_KEY"] == "open sesame"


async def test_a_change_in_place_counts_only_when_it_is_given_back(desk: Desk):
    desk.write(
        "silent.py",
        """
        def process_final_params(params):
            params["USER_ID"] = "9"
    """,
    )
    assert (await desk.ask("process_final_params", FINAL)).value == FINAL


async def test_an_empty_value_cancels_the_request_and_later_files_are_not_asked(desk: Desk):
    desk.write("1.py", "def process_final_params(params): return {}")
    desk.write("2.py", "def process_final_params(params): raise AssertionError")
    outcome = await desk.ask("process_final_params", FINAL)
    assert (outcome.cancelled_by, outcome.errors) == ("1.py", ())


async def test_what_names_the_step_stays_whatever_a_hook_says(desk: Desk):
    desk.write("wild.py", "def process_final_params(params): return {'CALL_ID': 'other', 'USER_ID': '9'}")
    assert (await desk.ask("process_final_params", FINAL)).value == {"CALL_ID": "externalCall.1", "USER_ID": "9"}


async def test_a_step_that_is_repeated_gets_the_same_answer_without_asking_again(desk: Desk):
    desk.write(
        "counting.py",
        """
        import itertools
        numbers = itertools.count(1)

        def process_final_params(params):
            return {**params, "USER_ID": next(numbers)}
    """,
    )
    first = await desk.ask("process_final_params", FINAL, once="step 1")
    again = await desk.ask("process_final_params", FINAL, once="step 1")
    other = await desk.ask("process_final_params", FINAL, once="step 2")
    assert [one.value["USER_ID"] for one in (first, again, other)] == [1, 1, 2]
    assert again.notes == ()


# Saving


async def test_a_file_counts_from_the_next_call_on_when_it_is_saved(desk: Desk):
    desk.write("phones.py", "def process_client_phone(phone): return 'one'")
    assert (await desk.ask("process_client_phone", "1")).value == "one"
    desk.write("phones.py", "def process_client_phone(phone): return 'two'")
    assert (await desk.ask("process_client_phone", "1")).value == "two"
    (desk.folder / "phones.py").unlink()
    assert (await desk.ask("process_client_phone", "1")).value == "1"


async def test_while_a_file_is_slow_to_load_other_calls_have_the_last_good_version(desk: Desk):
    desk.write("phones.py", "def process_client_phone(phone): return 'old'")
    assert (await desk.ask("process_client_phone", "1")).value == "old"
    begun, go_on = desk.folder / "_begun", desk.folder / "_go_on"
    for path in (begun, go_on):
        os.mkfifo(path)
    desk.write(
        "phones.py",
        f"""
        open({str(begun)!r}, "w").close()
        open({str(go_on)!r}).close()
        def process_client_phone(phone): return "new"
    """,
    )
    first = asyncio.create_task(desk.ask("process_client_phone", "1"))
    await asyncio.to_thread(begun.read_bytes)
    assert (await desk.ask("process_client_phone", "1")).value == "old"
    await asyncio.to_thread(go_on.write_bytes, b"")
    assert (await first).value == "new"


async def test_the_last_good_version_stays_and_the_broken_line_is_named(desk: Desk):
    desk.write("phones.py", "def process_client_phone(phone): return 'good'")
    assert (await desk.ask("process_client_phone", "1")).value == "good"
    desk.write("phones.py", "import os\n\ndef process_client_phone(phone) return 'bad'")
    assert (await desk.ask("process_client_phone", "1")).value == "good"
    (file,) = await desk.hooks.files()
    assert file.broken == "phones.py, line 3: expected ':'"


async def test_a_file_whose_own_code_fails_is_reported_with_the_line(desk: Desk):
    desk.write(
        "phones.py",
        """
        import os

        os.environ["NOT THERE"]
    """,
    )
    await desk.ask("process_client_phone", "1")
    (file,) = await desk.hooks.files()
    assert file.broken == "phones.py, line 3: KeyError: 'NOT THERE'"


async def test_an_argument_that_a_hook_does_not_have_is_named_with_those_it_has(desk: Desk):
    desk.write("phones.py", "def process_client_phone(number): return number")
    await desk.ask("process_client_phone", "1")
    (file,) = await desk.hooks.files()
    assert file.broken == ("phones.py, line 1: process_client_phone wants number; it can have phone, stage, call, ctx")


async def test_a_function_that_is_nearly_named_like_a_hook_is_told(desk: Desk):
    desk.write("phones.py", "def proces_client_phone(phone): return phone")
    await desk.ask("process_client_phone", "1")
    (file,) = await desk.hooks.files()
    assert file.hooks is not None
    assert file.hooks.strange == ("proces_client_phone is no hook; process_client_phone is",)


async def test_a_file_that_anybody_may_change_is_not_run(desk: Desk):
    desk.write("phones.py", "def process_client_phone(phone): return 'taken over'", mode=0o666)
    assert (await desk.ask("process_client_phone", "1")).value == "1"


async def test_a_folder_into_which_anybody_may_put_files_is_not_run(desk: Desk):
    desk.folder.chmod(0o777)
    desk.write("phones.py", "def process_client_phone(phone): return 'taken over'")
    assert (await desk.ask("process_client_phone", "1")).value == "1"
    (file,) = await desk.hooks.files()
    assert file.broken == f"{desk.folder} can be changed by anybody on this machine: chmod o-w it"


async def test_a_hook_cannot_change_the_settings_of_others(desk: Desk):
    desk.write("phones.py", "def process_client_phone(phone, ctx): ctx.settings['prefix'] = '9'")
    outcome = await desk.ask("process_client_phone", "1")
    assert "does not support item assignment" in outcome.errors[0]
    desk.write("phones.py", "def process_client_phone(phone, ctx): return ctx.settings['numbers'].pop(0)")
    assert [(await desk.ask("process_client_phone", "1")).value for _ in range(2)] == ["one", "one"]


async def test_files_can_be_switched_off_in_the_settings(tmp_path, desk: Desk):
    desk.write("a.py", "def process_client_phone(phone): return phone + 'a'")
    desk.write("b.py", "def process_client_phone(phone): return phone + 'b'")
    for changes, value in (({"off": frozenset({"a.py"})}, "1b"), ({"only": frozenset({"a.py"})}, "1a")):
        hooks = Hooks(settings_for(tmp_path, **changes))
        assert (await Desk(folder=tmp_path, hooks=hooks, crm=Portals()).ask("process_client_phone", "1")).value == value
        hooks.close()


# Going wrong: the value goes on


async def test_a_hook_that_raises_is_told_with_its_line_and_the_value_goes_on(desk: Desk):
    desk.write(
        "final.py",
        """
        def process_final_params(params):
            return {**params, "USER_ID": params["NOBODY"]}
    """,
    )
    outcome = await desk.ask("process_final_params", FINAL, call=missed_call())
    assert outcome.value == FINAL
    assert outcome.errors == ("process_final_params of final.py: final.py, line 2: KeyError: 'NOBODY'",)
    (file,) = await desk.hooks.files()
    assert [(one.hook, one.call, one.text) for one in file.troubles] == [
        ("process_final_params", "office-1773129600.7", "final.py, line 2: KeyError: 'NOBODY'")
    ]


@pytest.mark.parametrize("text", ["raise SystemExit(1)", "exit()", "raise KeyboardInterrupt", "raise StopIteration"])
async def test_a_hook_that_wants_to_end_everything_ends_nothing(desk: Desk, text: str):
    desk.write("final.py", f"def process_final_params(params): {text}")
    outcome = await desk.ask("process_final_params", FINAL)
    assert outcome.value == FINAL
    assert len(outcome.errors) == 1


@pytest.mark.parametrize(
    ("hook", "value", "given_back"),
    [
        ("process_final_params", FINAL, "'garbage'"),
        ("process_final_params", FINAL, "{'USER_ID': ['a', 'list']}"),
        ("process_final_params", FINAL, "{'UF_FIELD': object()}"),
        ("process_final_params", FINAL, "{'UF_FIELD': float('nan')}"),
        ("process_final_params", FINAL, "{'UF_FIELD': 'x' * 2_000_000}"),
        ("process_final_params", FINAL, "{'UF_FIELD': 'half of a letter: \\ud83d'}"),
        ("process_final_params", FINAL, "False"),
        ("process_final_params", FINAL, "''"),
        ("process_final_params", FINAL, "0"),
        ("process_client_phone", "1", "7"),
        ("process_client_phone", "1", "'half of a letter: \\ud83d'"),
        ("process_client_phone", "1", "'1' * 5_000"),
        ("process_client_phone", "1", "'101\\n'"),
        ("process_originate_params", {"channel": "PJSIP/1"}, "{'channel': 'PJSIP/1\\r\\nAction: Command'}"),
        ("need_registration", True, "'no'"),
        ("process_originate_params", {"channel": "PJSIP/1"}, "{'application': 'System'}"),
    ],
)
async def test_what_a_hook_may_not_give_back_is_refused_in_words(desk: Desk, hook: str, value, given_back: str):
    name = "params" if isinstance(value, dict) else "phone" if isinstance(value, str) else "result"
    desk.write("wrong.py", f"def {hook}({name}): return {given_back}")
    outcome = await desk.ask(hook, value, request={})
    assert outcome.value == value
    assert len(outcome.errors) == 1
    assert "gave back" in outcome.errors[0]


async def test_an_error_with_half_of_a_letter_is_told_as_text_that_can_be_kept(desk: Desk):
    desk.write("wrong.py", "def process_final_params(params): raise ValueError('\\ud83d\\0')")
    outcome = await desk.ask("process_final_params", FINAL)
    assert outcome.errors == ("process_final_params of wrong.py: wrong.py, line 1: ValueError: ??",)


async def test_a_number_stands_for_a_text_in_a_requests_fields(desk: Desk):
    desk.write("line.py", "def process_registration_params(params): return {**params, 'LINE_NUMBER': 74951112233}")
    assert (await desk.ask("process_registration_params", {})).value == {"LINE_NUMBER": "74951112233"}


async def test_what_post_registration_gives_back_does_not_matter(desk: Desk):
    desk.write("told.py", "def post_registration(facts): return 5")
    outcome = await desk.ask("post_registration", {"call_id": "externalCall.1"})
    assert (outcome.value, outcome.notes, outcome.errors) == ({"call_id": "externalCall.1"}, (), ())


def hurried(folder, seconds: float = 0.05) -> HookSettings:
    return settings_for(folder, deadline=timedelta(seconds=seconds))


HANGING = {
    "a loop": """
        def process_final_params(params):
            import time
            while not (released.exists()):
                time.sleep(0.001)
    """,
    "a loop in a coroutine": """
        async def process_final_params(params):
            import time
            while not (released.exists()):
                time.sleep(0.001)
    """,
}


@pytest.mark.parametrize("text", HANGING.values(), ids=HANGING)
async def test_a_hook_that_hangs_is_given_up_and_not_asked_before_it_is_saved_again(tmp_path, text: str):
    released = tmp_path / "released"
    hooks = Hooks(hurried(tmp_path, 0.5))  # long enough for a good one, on a busy machine too
    desk = Desk(folder=tmp_path, hooks=hooks, crm=Portals())
    desk.write("hanging.py", f"from pathlib import Path\nreleased = Path({str(released)!r})\n{dedent(text)}")
    outcome = await desk.ask("process_final_params", FINAL)
    assert outcome.value == FINAL
    assert "did not end within 0.5 s" in outcome.errors[0]
    assert not await hooks.wants("process_final_params")
    released.touch()
    desk.write("hanging.py", "def process_final_params(params): return {**params, 'USER_ID': 9}")
    assert (await desk.ask("process_final_params", FINAL)).value["USER_ID"] == 9
    hooks.close()


async def test_a_hook_that_hangs_for_many_calls_at_once_holds_them_up_once(tmp_path):
    released = tmp_path / "released"
    hooks = Hooks(hurried(tmp_path, 0.5))
    desk = Desk(folder=tmp_path, hooks=hooks, crm=Portals())
    desk.write(
        "hanging.py", f"from pathlib import Path\nreleased = Path({str(released)!r})\n{dedent(HANGING['a loop'])}"
    )
    outcomes = await asyncio.gather(*(desk.ask("process_final_params", FINAL) for _ in range(50)))
    assert all(outcome.value == FINAL for outcome in outcomes)
    assert sum(bool(outcome.errors) for outcome in outcomes) == AT_ONCE
    desk.write("good.py", "def process_client_phone(phone): return phone + '!'")
    assert (await desk.ask("process_client_phone", "1")).value == "1!", "other files are asked as before"
    released.touch()
    hooks.close()


async def test_a_coroutine_that_waits_too_long_is_cancelled_and_left_alone_after_three_times(tmp_path, monkeypatch):
    monkeypatch.setattr(python, "GRACE", 30.0)  # it ends by itself, however busy the machine is
    hooks = Hooks(hurried(tmp_path, 0.01))
    desk = Desk(folder=tmp_path, hooks=hooks, crm=Portals())
    desk.write(
        "waiting.py",
        """
        import asyncio

        async def process_final_params(params):
            await asyncio.Event().wait()
    """,
    )
    for _ in range(3):
        assert await hooks.wants("process_final_params")
        assert (await desk.ask("process_final_params", FINAL)).value == FINAL
    assert not await hooks.wants("process_final_params")
    (file,) = await hooks.files()
    assert file.off == "It was late 3 times in a row, and is left alone for a minute."
    now = time.monotonic()
    file.clock = lambda: now + REST
    assert await hooks.wants("process_final_params"), "what it waits for may have come back"
    hooks.close()


def hanging(desk: Desk, hook: str = "process_final_params(params)") -> Path:
    """A file that hangs until the path is there."""
    released = desk.folder / "released"
    desk.write(
        "hanging.py",
        f"""
        import pathlib, time

        def {hook}:
            while not pathlib.Path({str(released)!r}).exists():
                time.sleep(0.001)
    """,
    )
    return released


async def until_it_is_asked_again(hooks: Hooks, hook: str) -> None:
    async with asyncio.timeout(30):
        while not await hooks.wants(hook):  # noqa: ASYNC110 - a state of a thread, which nobody announces
            await asyncio.sleep(0.001)


async def test_a_file_that_hangs_is_asked_again_when_it_has_ended_and_not_before(tmp_path):
    hooks = Hooks(hurried(tmp_path))
    desk = Desk(folder=tmp_path, hooks=hooks, crm=Portals())
    released = hanging(desk)
    await desk.ask("process_final_params", FINAL)
    (file,) = await hooks.files()
    assert file.off == "It hangs, and is not asked until it has ended or is saved again."
    now = time.monotonic()
    file.clock = lambda: now + 1e6
    assert not await hooks.wants("process_final_params")
    released.touch()
    await until_it_is_asked_again(hooks, "process_final_params")
    hooks.close()


async def test_a_hook_for_which_nobody_waits_any_more_is_left_alone_until_it_has_ended(desk: Desk):
    released = hanging(desk, "customize_autodistribution(extension)")
    desk.write("other.py", "def process_client_phone(phone): return phone + '!'")
    for _ in range(MOST_ASTRAY + 1):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.05):  # a caller's budget
                await desk.ask("customize_autodistribution", "101", client={})
    (file, _) = await desk.hooks.files()
    assert [one.text for one in file.troubles] == ["was still at work when nobody waited for it any more"]
    assert (await desk.ask("process_client_phone", "1")).value == "1!"
    released.touch()
    await until_it_is_asked_again(desk.hooks, "customize_autodistribution")


SLOW_END = """
    import threading

    done = threading.Event()

    def process_final_params(params):
        done.wait()

    def process_client_phone(phone):
        done.set()
        return phone + "!"
"""


async def test_a_ringing_phone_waits_for_no_hook_of_a_call_that_is_over(desk: Desk):
    desk.write("slow.py", SLOW_END)
    (file,) = await desk.hooks.files()
    async with asyncio.TaskGroup() as group:
        for _ in range(50):
            group.create_task(desk.ask("process_final_params", FINAL))
        while not file.other_turns.locked():  # noqa: ASYNC110 - a state of the file, which nobody announces
            await asyncio.sleep(0)
        phone = await desk.ask("process_client_phone", "1")
        assert (phone.value, phone.errors) == ("1!", ())


async def test_a_ringing_phone_waits_for_its_turn_no_longer_than_for_the_hook(tmp_path):
    hooks = Hooks(settings_for(tmp_path, urgent_deadline=timedelta(seconds=0.05)))
    desk = Desk(folder=tmp_path, hooks=hooks, crm=Portals())
    desk.write("busy.py", "def process_client_phone(phone): return phone + '!'")
    (file,) = await hooks.files()
    for _ in range(AT_ONCE):
        await file.urgent_turns.acquire()
    outcome = await desk.ask("process_client_phone", "1")
    assert outcome.value == "1"
    assert outcome.errors[0].endswith("was not asked: for 0.05 s it has been busy with 4 other calls")
    file.urgent_turns.release()
    assert (await desk.ask("process_client_phone", "1")).value == "1!"
    hooks.close()


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
async def test_a_hook_that_forks_leaves_no_second_service_behind(desk: Desk):
    desk.write("forking.py", "import os\ndef process_client_phone(phone): return str(os.fork())")
    copy = int((await desk.ask("process_client_phone", "1")).value)
    try:
        assert has_ended(copy)
    finally:
        os.kill(copy, signal.SIGKILL)
        os.waitpid(copy, 0)  # noqa: ASYNC222 - it has been killed


async def test_a_file_whose_name_nobody_can_read_is_passed_over(desk: Desk):
    for name in ("Копия.py".encode("cp1251"), b"a\nb.py"):
        (desk.folder / os.fsdecode(name)).write_text("def process_client_phone(phone): return '8'", encoding="utf-8")
    assert (await desk.ask("process_client_phone", "1")).value == "1"
    assert await desk.hooks.files() == []


async def test_what_is_named_like_a_hook_and_is_no_function_is_told(desk: Desk):
    desk.write("phones.py", "import functools\nprocess_client_phone = functools.partial(str.lstrip, '+')")
    assert (await desk.ask("process_client_phone", "1")).value == "1"
    (file,) = await desk.hooks.files()
    assert file.hooks is not None
    assert file.hooks.strange == ("process_client_phone is no function, and is not asked",)


async def test_a_hook_of_another_crm_is_not_asked(desk: Desk):
    desk.write("calls.py", "def process_call_params(params): return {}")
    assert await desk.hooks.wants("process_call_params", "amocrm")
    assert not await desk.hooks.wants("process_call_params", "bitrix24")


async def test_a_file_that_is_replaced_while_it_runs_ends_as_it_began(desk: Desk):
    desk.write(
        "self.py",
        """
        import os

        def process_client_phone(phone):
            with open(__file__ + ".new", "w") as file:
                file.write("def process_client_phone(phone): return 'new'")
            os.replace(__file__ + ".new", __file__)
            return "old"
    """,
    )
    assert (await desk.ask("process_client_phone", "1")).value == "old"
    assert (await desk.ask("process_client_phone", "1")).value == "new"
    assert [path.name for path in desk.folder.iterdir()] == ["self.py"]
