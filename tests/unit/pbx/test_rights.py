from __future__ import annotations

import pytest

from ringbridge.ami.message import Message
from ringbridge.emulators.asterisk.users import User
from ringbridge.pbx.rights import Rights, class_for


def missing(rights: Rights) -> set[tuple[str, str]]:
    return {(right.kind, right.name) for right in rights.missing()}


def test_nothing_is_called_missing_before_anything_is_known() -> None:
    assert Rights().missing() == ()


def test_actions_that_are_not_listed_name_the_write_class_that_allows_them() -> None:
    rights = Rights()
    rights.note_commands(Message([("Response", "Success"), ("Status", "List"), ("Getvar", "Gets")]))
    assert missing(rights) == {("write", "originate"), ("write", "reporting")}
    assert "write = " in str(rights.missing()[0])


@pytest.mark.parametrize(
    ("read", "expected"), [("call,agent", {"cdr", "system"}), ("all", set()), ("cdr", {"call", "agent", "system"})]
)
def test_read_classes_are_taken_from_manager_show_user(read: str, expected: set[str]) -> None:
    rights = Rights()
    rights.note_user([f"         read perm: {read}", "        write perm: all"])
    assert missing(rights) == {("read", name) for name in expected}


def test_the_output_of_the_emulated_manager_show_user_is_understood() -> None:
    rights = Rights()
    rights.note_user(User(name="x", secret="y", read=frozenset({"call", "cdr"})).show())
    assert rights.read == {"call", "cdr"}


def test_a_cdr_without_any_call_event_tells_that_call_is_not_read() -> None:
    rights = Rights()
    rights.note_event(Message([("Event", "FullyBooted"), ("Privilege", "system,all")]))
    assert rights.missing() == ()
    rights.note_event(Message([("Event", "Cdr"), ("Privilege", "cdr,all")]))
    (right,) = rights.missing()
    assert (right.kind, right.name, right.required) == ("read", "call", True)
    rights.note_event(Message([("Event", "Hangup"), ("Privilege", "call,all")]))
    assert rights.missing() == ()


def test_a_refused_action_names_the_mildest_class() -> None:
    assert class_for("Originate") == "originate"
    assert class_for("coreshowchannels") == "reporting"
    assert class_for("Ping") is None
