"""The installer on a clean Debian 12: installed, installed again, upgraded, gone back from, removed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from tests.install.clean_system import CleanSystem, clean_system, make_release, unpacked
from tests.install.freepbx import make_freepbx, pbx_files
from tests.install.wheels import Change, another_version, version_of

from ringbridge.migrations import HEAD

pytestmark = pytest.mark.system

BROKEN = {
    "ringbridge/serve.py": ("        await say_what_is_to_do(runtime)\n", "        raise SystemExit('it is broken')\n")
}
STEP = f"""
from alembic import op

revision = "9999"
down_revision = "{HEAD}"
branch_labels = depends_on = None


def upgrade():
    op.execute("CREATE TABLE of_the_future (id INTEGER)")
"""
NEWER_SCHEMA = {
    "ringbridge/migrations/__init__.py": (f'HEAD = "{HEAD}"', 'HEAD = "9999"'),
    "ringbridge/migrations/versions/v9999.py": ("", STEP),
}


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of a machine on which Ringbridge has just been installed; what it said is in /root/said."""
    folder = tmp_path_factory.mktemp("install")
    root = unpacked("bookworm", folder / "root", release=make_release(folder / "release", "bookworm"))
    with clean_system(root) as system:
        done = system.install()
    assert done.returncode == 0, done.stdout
    (root / "root" / "said").write_text(done.stdout, encoding="utf-8")
    return root


@pytest.fixture
def system(office: Path, tmp_path: Path) -> Iterator[CleanSystem]:
    """The same, a machine for each test."""
    with clean_system(office, tmp_path) as system:
        yield system


def ship(system: CleanSystem, version: str, changes: Mapping[str, Change]) -> None:
    folder = system.root / "root" / "ship"
    (wheel,) = folder.glob("ringbridge-*.whl")
    another_version(wheel, folder, version, changes)


def schema(system: CleanSystem) -> str:
    ask = "import sqlite3, sys; print(*sqlite3.connect(sys.argv[1]).execute('SELECT version_num FROM alembic_version'))"
    return system.run("python3", "-c", ask, "/var/lib/ringbridge/ringbridge.db").stdout.strip("(',)\n")


def test_installed_service_answers_by_the_command_that_the_installer_names(system: CleanSystem) -> None:
    said = (system.root / "root/said").read_text(encoding="utf-8")
    assert "The page: http://127.0.0.1:8077" in said
    (command,) = re.findall(r"setpriv .* run$", said, re.MULTILINE)
    with system.started(command):
        assert system.health() == "ok"
        owner = system.run("stat", "--format=%U", "/var/lib/ringbridge/ringbridge.db").stdout
        assert owner == "ringbridge\n"


def test_first_account_is_told_once_and_root_may_use_the_command(system: CleanSystem) -> None:
    said = (system.root / "root/said").read_text(encoding="utf-8")
    assert re.search(r"Password: \S{16}", said)
    assert system.run("ringbridge", "user", "list").stdout == "admin\tadmin\n"
    system.run("ringbridge", "user", "add", "anna", "--role", "supervisor", "--generate")
    strangers = system.run("find", "/var/lib/ringbridge", "!", "-user", "ringbridge", "!", "-name", "trial.log").stdout
    assert strangers == "", "root's commands leave no file that the service cannot write"


def test_second_run_changes_nothing(system: CleanSystem) -> None:
    before = system.everything()
    again = system.install()
    assert (again.returncode, "nothing else to do" in again.stdout) == (0, True), again.stdout
    assert "Password" not in again.stdout
    assert system.everything() == before


def test_environment_of_a_python_that_the_system_has_replaced_is_made_anew(system: CleanSystem) -> None:
    own = f"opt/ringbridge/{system.version()}/lib"
    assert system.run("mv", f"/{own}/python3.11", f"/{own}/python3.10").returncode == 0
    done = system.install()
    assert done.returncode == 0, done.stdout
    assert [path.name for path in (system.root / own).iterdir()] == ["python3.11"]
    assert system.run("ringbridge", "user", "list").stdout == "admin\tadmin\n"


def test_another_version_is_not_put_in_place_unasked(system: CleanSystem) -> None:
    version = system.version()
    ship(system, "9.9.0", {})
    refused = system.install()
    assert refused.returncode == 1
    assert "--upgrade" in refused.stdout
    assert system.version() == version


def test_upgrade_puts_a_newer_version_in_place_and_takes_the_database_along(system: CleanSystem) -> None:
    before = system.version()
    ship(system, "9.9.0", NEWER_SCHEMA)
    done = system.install("--upgrade")
    assert done.returncode == 0, done.stdout
    assert (system.version(), schema(system)) == ("9.9.0", "9999")
    assert system.there(f"opt/ringbridge/{before}"), "the last version stays, for a way back"
    assert system.run("ringbridge", "user", "list").stdout == "admin\tadmin\n"


