"""Itgrix's scripts, unchanged, in a real PHP. The scripts are in the convention of its published ones."""

from __future__ import annotations

import shutil
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from tests.unit.hooks.conftest import Desk, Portals, answered_call, missed_call, settings_for

from ringbridge.hooks.runner import Hooks
from ringbridge.hooks.values import Stage

pytestmark = pytest.mark.skipif(shutil.which("php") is None, reason="there is no php: Debian's package php-cli")

FINAL = {"CALL_ID": "externalCall.1", "USER_ID": "1", "STATUS_CODE": "304", "DURATION": 0}


async def value_of(desk: Desk, hook: str, value, script: str, *, file: str = "", call=None, **given):
    desk.write(f"{file or hook}.php", script)
    outcome = await desk.ask(hook, value, call=call, **given)
    assert outcome.errors == ()
    return None if outcome.cancelled else outcome.value


BLACK_LIST = """
    <?php
    // 2.15 to 3.12: the root holds conversation
    $blackList = ['101', '102'];
    $key = $params['conversation']['type'] == 2 ? 'to' : 'from';
    if (in_array($params['conversation'][$key], $blackList)) {
        $result = false;
    }
    return array('state' => 'success', 'data' => array('result' => $result));
"""

BLACK_LIST_BY_TRUNK = """
    <?php
    // 3.10 and later: call_full
    if ($params['call_full']['channel']['trunk'] === '74951112233' && $params['call_stage'] === 'call_ended') {
        $result = false;
    }
    return ['state' => 'success', 'data' => ['result' => $result]];
"""


@pytest.mark.parametrize("script", [BLACK_LIST, BLACK_LIST_BY_TRUNK])
async def test_need_registration(desk: Desk, script: str):
    assert await value_of(desk, "need_registration", True, script, stage=Stage.CALL_ENDED) is False


async def test_need_registration_leaves_its_result_as_it_was(desk: Desk):
    script = "<?php return ['state' => 'success', 'data' => ['result' => $result]];"
    assert await value_of(desk, "need_registration", True, script) is True


async def test_process_client_phone(desk: Desk):
    script = """
        <?php
        function last_digits($phone) { return substr(preg_replace('/[^0-9]/', '', $phone), -10); }
        return ['state' => 'success', 'data' => ['phone' => '8' . last_digits($params['phone'])]];
    """
    assert await value_of(desk, "process_client_phone", "+7 (912) 555-11-22", script) == "89125551122"


async def test_process_phone_number_of_2_15_serves_clients_and_employees(desk: Desk):
    script = "<?php $params['phone'] = ltrim($params['phone'], '+'); return ['state' => 'success', 'data' => $params];"
    assert await value_of(desk, "process_client_phone", "+7912", script, file="process_phone_number") == "7912"
    assert (await desk.ask("process_user_phone", "+101")).value == "101"


async def test_process_user_phone(desk: Desk):
    script = "<?php return ['state' => 'success', 'data' => ['phone' => intval($params['phone']) - 1000]];"
    assert await value_of(desk, "process_user_phone", "1101", script) == "101"


async def test_process_registration_params(desk: Desk):
    script = """
        <?php
        $params['LINE_NUMBER'] = $params['call_full']['channel']['trunk'];
        $params['CRM_CREATE'] = $params['call_full']['channel']['type'] == 'incoming' ? 1 : 0;
        return ['state' => 'success', 'data' => $params];
    """
    params = {"USER_ID": "1", "PHONE_NUMBER": "+79125551122", "TYPE": 2, "SHOW": 1, "EXTERNAL_CALL_ID": "office-7"}
    assert await value_of(desk, "process_registration_params", params, script) == {
        **params,
        "LINE_NUMBER": "74951112233",
        "CRM_CREATE": 1,
    }


async def test_process_final_params_as_published_spreads_missed_calls_at_random(desk: Desk):
    script = """
        <?php
        $users = [11, 12];
        if ($params['STATUS_CODE'] == 304) {
            $params['USER_ID'] = $users[array_rand($users)];
        }
        return array('state' => 'success', 'data' => $params);
    """
    value = await value_of(desk, "process_final_params", FINAL, script, call=missed_call())
    assert value in ({**FINAL, "USER_ID": 11}, {**FINAL, "USER_ID": 12})


