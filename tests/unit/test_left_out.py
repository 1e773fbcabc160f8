"""How a run says what it left out: see tests/conftest.py."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

CONFTEST = Path(__file__).parents[1] / "conftest.py"


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project with our conftest on a machine without an Asterisk, and two tests of which one needs it."""
    monkeypatch.setenv("CI", "")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeini("[pytest]\nmarkers =\n  asterisk: needs a real Asterisk")
    pytester.makeconftest(CONFTEST.read_text())
    pytester.makepyfile(
        """
        import pytest

        def test_that_needs_nothing(): pass

        @pytest.mark.asterisk
        def test_that_needs_an_asterisk(): pass
        """
    )
    return pytester


def test_a_missing_part_is_named_with_its_reason_in_the_very_last_line(project: pytest.Pytester) -> None:
    result = project.runpytest()
    result.assert_outcomes(passed=1, skipped=1)
    assert result.outlines[-1].startswith("left out: 1 test: real Asterisk: ")


def test_with_ci_a_missing_part_fails_the_run(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    result = project.runpytest()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "1 passed" in result.outlines[-1]


def test_with_ci_a_test_that_skips_itself_fails_the_run(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    project.makepyfile(test_alone="import pytest\ndef test_of_another_planet(): pytest.skip('not here')")
    result = project.runpytest("test_alone.py")
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_with_ci_a_file_that_skips_itself_fails_the_run(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    project.makepyfile(test_alone="import pytest\npytest.importorskip('a_module_that_nobody_has')")
    result = project.runpytest("test_alone.py")
    assert result.ret != pytest.ExitCode.OK


def test_a_run_that_leaves_nothing_out_says_nothing_of_it(project: pytest.Pytester) -> None:
    result = project.runpytest("-k", "needs_nothing")
    assert "left out" not in result.stdout.str()


def test_what_a_worker_left_out_is_named_too(project: pytest.Pytester) -> None:
    result = project.runpytest("-p", "xdist", "--numprocesses", "2", "--dist", "loadfile")
    result.assert_outcomes(passed=1, skipped=1)
    assert result.outlines[-1].startswith("left out: 1 test: real Asterisk: ")
