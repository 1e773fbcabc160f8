"""`ringbridge doctor` where much is missing. What it says of a PBX that works is tested with a real one
(tests/e2e/test_distribution.py)."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ringbridge.cli import main

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("RINGBRIDGE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("RINGBRIDGE_CONFIG", str(tmp_path / "none.toml"))
    return lambda *arguments: CliRunner().invoke(main, list(arguments))


@pytest.fixture
def closed() -> Iterator[int]:
    """A port on which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def configure(run: Run, tmp_path: Path, closed: int) -> None:
    (tmp_path / "monitor").mkdir()
    file = tmp_path / "office.toml"
    file.write_text(
        f"""
[[pbx]]
name = "office"
port = {closed}
username = "ringbridge"
secret = "pbx-secret"
recordings = [{{ pbx = "{tmp_path / "monitor"}" }}, {{ pbx = "{tmp_path / "elsewhere"}" }}]

[[portal]]
name = "main"
webhook = "http://127.0.0.1:{closed}/rest/1/hook-secret/"
default_user = "1"
allow_http = true
allow_private = true
request_limit = 0.5

[distribution]
enabled = true
""",
        encoding="utf-8",
    )
    assert run("config", "import", str(file)).exit_code == 0


def test_each_thing_that_does_not_work_is_named_with_what_to_do(run: Run, tmp_path: Path, closed: int) -> None:
    configure(run, tmp_path, closed)
    done = run("doctor", "--json")
    found = {finding["subject"]: finding for finding in map(json.loads, done.stdout.splitlines())}
    assert done.exit_code == 1
    assert {name: finding["verdict"] for name, finding in found.items()} == {
        "Service": "failure",
        "PBX office": "failure",
        "Portal main": "failure",
        f"Recordings {tmp_path / 'monitor'}": "ok",
        f"Recordings {tmp_path / 'elsewhere'}": "warning",
        "Backup": "warning",
    }
    assert "ringbridge run" in found["Service"]["advice"]
    assert f"nothing listens on 127.0.0.1:{closed}" in found["PBX office"]["words"]
    assert "hook-secret" not in done.output
    assert "pbx-secret" not in done.output


def test_people_read_a_line_for_each_and_what_to_do_below_it(run: Run, tmp_path: Path, closed: int) -> None:
    configure(run, tmp_path, closed)
    lines = run("doctor").stdout.splitlines()
    at = lines.index("failure  Service: it does not run")
    assert lines[at + 1].strip().startswith("-> systemctl start ringbridge")


def test_before_anything_is_configured_it_says_what_to_do(run: Run) -> None:
    refused = run("doctor")
    assert refused.exit_code == 1
    assert "ringbridge config import" in refused.stderr