@pytest.mark.parametrize("changes", [BROKEN, BROKEN | NEWER_SCHEMA], ids=["same schema", "newer schema"])
def test_upgrade_to_a_version_that_is_not_well_goes_back(system: CleanSystem, changes: Mapping[str, Change]) -> None:
    before, accounts = system.everything(), system.run("ringbridge", "user", "list").stdout
    version = system.version()
    ship(system, "9.9.0", changes)
    failed = system.install("--upgrade")
    assert failed.returncode == 1
    assert f"went back to version {version}, which is well" in failed.stdout, failed.stdout
    assert "it is broken" in failed.stdout, "the reason is shown"
    assert (system.version(), schema(system)) == (version, HEAD)
    assert not system.there("opt/ringbridge/9.9.0")
    assert system.run("ringbridge", "user", "list").stdout == accounts
    kept = {name: about for name, about in system.everything().items() if not name.startswith("var/")}
    assert kept == {name: about for name, about in before.items() if not name.startswith("var/")}


def test_version_that_cannot_be_installed_changes_nothing(system: CleanSystem) -> None:
    before = system.everything()
    ship(system, "9.9.0", {"ringbridge/deploy/requirements.lock": ("", "not-there==1.0 --hash=sha256:" + "0" * 64)})
    failed = system.install("--upgrade")
    assert (failed.returncode, "Nothing was changed" in failed.stdout) == (1, True), failed.stdout
    assert system.everything() == before


def test_uninstall_keeps_calls_and_configuration_and_purge_takes_them_too(system: CleanSystem) -> None:
    assert system.install("--uninstall").returncode == 0
    assert not system.there("opt/ringbridge")
    assert not system.there("usr/local/bin/ringbridge")
    assert not system.there("etc/systemd/system/ringbridge.service")
    assert system.there("var/lib/ringbridge/ringbridge.db")
    assert system.there("etc/ringbridge/ringbridge.toml")
    assert system.install("--uninstall", "--purge").returncode == 0
    assert not system.there("var/lib/ringbridge")
    assert not system.there("etc/ringbridge")
    assert "ringbridge" not in (system.root / "etc/passwd").read_text()


def test_manager_user_is_added_to_debians_asterisk_where_root_agrees(system: CleanSystem) -> None:
    folder = system.root / "etc/asterisk"
    folder.mkdir()
    packaged = '[general]\nenabled = yes\n#include "manager.d/*.conf"\n'
    (folder / "manager.conf").write_text(packaged)
    assert "--with-ami adds it to /etc/asterisk/manager.d/ringbridge.conf" in system.install().stdout
    assert [path.name for path in folder.rglob("*.conf")] == ["manager.conf"]
    for _ in range(2):
        assert system.install("--with-ami").returncode == 0
    written = (folder / "manager.d/ringbridge.conf").read_text()
    assert written.count("[ringbridge]") == 1
    secret = re.findall(r"^secret = (\S{25,})$", written, re.MULTILINE)[0]
    assert secret in (system.root / "etc/ringbridge/pbx.toml").read_text()
    assert (folder / "manager.conf").read_text() == packaged
    system.install("--uninstall", "--purge")
    assert not (folder / "manager.d/ringbridge.conf").exists()


@pytest.mark.asterisk
def test_freepbx_keeps_a_manager_user_of_that_name_that_was_made_on_its_page(system: CleanSystem) -> None:
    make_freepbx(system)
    with (system.root / "etc/asterisk/manager_additional.conf").open("a") as file:
        file.write("[ringbridge]\nsecret = theirs\n")
    before = pbx_files(system)
    assert system.install("--with-ami").returncode == 0
    assert pbx_files(system) == before


def test_page_listens_where_it_is_told(system: CleanSystem) -> None:
    done = system.install("--listen", "0.0.0.0")
    assert done.returncode == 0, done.stdout
    assert 'host = "0.0.0.0"' in (system.root / "etc/ringbridge/ringbridge.toml").read_text()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--purge",), "--purge goes with --uninstall"),
        (("--frm", "x"), "what is --frm?"),
        (("--from", "/root/none.whl"), "/root/none.whl cannot be read"),
        (("--from", "/etc"), "/etc holds no ringbridge-"),
        (("--wait", "soon"), "--wait takes whole seconds"),
        (("--listen", '" evil'), "is no address to listen on"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(system: CleanSystem, options: tuple[str, ...], words: str) -> None:
    before = system.everything()
    refused = system.install(*options)
    assert (refused.returncode, words in refused.stdout) == (1, True), refused.stdout
    assert system.everything() == before


def test_wheel_is_named_as_its_version(office: Path) -> None:
    (wheel,) = (office / "root/ship").glob("ringbridge-*.whl")
    assert (office / "opt/ringbridge/current").readlink() == Path(version_of(wheel))
