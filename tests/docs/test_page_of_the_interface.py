"""The page about calls by programs: what it shows is sent and accepted, and it names everything that may be sent."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.web.test_api import PLAN, opened

from ringbridge.web.api.wishes import WantedCall, WantedCallback

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "howto" / "call-by-api.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"curl \S+/api/v1/(\w+) \\\n[^\n]+\\\n\s+-d '([^']+)'", PAGE)


def test_the_page_has_an_example_of_each() -> None:
    assert [path for path, _ in EXAMPLES] == ["calls", "callbacks"]


@pytest.mark.parametrize(("path", "body"), EXAMPLES)
async def test_each_example_is_accepted_as_it_stands(tmp_path: Path, path: str, body: str) -> None:
    async with opened(tmp_path, PLAN) as api:
        answer = await api.post(path, body.encode())
    assert answer.status_code == 202


@pytest.mark.parametrize("model", [WantedCall, WantedCallback])
def test_the_page_names_every_field(model: type[WantedCall] | type[WantedCallback]) -> None:
    assert [name for name in model.model_fields if f"`{name}`" not in PAGE] == []


def test_the_reference_is_made_from_the_description() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/api_reference.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