async def test_process_final_params_can_be_cancelled(desk: Desk):
    script = "<?php return ['state' => 'success', 'data' => []];"
    assert await value_of(desk, "process_final_params", FINAL, script) is None


async def test_customize_show_call_card(desk: Desk):
    script = "<?php $params['USER_ID'] = [1, 5]; return ['state' => 'success', 'data' => $params];"
    params = {"CALL_ID": "externalCall.1", "USER_ID": ["1"]}
    assert await value_of(desk, "customize_show_call_card", params, script) == {**params, "USER_ID": [1, 5]}


async def test_customize_attach_record_url(desk: Desk):
    script = """
        <?php
        $params['RECORD_URL'] = str_replace('http://', 'https://', $params['RECORD_URL']);
        return ['state' => 'success', 'data' => $params];
    """
    params = {"CALL_ID": "externalCall.1", "FILENAME": "a.mp3", "RECORD_URL": "http://pbx/a.mp3"}
    expected = {**params, "RECORD_URL": "https://pbx/a.mp3"}
    assert await value_of(desk, "customize_attach_record_url", params, script) == expected


WAITING = """
    <?php
    // As published: the conversation's fields stand at the root.
    if ($params['was_answered'] && $params['type'] == 2) {
        $start = date_create($params['start_time']);
        $answer = date_create($params['answer_time']);
        $wait = $answer->getTimestamp() - $start->getTimestamp();
        $subject = $params['activity']['name'] . ' ' . $params['from'];
    }
    return array('state' => 'success', 'data' => array('DESCRIPTION' => "waited $wait s", 'SUBJECT' => $subject));
"""


async def test_customize_activity(desk: Desk):
    activity = {"ID": "88", "SUBJECT": "Incoming call", "RESPONSIBLE_ID": "5", "DESCRIPTION": ""}
    value = await value_of(desk, "customize_activity", {}, WAITING, call=answered_call(), activity=activity)
    assert value == {"DESCRIPTION": "waited 12 s", "SUBJECT": "Incoming call +79125551122"}


async def test_fields_that_another_file_set_stay_beside_those_of_a_script(desk: Desk):
    desk.write("a.py", "def customize_activity(fields): return {**fields, 'LOCATION': 'Moscow'}")
    activity = {"ID": "88", "SUBJECT": "Incoming call"}
    value = await value_of(desk, "customize_activity", {}, WAITING, activity=activity)
    assert value == {"LOCATION": "Moscow", "DESCRIPTION": "waited 12 s", "SUBJECT": "Incoming call +79125551122"}


async def test_get_updated_activity_fields_of_2_15(desk: Desk):
    activity = {"ID": "88", "SUBJECT": "Incoming call"}
    name = "get_updated_activity_fields"
    value = await value_of(desk, "customize_activity", {}, WAITING, file=name, activity=activity)
    assert value["DESCRIPTION"] == "waited 12 s"


async def test_customize_entity(desk: Desk):
    script = """
        <?php
        $name = $params['entity']['name'];
        $opened = $params['entity']['raw']['OPENED'];
        return ['state' => 'success', 'data' => ['TITLE' => "$name, called", 'OPENED' => $opened]];
    """
    entity = {"ID": "7", "TITLE": "Lead", "OPENED": "Y", "ASSIGNED_BY_ID": "5"}
    value = await value_of(desk, "customize_entity", {}, script, entity=entity, kind="lead")
    assert value == {"TITLE": "Lead, called", "OPENED": "Y"}


async def test_process_originate_params_as_published_keeps_ten_digits_behind_an_eight(desk: Desk):
    script = """
        <?php
        $params['extension'] = '8' . substr($params['extension'], -10);
        $line = $params['request_data']['line'];
        return ['state' => 'success', 'data' => [
            'caller_id' => $line, 'channel' => $params['channel'], 'context' => 'from-' . $line,
            'extension' => $params['extension'], 'priority' => $params['priority'],
        ]];
    """
    params = {"caller_id": "x", "channel": "PJSIP/101", "context": "c", "extension": "+79125551122", "priority": 1}
    value = await value_of(desk, "process_originate_params", params, script, request={"line": "mango"})
    assert value == {
        "caller_id": "mango",
        "channel": "PJSIP/101",
        "context": "from-mango",
        "extension": "89125551122",
        "priority": 1,
    }


