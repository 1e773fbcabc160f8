"""The commands as a person types them."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from ringbridge.cli import main

OFFICE = """
[[pbx]]
name = "office"
username = "ringbridge"
secret = "pbx-secret"
[[trunk]]
name = "mango"
[[portal]]
name = "main"
webhook = "https://example.bitrix24.ru/rest/1/hook-secret/"
default_user = "1"
[[employee]]
name = "Иван Петров"
extensions = ["101"]
users = { main = "5" }
[[rule]]
name = "our shops"
numbers = ["+7 343 272-30-44"]
register = false
[[rule]]
name = "radio"
trunks = ["mango"]
source = "ADVERTISING"
task = true
"""
TRACE = Path("tests/traces/ast22/inbound_answered.ami.gz")


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("RINGBRIDGE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("RINGBRIDGE_CONFIG", str(tmp_path / "none.toml"))

    def invoke(*arguments: object):
        return CliRunner().invoke(main, [str(argument) for argument in arguments])

    return invoke


@pytest.fixture
def office(tmp_path, run):
    file = tmp_path / "office.toml"
    file.write_text(OFFICE, encoding="utf-8")
    done = run("config", "import", file)
    assert (done.exit_code, done.stderr) == (0, "")
    return file


def test_what_is_exported_can_be_imported_and_is_the_same(tmp_path, run, office):
    first = run("config", "export").stdout
    again = tmp_path / "again.toml"
    again.write_text(first, encoding="utf-8")
    assert run("config", "import", again).exit_code == 0
    assert run("config", "export").stdout == first
    assert "hook-secret" in first


def test_an_empty_file_does_not_take_the_office_away(tmp_path, run, office):
    before = run("config", "export").stdout
    (tmp_path / "empty.toml").write_text("")
    refused = run("config", "import", tmp_path / "empty.toml")
    assert refused.exit_code == 1
    assert "nothing was changed" in refused.stderr
    assert run("config", "export").stdout == before


def test_a_file_from_windows_is_taken_and_one_that_is_not_in_utf_8_is_refused_with_its_line(run, office, tmp_path):
    file = tmp_path / "rules.toml"
    file.write_text('[[rule]]\r\nname = "Пропущенные"\r\ntask = true\r\n', encoding="utf-8-sig", newline="")
    assert run("rules", "import", file).stdout == "Configured: 1 rules\n"
    file.write_text('[[rule]]\nname = "Пропущенные"\ntask = false\n', encoding="cp1251")
    assert run("rules", "import", file).stderr == f"ringbridge: {file} is not in UTF-8: save it so (line 2)\n"


def test_an_export_without_secrets_shows_none(run, office):
    shown = run("config", "export", "--no-secrets").stdout
    assert "hook-secret" not in shown
    assert "pbx-secret" not in shown


def test_a_broken_file_is_refused_with_its_mistakes_and_changes_nothing(tmp_path, run, office):
    before = run("config", "export").stdout
    broken = tmp_path / "broken.toml"
    broken.write_text(OFFICE.replace("username", "user"), encoding="utf-8")
    refused = run("config", "import", broken)
    assert refused.exit_code == 1
    assert "pbx[1].username: is missing" in refused.stderr
    assert "Traceback" not in refused.output
    assert run("config", "export").stdout == before


def test_before_anything_is_configured_the_commands_say_what_to_do(run):
    for command in (("config", "export"), ("rules", "try")):
        refused = run(*command)
        assert refused.exit_code == 1
        assert "ringbridge config import" in refused.stderr


@pytest.mark.parametrize("taken", ["port", "host"])
def test_an_address_that_cannot_be_listened_on_is_named_with_what_to_set(run, office, monkeypatch, taken):
    with socket.create_server(("127.0.0.1", 0)) as other:
        monkeypatch.setenv("RINGBRIDGE_HOST", "127.0.0.1" if taken == "port" else "192.0.2.1")
        monkeypatch.setenv("RINGBRIDGE_PORT", str(other.getsockname()[1]))
        refused = run("run")
    assert refused.exit_code == 1
    assert "set RINGBRIDGE_HOST or RINGBRIDGE_PORT" in refused.stderr
    assert "while attempting" not in refused.stderr


def test_a_wrong_port_in_the_environment_is_named(run, monkeypatch):
    monkeypatch.setenv("RINGBRIDGE_PORT", "many")
    refused = run("config", "export")
    assert refused.exit_code == 1
    assert "RINGBRIDGE_PORT" in refused.stderr


def test_a_wrong_setting_in_the_file_is_named(tmp_path, run):
    (tmp_path / "none.toml").write_text("prot = 8077\nlog_level = 'loud'\n")
    told = run("config", "export").stderr
    assert "prot in ringbridge.toml: no such setting" in told
    assert "log_level in ringbridge.toml: Input should be 'DEBUG', 'INFO', 'WARNING' or 'ERROR'" in told


def test_rules_tried_on_a_made_up_call_name_the_rows_that_decided(run, office):
    told = run(
        "rules", "try", "--result", "missed", "--trunk", "mango", "--number", "89125551122", "--extension", "101"
    ).stdout
    assert "1. our shops: does not match: numbers" in told
    assert "2. radio: matches" in told
    assert "source     ADVERTISING" in told
    assert "by 'radio'" in told
    assert "MakeTask: number=+79125551122, responsible=5" in told


def test_rules_tried_on_a_number_of_the_black_list_say_that_nothing_would_be_told(run, office):
    told = run("rules", "try", "--number", "83432723044").stdout
    assert "1. our shops: matches" in told
    assert "The portal would be told nothing." in told


def test_rules_tried_on_a_call_that_is_not_there_say_so(run, office):
    refused = run("rules", "try", "--call", "office-1.1")
    assert refused.exit_code == 1
    assert "The journal has no call office-1.1" in refused.stderr


def test_replay_prints_a_json_line_per_call(run):
    done = run("replay", "--json", "--trunk", "mango", TRACE)
    (call,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert (call["direction"], call["external"], call["answered_by"]) == ("inbound", "+79125551122", ["101"])


def test_replay_for_a_country_that_is_none_is_refused(run):
    refused = run("replay", "--region", "Russia", TRACE)
    assert refused.exit_code == 2
    assert "two capital letters, such as RU" in refused.stderr


def test_replay_of_something_else_says_that_there_is_no_call(tmp_path, run):
    (tmp_path / "picture.ami").write_bytes(bytes(range(256)) * 9)
    done = run("replay", "--json", tmp_path / "picture.ami")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "No call" in done.stderr


def test_replay_for_people_is_one_line_a_call(run):
    (line,) = run("replay", "--trunk", "mango", TRACE).stdout.splitlines()
    assert "inbound  +79125551122  by mango  to 73432723033  answered  101 4 s" in line


@pytest.mark.parametrize("damage", ["cut", "index", "gzip"])
def test_a_damaged_trace_is_read_as_far_as_it_goes_or_refused_in_words(tmp_path, run, damage):
    trace = tmp_path / TRACE.name
    shutil.copy(TRACE, trace)
    times = trace.with_name("inbound_answered.times.gz")
    if damage == "index":
        times.write_bytes(b"0 12345.0\nnonsense here\n")
    elif damage == "gzip":
        trace.write_bytes(TRACE.read_bytes()[:500])
    else:
        import gzip

        trace.write_bytes(gzip.compress(gzip.decompress(TRACE.read_bytes())[:-3000]))
        shutil.copy(TRACE.with_name(times.name), times)
    done = run("replay", "--json", "--trunk", "mango", trace)
    assert "Traceback" not in done.output
    assert done.exit_code == (0 if damage == "cut" else 1)
    if damage != "cut":
        assert str(tmp_path) in done.stderr


@pytest.mark.parametrize("option", ["--port", "--portal-port"])
def test_a_demonstration_whose_port_is_taken_says_which_and_how_to_choose_another(tmp_path, run, option):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = {"--port": 0, "--portal-port": 0} | {option: taken.getsockname()[1]}
        refused = run("demo", "--data", tmp_path, *(part for pair in ports.items() for part in pair))
    assert refused.exit_code == 1
    assert f'choose another with {option}, by make with DEMO="{option} 9077".' in refused.stderr
    assert "Traceback" not in refused.output


def test_a_demonstration_that_cannot_write_its_data_says_so(tmp_path, run):
    (tmp_path / "file").write_text("")
    refused = run("demo", "--data", tmp_path / "file" / "data", "--port", 0, "--portal-port", 0)
    assert refused.exit_code == 1
    assert "name another folder with --data" in refused.stderr


def test_the_command_is_installed_and_tells_its_version():
    command = Path(sys.executable).with_name("ringbridge")
    told = subprocess.run([command, "--version"], capture_output=True, text=True, check=True, env=dict(os.environ))
    assert told.stdout.startswith("ringbridge, version ")


def test_rules_are_checked_when_they_are_imported_and_whenever_asked(run, tmp_path):
    file = tmp_path / "office.toml"
    file.write_text(OFFICE.replace('trunks = ["mango"]', 'trunks = ["mangoo"]'), encoding="utf-8")
    words = "Row 2, radio: No trunk is named mangoo: see [[trunk]].\n"
    assert run("config", "import", file).stderr == f"Rules: {words}"
    assert run("rules", "check").stdout == words
    file.write_text(OFFICE, encoding="utf-8")
    assert run("config", "import", file).stderr == ""
    assert run("rules", "check").stdout == "2 rows, and nothing is wrong with them.\n"


def test_rules_leave_and_come_by_themselves_and_the_office_stays(run, office, tmp_path):
    before = run("config", "export").stdout
    file = tmp_path / "rules.toml"
    file.write_text(run("rules", "export").stdout, encoding="utf-8")
    assert run("rules", "import", file).stdout == "Configured: 2 rules\n"
    assert run("config", "export").stdout == before
    file.write_text('[[rule]]\nname = "all"\nrecording = false\n', encoding="utf-8")
    run("rules", "import", file)
    assert tomllib.loads(run("rules", "export").stdout) == {"rule": [{"name": "all", "recording": False}]}
    assert 'secret = "pbx-secret"' in run("config", "export").stdout
    file.write_text('region = "KZ"\n', encoding="utf-8")
    assert "must hold [[rule]] and nothing else" in run("rules", "import", file).stderr
