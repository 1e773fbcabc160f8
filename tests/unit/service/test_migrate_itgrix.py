"""What of an Itgrix installation becomes ours, on folders as its documentation describes them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from tests.unit.service.test_office_configuration import SMALL

from ringbridge.service.config import ConfigError, Office, office_of
from ringbridge.service.itgrix.installation import read_installation, switched_on
from ringbridge.service.itgrix.migration import RULE, Fate, Plan, copy_scripts, plan, scripts_in
from ringbridge.service.itgrix.words import told

BLACK_LIST = """<?php
$key = $params['conversation']['type'] == 2 ? 'to' : 'from';
if (in_array($params['conversation'][$key], ['101'])) { $result = false; }
return array('state' => 'success', 'data' => array('result' => $result));
"""
FINAL = "<?php return ['state' => 'success', 'data' => $params];\n"
STATUS = {
    "app_state": "",
    "app": {
        "crm_type": "bitrix",
        "customizer": {"enabled": True, "methods": {"need_registration": True, "process_final_params": False}},
    },
}


class Disk:
    """A machine with Itgrix on it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def writes(self, path: str, text: str | bytes) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    def plan(self, office: Office | None = None, *, hooks: Path | None = None) -> Plan:
        found = read_installation([self.root])
        return plan(found, office or office_of(SMALL), scripts_in(hooks) if hooks else {})


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path / "copy")


def reasons(planned: Plan) -> dict[str, str]:
    return {Path(left.what).name: left.why for left in planned.left}


# Scripts


@pytest.mark.parametrize(
    "folder",
    [
        "opt/itgrix_bx/customizer/actions",  # 3.4 and later
        "opt/itgrix_bx/custom",  # 2.13.1 to 3.3
        "opt/itgrix_amo/customizer/actions",
        "opt/itgrix_kmo/customizer/actions",
    ],
)
def test_scripts_are_found_where_each_version_had_them(disk: Disk, folder: str):
    disk.writes(f"{folder}/need_registration.php", BLACK_LIST)
    (script,) = disk.plan().scripts
    assert (script.name, script.hooks, script.fate) == ("need_registration.php", ("need_registration",), Fate.COPIED)


def test_scripts_from_before_3_0_are_asked_by_their_newer_names(disk: Disk):
    disk.writes("opt/itgrix_bx/custom/process_phone_number.php", FINAL)
    disk.writes("opt/itgrix_bx/custom/get_updated_activity_fields.php", FINAL)
    assert {script.name: script.hooks for script in disk.plan().scripts} == {
        "get_updated_activity_fields.php": ("customize_activity",),
        "process_phone_number.php": ("process_client_phone", "process_user_phone"),
    }


def test_a_script_is_switched_off_unless_itgrix_says_that_it_was_on(disk: Disk):
    disk.writes("opt/itgrix_bx/customizer/actions/need_registration.php", BLACK_LIST)
    disk.writes("opt/itgrix_bx/customizer/actions/process_final_params.php", FINAL)
    assert disk.plan().off == ("need_registration.php", "process_final_params.php")
    disk.writes("status.json", json.dumps(STATUS))
    known = disk.plan()
    assert known.off == ("process_final_params.php",)
    assert known.office.hooks.off == ("process_final_params.php",)


def test_nothing_was_on_where_customization_as_a_whole_was_off():
    document = {"app": {"customizer": {"enabled": False, "methods": {"need_registration": True}}}}
    assert switched_on(json.dumps(document)) == frozenset()


@pytest.mark.parametrize("text", ["", "[]", "{", '{"app": {}}', '{"app": {"customizer": {"methods": []}}}'])
def test_other_json_is_no_status(text: str):
    assert switched_on(text) is None


def test_an_office_that_names_its_files_names_the_new_ones_too(disk: Disk):
    disk.writes("opt/itgrix_bx/customizer/actions/need_registration.php", BLACK_LIST)
    disk.writes("opt/itgrix_bx/customizer/actions/process_client_phone.php", "<?php include 'lists.php'; return [];")
    disk.writes("opt/itgrix_bx/customizer/actions/lists.php", "<?php")
    disk.writes("status.json", json.dumps(STATUS))
    office = office_of({**SMALL, "hooks": {"only": ["own.py"]}})
    assert disk.plan(office).office.hooks.only == ("own.py", "need_registration.php")


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("process_search_params.php", FINAL, "need_registration or a rule"),
        ("process_entity_creation_params.php", FINAL, "said by the rules"),
        ("get_search_filter.php", FINAL, "process_client_phone"),
        (
            "customizer.php",
            "<?php function get_search_filter($p) {}\nfunction need_registration($p) {}",
            "as before 2.13.1: make a file of each (need_registration, get_search_filter)",
        ),
        ("helpers.php", "<?php function ours() {}", "A file that others include"),
    ],
)
def test_a_script_without_a_place_is_named_with_the_reason(disk: Disk, name: str, text: str, why: str):
    disk.writes(f"opt/itgrix_bx/custom/{name}", text)
    planned = disk.plan()
    assert planned.scripts == ()
    assert why in reasons(planned)[name]