async def test_process_record_file_path(desk: Desk):
    script = """
        <?php
        return ['state' => 'success', 'data' => ['path' => str_replace('.wav', '.mp3', $params['path'])]];
    """
    assert await value_of(desk, "process_record_file_path", "/monitor/a.wav", script) == "/monitor/a.mp3"


async def test_process_record_file_path_of_2_15_finds_the_file_by_what_the_pbx_calls_the_call(desk: Desk):
    script = """
        <?php
        $name = "{$params['call_id']}-{$params['from']}-{$params['to']}";
        return array('state' => 'success', 'data' => array('path' => "/monitor/$name.wav"));
    """
    value = await value_of(desk, "process_record_file_path", "", script)
    assert value == "/monitor/1773129600.7-+79125551122-101.wav"


async def test_process_task_creation_params(desk: Desk):
    script = """
        <?php
        $params['TITLE'] = 'Call ' . $params['call_full']['channel']['from'];
        return ['state' => 'success', 'data' => $params];
    """
    params = {"TITLE": "Call back", "TAGS": ["ringbridge +79125551122"]}
    value = await value_of(desk, "process_task_creation_params", params, script, call=missed_call())
    assert value == {**params, "TITLE": "Call +79125551122"}


async def test_customize_autodistribution(desk: Desk):
    script = "<?php return ['state' => 'success', 'data' => ['extension' => '6' . $params['extension']]];"
    assert await value_of(desk, "customize_autodistribution", "01", script, client={}) == "601"


async def test_post_registration_may_answer_without_data(desk: Desk):
    script = "<?php if ($params['call_full']['result'] == 304) { error_log('missed'); } return ['state' => 'success'];"
    facts = {"call_id": "externalCall.1"}
    assert await value_of(desk, "post_registration", facts, script, call=missed_call()) == facts


async def test_call_full_holds_what_the_hooks_own_value_tells(desk: Desk):
    script = """
        <?php
        $full = $params['call_full'];
        return ['state' => 'success', 'data' => [
            'A' => $full['registration']['CALL_ID'], 'B' => $full['result'], 'C' => $full['channel']['answer_time'],
            'D' => array_keys($full['conversations']), 'E' => $full['conversations']['1773129600.8']['user']['name'],
            'F' => $full['is_ivr'], 'G' => $full['deal'], 'H' => $full['channel']['state'],
        ]];
    """
    assert await value_of(desk, "process_final_params", FINAL, script) == {
        "CALL_ID": "externalCall.1",
        "A": "externalCall.1",
        "B": 200,
        "C": "2026-03-10 11:00:12",
        "D": ["1773129600.8"],
        "E": "Anna",
        "F": False,
        "G": None,
        "H": "ended",
    }


async def test_a_value_that_a_script_gives_back_whole_brings_nothing_of_ours_along(desk: Desk):
    script = "<?php return ['state' => 'success', 'data' => $params];"
    entity = {"ID": "7", "TITLE": "Lead", "PHONE": [{"VALUE": "1"}]}
    assert await value_of(desk, "process_final_params", FINAL, script) == FINAL
    assert await value_of(desk, "customize_entity", {}, script, entity=entity, kind="lead") == {}


async def test_a_script_that_gives_back_nothing_of_its_value_cancels_nothing(desk: Desk):
    script = "<?php return ['state' => 'success', 'data' => ['call_full' => $params['call_full']]];"
    assert await value_of(desk, "process_final_params", FINAL, script) == FINAL


WITHOUT_THE_SECOND = ["unset($params['USER_ID'][1]);", "$params['USER_ID'] = array_diff($params['USER_ID'], ['5']);"]


@pytest.mark.parametrize("code", WITHOUT_THE_SECOND)
async def test_a_list_from_which_a_script_takes_something_stays_a_list(desk: Desk, code: str):
    script = f"<?php {code} return ['state' => 'success', 'data' => $params];"
    params = {"CALL_ID": "externalCall.1", "USER_ID": ["1", "5", "7"]}
    value = await value_of(desk, "customize_show_call_card", params, script)
    assert value == {"CALL_ID": "externalCall.1", "USER_ID": ["1", "7"]}


