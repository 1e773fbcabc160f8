"""The documentation says what the program does: settings, links, commands."""

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from ringbridge.hooks.specs import SPECS
from ringbridge.routing.rules import Answers
from ringbridge.routing.templates import FIELDS
from ringbridge.service.itgrix.words import BY_HAND

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_the_configuration_page_is_made_from_the_model():
    script = ROOT / "scripts" / "configuration_reference.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_between_pages_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_page_can_be_reached_from_the_list_of_all_pages():
    listed = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        assert page.name == "README.md" or f"({page.relative_to(ROOT / 'docs')})" in listed


def test_pictures_are_used_and_open_on_a_slow_line():
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    for picture in (ROOT / "docs" / "pictures").glob("*.png"):
        assert f"pictures/{picture.name})" in text
        assert picture.stat().st_size < 150_000


def test_the_page_of_rules_names_every_question_and_every_field_of_a_template():
    text = (ROOT / "docs" / "howto" / "rules.md").read_text(encoding="utf-8")
    for question in fields(Answers):
        assert f"`{question.name}`" in text
    for name in FIELDS:
        assert f"`{{{name}}}`" in text


def test_the_page_of_hooks_is_made_from_their_signatures():
    script = ROOT / "scripts" / "hooks_reference.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_page_of_hooks_names_each_with_its_signature_and_its_example():
    text = (ROOT / "docs" / "reference" / "hooks.md").read_text(encoding="utf-8")
    for name, spec in SPECS.items():
        assert f"### {name}\n\n```python\n{name}({spec.value}: " in text
        assert f"def {name}(" in text


def test_the_page_about_hooks_names_every_example_that_is_shipped():
    text = (ROOT / "docs" / "howto" / "hooks.md").read_text(encoding="utf-8")
    for path in (ROOT / "src" / "ringbridge" / "hooks" / "examples").glob("[!_]*.py"):
        assert f"| `{path.stem}` |" in text


def test_the_page_of_coming_from_itgrix_names_every_setting_that_is_entered_by_hand():
    text = (ROOT / "docs" / "howto" / "migrate-from-itgrix.md").read_text(encoding="utf-8")
    for theirs, ours in BY_HAND:
        assert f"| {theirs} | {ours} |" in text


def test_the_readme_gives_both_commands_on_its_first_screen():
    first = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:25]
    assert any("install.sh" in line for line in first)
    assert any(line.startswith("make demo") for line in first)
    assert any(line.startswith("make test") for line in first)