@pytest.mark.parametrize(
    ("code", "remark"),
    [
        ("$h = curl_init('https://example.com'); curl_exec($h);", "php-curl"),
        ("$x = mb_substr($params['phone'], 1);", "php-mbstring"),
        ("$db = new PDO('mysql:host=localhost');", "php-mysql"),
        ("$id = $params['call_full']['entity']['id'];", "null here"),
        ("$n = $params['call_full']['channel']['from']['number'];", "texts here"),
        ("require_once __DIR__ . '/helpers.php';", "uses other files"),
        ("$list = file(__DIR__ . '/black_list.txt');", "uses other files"),
        ("$list = file('/etc/itgrix_bx/fmc_patterns.txt');", "names a folder of Itgrix"),
        ("file_put_contents('counter', 1);", "writes files"),
    ],
)
def test_what_a_person_has_to_look_at_in_a_script_is_told(disk: Disk, code: str, remark: str):
    disk.writes("opt/itgrix_bx/customizer/actions/process_client_phone.php", f"<?php {code} return [];")
    (script,) = disk.plan().scripts
    assert [remark in words for words in script.remarks] == [True]


def test_what_a_script_includes_from_beside_it_is_copied_with_it(disk: Disk, tmp_path: Path):
    folder = "opt/itgrix_bx/customizer/actions"
    disk.writes(f"{folder}/need_registration.php", "<?php require_once __DIR__ . '/lists.php'; return [];")
    disk.writes(f"{folder}/lists.php", "<?php include 'more.php'; $black = ['101'];")
    disk.writes(f"{folder}/more.php", "<?php $more = ['102'];")
    disk.writes(f"{folder}/old_tries.php", "<?php return [];")
    planned = disk.plan()
    assert [(script.name, script.hooks) for script in planned.scripts] == [
        ("lists.php", ()),
        ("more.php", ()),
        ("need_registration.php", ("need_registration",)),
    ]
    assert planned.off == ("need_registration.php",)
    assert list(reasons(planned)) == ["old_tries.php"]
    copy_scripts(planned, tmp_path / "hooks")
    assert sorted(path.name for path in (tmp_path / "hooks").iterdir()) == [
        "lists.php",
        "more.php",
        "need_registration.php",
    ]
    assert "lists.php: copied as it is, for the scripts that include it" in "\n".join(told(planned, tmp_path / "hooks"))


def test_a_short_tag_is_php_as_well(disk: Disk):
    disk.writes("opt/itgrix_bx/custom/process_client_phone.php", "\ufeff<? return [];")
    (script,) = disk.plan().scripts
    assert script.remarks == ()


def test_a_list_of_numbers_may_come_from_windows(disk: Disk):
    disk.writes("etc/itgrix_bx/fmc_patterns.txt", b"\xef\xbb\xbf8123456XXXX\r\n89125551122\r\n")
    assert disk.plan().numbers == ("8123456XXXX", "89125551122")


def test_what_is_no_file_holds_nothing_up(disk: Disk):
    folder = disk.writes("opt/itgrix_bx/custom/process_client_phone.php", FINAL).parent
    os.mkfifo(folder / "need_registration.php")
    (folder / "process_user_phone.php").symlink_to("nowhere")
    assert [script.name for script in disk.plan().scripts] == ["process_client_phone.php"]


def test_what_a_script_has_in_its_comments_is_not_looked_at(disk: Disk):
    code = "<?php\n// curl_init(1)\n# mb_substr\n/* new PDO('x') */\nreturn [];"
    disk.writes("opt/itgrix_bx/customizer/actions/process_client_phone.php", code)
    assert disk.plan().scripts[0].remarks == ()


def test_a_conversion_to_mp3_is_told_to_be_needless(disk: Disk):
    code = "<?php exec('lame ' . $params['path']); return ['state' => 'success', 'data' => $params];"
    disk.writes("opt/itgrix_amo/customizer/actions/process_record_file_path.php", code)
    assert "mp3 = true" in disk.plan().scripts[0].remarks[-1]


def test_of_an_older_and_a_newer_folder_the_newer_counts(disk: Disk):
    disk.writes("opt/itgrix_bx/custom/need_registration.php", FINAL)
    disk.writes("opt/itgrix_bx/customizer/actions/need_registration.php", BLACK_LIST)
    planned = disk.plan()
    assert [script.file.text for script in planned.scripts] == [BLACK_LIST]
    assert "an older version" in planned.left[0].why


def test_two_installations_with_a_script_of_one_name_are_left_to_a_person(disk: Disk):
    disk.writes("opt/itgrix_amo/customizer/actions/need_registration.php", FINAL)
    disk.writes("opt/itgrix_bx/customizer/actions/need_registration.php", BLACK_LIST)
    planned = disk.plan()
    assert len(planned.scripts) == 1
    assert "asked at every portal" in planned.left[0].why