async def test_lists_and_maps_within_what_a_script_gives_back_stay_what_they_were(desk: Desk):
    script = """
        <?php
        unset($params['custom_fields_values'][0], $params['_embedded']['tags'][1]);
        return ['state' => 'success', 'data' => $params];
    """
    params = {
        "custom_fields_values": [{"field_id": 1}, {"field_id": 2, "values": [{"value": {}}]}],
        "_embedded": {"tags": [{"name": "a"}, {"name": "b"}, {"name": "c"}], "7": {"x": "y"}},
        "metadata": {},
    }
    assert await value_of(desk, "process_lead_creation_params", params, script) == {
        "custom_fields_values": [{"field_id": 2, "values": [{"value": {}}]}],
        "_embedded": {"tags": [{"name": "a"}, {"name": "c"}], "7": {"x": "y"}},
        "metadata": {},
    }


async def test_a_list_to_set_in_a_field_may_have_gaps(desk: Desk):
    script = """
        <?php
        $sizes = array_filter([1, 0, 3]);
        return ['state' => 'success', 'data' => ['UF_SIZES' => $sizes]];
    """
    entity = {"ID": "7", "TITLE": "Lead"}
    value = await value_of(desk, "customize_entity", {}, script, entity=entity, kind="lead")
    assert value == {"UF_SIZES": [1, 3]}


async def test_a_text_of_digits_that_php_made_a_number_of_is_a_text_again(desk: Desk):
    script = """
        <?php
        foreach (['74951112233' => 'mango'] as $number => $trunk) { $params['LINE_NUMBER'] = $number; }
        return ['state' => 'success', 'data' => $params];
    """
    params = {"USER_ID": "1", "LINE_NUMBER": "mango"}
    value = await value_of(desk, "process_registration_params", params, script)
    assert value == {"USER_ID": "1", "LINE_NUMBER": "74951112233"}
    phone = "<?php return ['state' => 'success', 'data' => ['phone' => $params['phone'] + 0.0]];"
    assert await value_of(desk, "process_client_phone", "89125551122", phone) == "89125551122"


async def test_a_null_takes_a_field_of_a_request_away_and_clears_a_field_of_an_entity(desk: Desk):
    script = "<?php $params['CRM_SOURCE'] = null; return ['state' => 'success', 'data' => $params];"
    params = {"USER_ID": "1", "CRM_SOURCE": "CALL"}
    assert await value_of(desk, "process_registration_params", params, script) == {"USER_ID": "1"}
    clearing = "<?php return ['state' => 'success', 'data' => ['COMMENTS' => null]];"
    entity = {"ID": "7", "COMMENTS": "x"}
    assert await value_of(desk, "customize_entity", {}, clearing, entity=entity, kind="lead") == {"COMMENTS": None}


@pytest.mark.parametrize("data", ["null", "true", "['sent' => [1, 2]]", "'ok'"])
async def test_what_post_registration_gives_back_does_not_matter(desk: Desk, data: str):
    script = f"<?php return ['state' => 'success', 'data' => {data}];"
    assert await value_of(desk, "post_registration", {"call_id": "externalCall.1"}, script) == {
        "call_id": "externalCall.1"
    }


# amoCRM

CALL = {"uniq": "office-7", "phone": "+79125551122", "direction": "inbound", "call_status": 6, "duration": 0}


async def test_process_call_params(desk: Desk):
    script = """
        <?php
        if ($params['call_status'] == 6) {
            $params['call_result'] = 'missed ' . $params['phone_number'];
            $params['responsible_user_id'] = 77;
        }
        return ['state' => 'success', 'data' => $params];
    """
    value = await value_of(desk, "process_call_params", CALL, script, call=missed_call())
    assert value == {**CALL, "call_result": "missed +79125551122", "responsible_user_id": 77}


async def test_process_call_params_says_by_number_where_the_call_is_written(desk: Desk):
    script = """
        <?php
        $params['call_result'] = $params['entity_type'] === 3 ? 'deal ' . $params['entity_id'] : 'none';
        return ['state' => 'success', 'data' => $params];
    """
    params = {**CALL, "entity_type": "leads", "entity_id": 7}
    assert await value_of(desk, "process_call_params", params, script) == {**params, "call_result": "deal 7"}


@pytest.mark.parametrize(
    "hook",
    ["process_contact_creation_params", "process_lead_creation_params", "process_unsorted_creation_params"],
)
async def test_a_creation_is_changed_or_cancelled(desk: Desk, hook: str):
    script = "<?php $params['name'] = 'Caller ' . $params['name']; return ['state' => 'success', 'data' => $params];"
    assert await value_of(desk, hook, {"name": "+7912"}, script) == {"name": "Caller +7912"}
    assert await value_of(desk, hook, {"name": "+7912"}, "<?php return ['state' => 'success', 'data' => null];") is None


