"""What of an Itgrix installation becomes ours: a plan, made of values and told in words before anything is done."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ringbridge.service.config import ConfigError, Office
from ringbridge.service.config.rules import RuleRow
from ringbridge.service.itgrix.installation import Installation, Line, ScriptFile
from ringbridge.service.itgrix.scripts import hooks_of, included, name_of, remarks, why_not
from ringbridge.telephony.numbers import BadPattern, compile_patterns

BY = "migrate-itgrix"  # who, in the audit
RULE = "numbers of fmc_patterns.txt"


class Fate(StrEnum):
    COPIED = "copied"
    THERE = "there"  # the same file is in the hooks folder already
    DIFFERENT = "different"  # another file of this name is there, and stays


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedScript:
    file: ScriptFile
    hooks: tuple[str, ...]  # none: others include it
    fate: Fate
    on: bool  # asked from the beginning
    remarks: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """In the hooks folder."""
        return self.file.path.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What could not be carried over."""

    what: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    office: Office  # as it is to be
    scripts: tuple[PlannedScript, ...] = ()
    numbers: tuple[str, ...] = ()  # of the new rule
    off: tuple[str, ...] = ()  # scripts that are switched off for now
    status_known: bool = False  # whether Itgrix said which scripts are switched on
    left: tuple[Left, ...] = ()

    @property
    def changes(self) -> bool:
        return bool(self.numbers or self.off or any(script.fate is Fate.COPIED for script in self.scripts))


def plan(found: Installation, office: Office, present: Mapping[str, bytes]) -> Plan:
    """`present`: the scripts in the hooks folder, by their names. A script that Itgrix did not say to be switched on is
    copied and switched off: nobody's calls change by oversight."""
    scripts, left = _scripts(found, present)
    numbers, not_read = _numbers(found.patterns, office)
    off = tuple(script.name for script in scripts if script.fate is Fate.COPIED and not script.on)
    rule = RuleRow(name=RULE, numbers=numbers, register=False) if numbers else None
    hooks = office.hooks.model_copy(update={"off": tuple(dict.fromkeys((*office.hooks.off, *off)))})
    if office.hooks.only:
        asked = (script.name for script in scripts if script.hooks and script.fate is Fate.COPIED and script.on)
        hooks = hooks.model_copy(update={"only": tuple(dict.fromkeys((*office.hooks.only, *asked)))})
    changed = office.model_copy(update={"hooks": hooks, "rule": ((rule,) if rule else ()) + office.rule})
    return Plan(
        office=changed,
        scripts=scripts,
        numbers=numbers,
        off=off,
        status_known=found.switched_on is not None,
        left=(*left, *not_read, *_elsewhere(found)),
    )


# Scripts


def _scripts(found: Installation, present: Mapping[str, bytes]) -> tuple[tuple[PlannedScript, ...], list[Left]]:
    planned: dict[str, PlannedScript] = {}
    left: list[Left] = []
    needed = included(found.scripts)
    for file in sorted(found.scripts, key=lambda file: file.older):
        if not hooks_of(name_of(file)) and file not in needed:
            left.append(Left(what=str(file.path), why=why_not(file)))
        elif (first := planned.get(file.path.name)) is None:
            planned[file.path.name] = _script(file, found, present)
        elif first.file.source != file.source:
            left.append(Left(what=str(file.path), why=_second(first.file, file)))
    return tuple(planned.values()), left


def _script(file: ScriptFile, found: Installation, present: Mapping[str, bytes]) -> PlannedScript:
    name, hooks = name_of(file), hooks_of(name_of(file))
    there = present.get(file.path.name)
    fate = Fate.COPIED if there is None else Fate.THERE if there == file.source else Fate.DIFFERENT
    on = not hooks or (found.switched_on is not None and name in found.switched_on)
    return PlannedScript(file=file, hooks=hooks, fate=fate, on=on, remarks=tuple(remarks(file)))


def _second(first: ScriptFile, file: ScriptFile) -> str:
    if file.older and not first.older:
        return f"an older version of {first.path}, which is the one that was asked"
    if not hooks_of(name_of(file)):
        return f"another file of this name is {first.path}: give one of them another name, where it is included too"
    return (
        f"another file of this name is {first.path}. Ours are asked at every portal: put both into one file, or give "
        f"one digits before its name (20-{file.path.name}) so that it is asked after the other"
    )


def scripts_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.php")) if path.is_file()}


def copy_scripts(plan: Plan, folder: Path) -> None:
    """Into the hooks folder, each whole or not at all; what is there stays. Raises `ConfigError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for script in plan.scripts:
            if script.fate is Fate.COPIED:
                _write(folder / script.name, script.file.source)
    except OSError as error:
        raise ConfigError(
            f"{folder} cannot be written ({error.strerror}): run it as the service's user. Settings were changed; the "
            "same command goes on where it stopped"
        ) from error


def _write(path: Path, source: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
        file.write(source)
    Path(file.name).chmod(0o644)
    Path(file.name).replace(path)


# Numbers


def _numbers(lines: Iterable[Line], office: Office) -> tuple[tuple[str, ...], list[Left]]:
    """Numbers for a new rule; none where there is such a rule already."""
    good: dict[str, None] = {}
    left: list[Left] = []
    for line in lines:
        try:
            compile_patterns(line.text)
        except BadPattern:
            left.append(Left(what=_place(line), why=f"{line.text[:40]!r} is no number and no pattern of digits and X"))
        else:
            good[line.text] = None
    if (rule := next((rule for rule in office.rule if rule.name == RULE), None)) is None:
        return tuple(good), left
    if missing := [number for number in good if number not in rule.numbers]:
        what = f"{len(missing)} numbers of fmc_patterns.txt"
        left.append(Left(what=what, why=f"there is a rule {RULE!r} already, without them: add them there"))
    return (), left


# All the rest


def _elsewhere(found: Installation) -> Iterator[Left]:
    for path, why in found.unreadable:
        yield Left(what=str(path), why=why)
    for line in found.dialplan:
        why = "the dialplan asks Itgrix here; ours is printed by: ringbridge dialplan"
        yield Left(what=_place(line), why=why)
    for path in found.configurations:
        yield Left(what=str(path), why="the format of its configuration is not published: see below")
    for path in found.states:
        why = "calls of the past are not read from it; the PBX's own records have them: ringbridge import-history"
        yield Left(what=str(path), why=why)


def _place(line: Line) -> str:
    return f"{line.path}, line {line.number}"
