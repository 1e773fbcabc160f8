"""`ringbridge dialplan` prints what an administrator pastes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ringbridge.cli import main

OFFICE = """
[[pbx]]
name = "office"
username = "ringbridge"
secret = "pbx-secret"

[distribution]
enabled = true
token = "0123456789abcdef"
phone = "SIP/{extension}"
group_context = "my-groups"
"""

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("RINGBRIDGE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("RINGBRIDGE_CONFIG", str(tmp_path / "none.toml"))
    return lambda *arguments: CliRunner().invoke(main, list(arguments))


def configure(run: Run, tmp_path: Path, text: str) -> None:
    file = tmp_path / "office.toml"
    file.write_text(text, encoding="utf-8")
    assert run("config", "import", str(file)).exit_code == 0


def test_the_dialplan_is_that_of_the_office(run: Run, tmp_path: Path) -> None:
    configure(run, tmp_path, OFFICE)
    printed = run("dialplan", "asterisk").stdout
    assert printed.startswith("; Ringbridge")
    assert "${CURL(http://127.0.0.1:8077/route?" in printed
    assert "&token=0123456789abcdef)" in printed
    assert "Set(RINGBRIDGE_DIAL=SIP/${RINGBRIDGE_EXTENSION})" in printed
    assert "?my-groups,${RINGBRIDGE_EXTENSION},1)" in printed


def test_it_asks_by_the_way_and_at_the_address_that_are_named(run: Run, tmp_path: Path) -> None:
    configure(run, tmp_path, OFFICE)
    assert "CURL(http://10.0.0.5:8077/route?" in run("dialplan", "freepbx", "--address", "http://10.0.0.5:8077").stdout
    by_agi = run("dialplan", "freepbx", "--by", "agi").stdout
    assert "AGI(agi://127.0.0.1:4574/route," in by_agi
    assert "CURL" not in by_agi


def test_it_says_when_distribution_is_switched_off(run: Run, tmp_path: Path) -> None:
    configure(run, tmp_path, OFFICE.replace("enabled = true", "enabled = false"))
    assert "distribution.enabled is false" in run("dialplan", "asterisk").stderr
