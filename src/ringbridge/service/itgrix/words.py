"""The plan of a migration from Itgrix in words for people."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ringbridge.service.itgrix.migration import RULE, Fate, Plan, PlannedScript

BY_HAND: tuple[tuple[str, str], ...] = (
    ("Asterisk: address, login", "[[pbx]]; a manager user of our own, see docs/howto/connect-asterisk.md"),
    ("the CRM's address and keys", "[[portal]]; a key of our own: Itgrix's application and ours are not the same"),
    ("Транки, внешние линии", "[[trunk]]: name, line, title"),
    ("Источники лидов, соответствие транков и воронок", "[[trunk]] or [[number]]: lead, with source and pipeline"),
    ("list of employees' numbers (amoCRM)", "[[employee]]: extensions, mobiles"),
    ("Создавать лид/контакт для новых звонков", "[[rule]] with direction and create"),
    ("Первый ответственный", "[[rule]] with new_to"),
    ("Ответственный за пропущенные по умолчанию", "[[portal]]: default_user"),
    (
        "Логика регистрации пропущенного: 0, 1, 2",
        '[[rule]] with missed_to: 0 is our default; 1 ["last_rung", "default"]; 2 ["default"]',
    ),
    (
        "Ответственный за пропущенный по транку",
        '[[rule]] with trunks, missed_to = ["spread"] and a spread of one extension',
    ),
    ("Создавать задачу по пропущенному звонку", "[[rule]] with task = true"),
    ("Записи: ссылка / загружать в CRM", "[[portal]]: recordings"),
    ("Black and white lists of internal numbers", "[[rule]] with extensions, and register = false"),
    ("Автозамена", "most is needless: numbers are read in every spelling. The rest is a hook process_client_phone"),
    ("Кастомизация: timeouts", "[hooks]: deadline"),
)
"""What Itgrix's page sets, by the page's own names, and where it is here."""

WHY_OFF = "It is not known whether it was switched on"
HOW_TO_KNOW = (
    "Which scripts are switched on stands in what Itgrix answers: save http://PBX:8077/status as status.json, and name "
    "that file beside the folders."
)


def told(plan: Plan, folder: Path, *, applied: bool = False) -> Iterator[str]:
    """`folder`: the hooks'."""
    yield from _scripts(plan, folder)
    yield from _settings(plan)
    if plan.left:
        yield "Not carried over:"
        for left in plan.left:
            yield f"  {left.what}"
            yield f"      {left.why}"
    yield "To be entered by hand, as Itgrix's configuration has no published format:"
    width = max(len(theirs) for theirs, _ in BY_HAND)
    yield from (f"  {theirs:{width}}  {ours}" for theirs, ours in BY_HAND)
    yield ""
    if applied:
        yield "Done. Start the service, and try the scripts on past calls: ringbridge hooks list"
    elif plan.changes:
        yield "Nothing was changed. The same command with --apply does it."
    else:
        yield "There is nothing to be changed."


def _scripts(plan: Plan, folder: Path) -> Iterator[str]:
    if not plan.scripts:
        return
    yield f"Scripts, for {folder}:"
    for script in plan.scripts:
        yield f"  {script.name}: {_fate(script, plan)}"
        yield f"      from {script.file.path}"
        if script.hooks not in ((), (script.file.path.stem,)):
            yield f"      asked as {', '.join(script.hooks)}"
        yield from (f"      {remark}" for remark in script.remarks)
    if plan.off and not plan.status_known:
        yield f"  {HOW_TO_KNOW}"


def _fate(script: PlannedScript, plan: Plan) -> str:
    match script.fate:
        case Fate.THERE:
            return "is there already"
        case Fate.DIFFERENT:
            return "another file of this name is there, which stays as it is"
    if not script.hooks:
        return "copied as it is, for the scripts that include it"
    if script.on:
        return "copied as it is, and asked"
    return f"copied as it is, and switched off. {'It was switched off' if plan.status_known else WHY_OFF}"


def _settings(plan: Plan) -> Iterator[str]:
    if not (plan.numbers or plan.off):
        return
    yield "Settings:"
    if plan.numbers:
        yield f"  [[rule]] {RULE!r}, the first one, register = false; numbers: {', '.join(plan.numbers[:5])}"
        if len(plan.numbers) > 5:
            yield f"      and {len(plan.numbers) - 5} more"
        yield "      Itgrix takes calls with these numbers for internal ones, and tells the CRM nothing of them."
        yield "      Whose they are is not written there: name employees' mobiles in [[employee]] as well."
    if plan.off:
        yield f"  [hooks] off: {', '.join(plan.off)}"