@pytest.mark.parametrize("hook", ["process_contact_update_params", "process_lead_update_params"])
async def test_an_update_gives_the_fields_to_set(desk: Desk, hook: str):
    script = "<?php return ['state' => 'success', 'data' => ['name' => $params['entity']['name'] . '!']];"
    assert await value_of(desk, hook, {}, script, entity={"id": 1, "name": "Anna"}) == {"name": "Anna!"}


# Going wrong


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("<?php return 5;", "the script returned integer and no array"),
        ("<?php exit(0);", "ended without returning an answer"),
        ("<?php die('no database');", "ended without returning an answer: no database"),
        ("<?php\nreturn nobody();", "process_final_params.php, line 2: Error: Call to undefined function nobody()"),
        ("<?php\nthrow new Exception('oh no');", "process_final_params.php, line 2: Exception: oh no"),
        ("<?php\nreturn [ ;", "process_final_params.php, line 2: ParseError: syntax error"),
        ("<?php return ['data' => ['UF_CUT' => substr('Звонок', 0, 3)]];", "a text that is not UTF-8"),
        ("<?php return ['data' => ['UF_RATIO' => NAN]];", "returned what is no JSON"),
        ("no php at all", "the script returned integer"),
        ("<?php return ['state' => 'error', 'data' => []];", "its state is 'error'"),
        ("<?php return ['state' => 'success', 'data' => 'text'];", "gave back what it may not"),
        ("<?php return ['state' => 'success', 'data' => false];", "gave back what it may not"),
        ("<?php return ['state' => 'success', 'data' => ''];", "gave back what it may not"),
    ],
)
async def test_a_script_that_goes_wrong_is_told_in_words_and_the_value_goes_on(desk: Desk, script: str, why: str):
    desk.write("process_final_params.php", script)
    outcome = await desk.ask("process_final_params", FINAL)
    assert outcome.value == FINAL
    assert why in outcome.errors[0]


NINE = "return ['state' => 'success', 'data' => ['USER_ID' => 9]];"

ODD = {
    "prints and warns": f"<?php echo 'debugging'; $nothing = $params['NOT_THERE']; {NINE}",
    "prints past every buffer": f"<?php fwrite(STDOUT, 'debugging'); {NINE}",
    "ends our buffer": f"<?php while (ob_get_level()) ob_end_flush(); echo 'debugging'; {NINE}",
    "leaves a buffer open": f"<?php ob_start(); echo 'debugging'; {NINE}",
    "prints when it is over": f"<?php register_shutdown_function(function () {{ echo 'bye'; }}); {NINE}",
    "has objects that print when they end": (
        f"<?php class Log {{ function __destruct() {{ echo 'bye'; }} }} $log = new Log; {NINE}"
    ),
    "starts with a byte order mark": f"\ufeff<?php {NINE}",
    "has a short tag": f"<? {NINE}",
    "has the line ends of Windows": f"<?php\r\n{NINE}\r\n?>\r\n",
    "has a namespace and strict types": f"<?php declare(strict_types=1); namespace Shop; {NINE}",
    "names variables as ours might be": f"<?php $input = $answer = $error = $argv = $argc = 'mine'; {NINE}",
    "returns objects": "<?php return (object) ['state' => 'success', 'data' => (object) ['USER_ID' => 9]];",
    "shares its variables by global": """
        <?php
        $users = ['304' => 9];
        function missed() { global $users, $params; return $users[$params['STATUS_CODE']]; }
        return ['state' => 'success', 'data' => ['USER_ID' => missed()]];
    """,
    "shares its variables by GLOBALS": """
        <?php
        $user = 9;
        function user() { return $GLOBALS['user']; }
        return ['state' => 'success', 'data' => ['USER_ID' => user()]];
    """,
    "includes other files": """
        <?php
        require_once __DIR__ . '/lib/users.php';
        include 'lib/first.php';
        return ['state' => 'success', 'data' => ['USER_ID' => first($users)]];
    """,
    "has the clock of the office": """
        <?php
        $since = date_create($params['call_full']['channel']['start_time'])->getTimestamp();
        return ['state' => 'success', 'data' => ['USER_ID' => $since === 1773129600 ? 9 : 0]];
    """,
}


