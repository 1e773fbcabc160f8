"""The doctor looks at hooks without running them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ringbridge.hooks.runner import HookSettings
from ringbridge.service.doctor.findings import told
from ringbridge.service.doctor.hooks import findings_of


def said(folder: Path, **settings: frozenset[str]) -> str:
    return "\n".join(told(findings_of(HookSettings(folder=folder, **settings))))


def test_an_office_without_hooks_hears_nothing_of_them(tmp_path: Path):
    assert said(tmp_path / "none") == ""


def test_good_hooks_are_counted_and_not_run(tmp_path: Path):
    (tmp_path / "a.py").write_text("raise SystemExit")
    assert said(tmp_path) == f"ok       Hooks: files in {tmp_path}: 1"


def test_the_line_of_a_mistake_is_named(tmp_path: Path):
    (tmp_path / "a.py").write_text("\n\ndef broken(:")
    assert "failure  Hooks: a.py, line 3: " in said(tmp_path)


def test_a_file_that_anybody_may_change_is_named_with_what_to_do(tmp_path: Path):
    (tmp_path / "a.py").write_text("")
    (tmp_path / "a.py").chmod(0o666)
    assert f"-> chmod o-w {tmp_path}/a.py" in said(tmp_path)


def test_a_program_that_may_not_be_run_and_names_that_are_no_hooks_are_told(tmp_path: Path):
    (tmp_path / "need_registration.sh").write_text("#!/bin/sh\n")
    (tmp_path / "need_registraton.php").write_text("<?php return [];")
    assert f"-> chmod +x {tmp_path}/need_registration.sh" in said(tmp_path)
    assert "failure  Hooks: need_registraton.php is named like no hook" in said(tmp_path)


def test_php_is_asked_for_only_where_there_are_scripts_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    (tmp_path / "a.py").write_text("")
    assert "php-cli" not in said(tmp_path)
    (tmp_path / "need_registration.php").write_text("<?php return [];")
    assert "-> apt install php-cli" in said(tmp_path)
    assert "php-cli" not in said(tmp_path, off=frozenset({"need_registration.php"}))


def test_names_in_the_settings_that_are_no_files_are_told(tmp_path: Path):
    assert "name files that are not there: old.py" in said(tmp_path, off=frozenset({"old.py"}))