def test_a_script_is_copied_byte_for_byte_and_another_of_its_name_stays(disk: Disk, tmp_path: Path):
    hooks = tmp_path / "hooks"
    old = "<?php // Ответственный\n return [];".encode("cp1251")
    disk.writes("opt/itgrix_bx/customizer/actions/need_registration.php", old)
    disk.writes("opt/itgrix_bx/customizer/actions/process_final_params.php", FINAL)
    hooks.mkdir()
    (hooks / "process_final_params.php").write_text("<?php // ours", encoding="utf-8")
    planned = disk.plan(hooks=hooks)
    assert [script.fate for script in planned.scripts] == [Fate.COPIED, Fate.DIFFERENT]
    copy_scripts(planned, hooks)
    assert scripts_in(hooks) == {"need_registration.php": old, "process_final_params.php": b"<?php // ours"}


# Numbers and the rest


def test_numbers_that_itgrix_takes_for_internal_ones_become_a_rule(disk: Disk):
    disk.writes("etc/itgrix_bx/fmc_patterns.txt", "8912345XXXX\n\n# mobiles\n+7 912 555-11-22\nbroken\n")
    planned = disk.plan()
    assert planned.office.rule[0].name == RULE
    assert planned.office.rule[0].numbers == ("8912345XXXX", "+7 912 555-11-22")
    assert planned.office.rule[0].register_call is False
    assert planned.office.rule[1:] == office_of(SMALL).rule
    assert "no pattern" in reasons(planned)["fmc_patterns.txt, line 5"]


def test_what_was_carried_over_once_is_not_carried_over_again(disk: Disk, tmp_path: Path):
    hooks = tmp_path / "hooks"
    disk.writes("etc/itgrix_bx/fmc_patterns.txt", "8912345XXXX\n")
    disk.writes("opt/itgrix_bx/customizer/actions/need_registration.php", BLACK_LIST)
    first = disk.plan(hooks=hooks)
    copy_scripts(first, hooks)
    switched = first.office.model_copy(update={"hooks": first.office.hooks.model_copy(update={"off": ()})})
    again = disk.plan(switched, hooks=hooks)
    assert (first.changes, again.changes, again.office) == (True, False, switched)
    disk.writes("etc/itgrix_bx/fmc_patterns.txt", "8912345XXXX\n89125551122\n")
    later = disk.plan(switched, hooks=hooks)
    assert not later.changes
    assert "add them there" in reasons(later)["1 numbers of fmc_patterns.txt"]


def test_places_that_ask_itgrix_and_files_without_a_published_format_are_named(disk: Disk):
    dialplan = "[itgrix]\n; comment :8077\nexten => _X.,1,Set(R=${CURL(http://127.0.0.1:8077/x?n=${CALLERID(num)})})\n"
    disk.writes("etc/asterisk/extensions_custom.conf", dialplan)
    disk.writes("etc/asterisk/manager.conf", "[itgrix]\n")
    disk.writes("etc/itgrix_bx/config.yml", "database: {}")
    disk.writes("opt/itgrix_bx/state.db", b"SQLite format 3\0")
    found = reasons(disk.plan())
    assert sorted(found) == [
        "config.yml",
        "extensions_custom.conf, line 1",
        "extensions_custom.conf, line 3",
        "state.db",
    ]
    assert "ringbridge dialplan" in found["extensions_custom.conf, line 3"]
    assert "import-history" in found["state.db"]


def test_folders_without_anything_of_itgrix_are_refused_with_what_to_name(disk: Disk):
    disk.writes("opt/other/readme.txt", "")
    with pytest.raises(ConfigError, match="Nothing of Itgrix is there"):
        disk.plan()


def test_a_file_that_is_too_large_is_named_and_not_read(disk: Disk):
    disk.writes("opt/itgrix_bx/customizer/actions/need_registration.php", BLACK_LIST)
    disk.writes("etc/itgrix_bx/fmc_patterns.txt", b"8" * 2_000_000)
    assert "larger than" in reasons(disk.plan())["fmc_patterns.txt"]


def test_a_plan_is_told_with_all_that_it_does_and_does_not(disk: Disk):
    disk.writes("opt/itgrix_bx/customizer/actions/need_registration.php", BLACK_LIST)
    disk.writes("opt/itgrix_bx/customizer/actions/old.php", FINAL)
    disk.writes("etc/itgrix_bx/fmc_patterns.txt", "8912345XXXX\n")
    text = "\n".join(told(disk.plan(), Path("/hooks")))
    for words in (
        "need_registration.php: copied as it is, and switched off",
        "status.json",
        f"[[rule]] {RULE!r}",
        "[hooks] off: need_registration.php",
        "named like no script",
        "Логика регистрации пропущенного",
        "--apply does it",
    ):
        assert words in text