@pytest.mark.parametrize("script", ODD.values(), ids=ODD)
async def test_a_script_may_be_odd(tmp_path: Path, script: str):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "users.php").write_text("<?php $users = [9, 8];", encoding="utf-8")
    (tmp_path / "lib" / "first.php").write_text("<?php function first($list) { return $list[0]; }", encoding="utf-8")
    hooks = Hooks(settings_for(tmp_path, zone=ZoneInfo("Europe/Moscow")))
    desk = Desk(folder=tmp_path, hooks=hooks, crm=Portals())
    value = await value_of(desk, "process_final_params", FINAL, script)
    hooks.close()
    assert value == {"CALL_ID": "externalCall.1", "USER_ID": 9}


async def test_a_script_in_cp1251_does_its_work_and_text_of_it_is_told_to_be_no_utf8(desk: Desk):
    path = desk.folder / "process_final_params.php"
    path.write_bytes(f"<?php // Дежурный\n{NINE}".encode("cp1251"))
    assert (await desk.ask("process_final_params", FINAL)).value["USER_ID"] == 9
    path.write_bytes("<?php return ['data' => ['FAILED_REASON' => 'Пропущен']];".encode("cp1251"))
    outcome = await desk.ask("process_final_params", FINAL)
    assert outcome.value == FINAL
    assert "not UTF-8: save it as UTF-8" in outcome.errors[0]


@pytest.mark.parametrize("result", ["0", "false", "!$result", "'0'", "''"])
async def test_need_registration_may_say_no_as_scripts_do(desk: Desk, result: str):
    script = f"<?php return ['state' => 'success', 'data' => ['result' => {result}]];"
    assert await value_of(desk, "need_registration", True, script) is False


@pytest.mark.parametrize("result", ["1", "'1'", "strpos('+7912', '12')"])
async def test_need_registration_may_say_yes_as_scripts_do(desk: Desk, result: str):
    script = f"<?php return ['state' => 'success', 'data' => ['result' => {result}]];"
    assert await value_of(desk, "need_registration", False, script) is True


async def test_a_script_that_is_none_of_itgrixs_is_told(desk: Desk):
    desk.write("process_search_params.php", "<?php return [];")
    (file,) = await desk.hooks.files()
    assert (
        file.broken == "process_search_params.php is named like no hook; what others include goes into a folder below"
    )


async def test_what_a_script_includes_may_stand_beside_it_and_is_no_hook(desk: Desk):
    desk.write("users.php", "<?php include 'lists.php';")
    desk.write("lists.php", "<?php $users = [9, 8];")
    script = """
        <?php
        require __DIR__ . '/users.php';
        return ['state' => 'success', 'data' => ['USER_ID' => $users[0]]];
    """
    assert (await value_of(desk, "process_final_params", FINAL, script))["USER_ID"] == 9
    assert [file.path.name for file in await desk.hooks.files()] == ["process_final_params.php"]
    desk.write("process_final_params.php", "<?php return ['state' => 'success'];")
    assert [file.path.name for file in await desk.hooks.files()] == ["process_final_params.php", "users.php"]


async def test_a_script_may_be_a_link_to_where_it_is_kept(desk: Desk, tmp_path_factory: pytest.TempPathFactory):
    kept = tmp_path_factory.mktemp("kept")
    script = "<?php require __DIR__ . '/users.php'; return ['state' => 'success', 'data' => ['USER_ID' => $user]];"
    (kept / "final.php").write_text(script, encoding="utf-8")
    (kept / "users.php").write_text("<?php $user = 9;", encoding="utf-8")
    (desk.folder / "process_final_params.php").symlink_to(kept / "final.php")
    assert (await desk.ask("process_final_params", FINAL)).value["USER_ID"] == 9
    (kept / "final.php").write_text("<?php return ['data' => ['USER_ID' => 10]];", encoding="utf-8")
    assert (await desk.ask("process_final_params", FINAL)).value["USER_ID"] == 10


async def test_two_scripts_of_one_hook_are_asked_in_the_order_of_their_names(desk: Desk):
    desk.write("20-process_client_phone.php", "<?php return ['data' => ['phone' => $params['phone'] . 'b']];")
    desk.write("10-process_client_phone.php", "<?php return ['data' => ['phone' => $params['phone'] . 'a']];")
    assert (await desk.ask("process_client_phone", "+7")).value == "+7ab"
