"""The installer on other systems than a bare Debian 12: Debian 13, FreePBX 17's, and one whose Python is too old."""

from __future__ import annotations

import hashlib
import os
import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.install.clean_system import LIMIT, CleanSystem, clean_system, make_release, unpacked
from tests.install.freepbx import RECORDING, asterisk_runs, log_in, make_freepbx, pbx_files
from tests.install.wheels import another_version

pytestmark = pytest.mark.system

TAKE_PYTHON_OUT = """
set -e
apt-get update -qq
apt-get install -qq --yes python3-venv >/dev/null 2>&1
mkdir -p /tmp/archive/python/bin /tmp/archive/python/lib
mv /usr/bin/python3.11 /tmp/archive/python/bin
mv /usr/lib/python3.11 /tmp/archive/python/lib
ln -s python3.11 /tmp/archive/python/bin/python3
rm /usr/bin/python3
: >/etc/apt/sources.list
tar --create --directory /tmp/archive python | gzip -1 >"$1"
"""


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_release(tmp_path_factory.mktemp("release") / "ship", "bookworm", "trixie")


@pytest.fixture(scope="module")
def bookworm(tmp_path_factory: pytest.TempPathFactory, release: Path) -> Path:
    return unpacked("bookworm", tmp_path_factory.mktemp("bookworm") / "root", release=release)


@pytest.fixture
def debian12(bookworm: Path, tmp_path: Path) -> Iterator[CleanSystem]:
    """A clean one for each test, with nothing of Ringbridge installed."""
    with clean_system(bookworm, tmp_path) as system:
        yield system


@pytest.fixture
def debian13(tmp_path: Path, release: Path) -> Iterator[CleanSystem]:
    with clean_system(unpacked("trixie", tmp_path / "root", release=release)) as system:
        yield system


def upgrade(system: CleanSystem) -> None:
    ship = system.root / "root/ship"
    (wheel,) = ship.glob("ringbridge-*.whl")
    another_version(wheel, ship, "9.9.0", {})
    done = system.install("--upgrade")
    assert (done.returncode, system.version()) == (0, "9.9.0"), done.stdout


@contextmanager
def serving(system: CleanSystem, said: str) -> Iterator[None]:
    """By the command that the installer names."""
    (command,) = re.findall(r"setpriv .* run$", said, re.MULTILINE)
    with system.started(command):
        assert system.health() == "ok"
        yield


def test_debian_13_from_the_first_install_to_the_removal(debian13: CleanSystem) -> None:
    done = debian13.install()
    assert (done.returncode, "installed python3 python3-venv" in done.stdout) == (0, True), done.stdout
    assert (debian13.root / "opt/ringbridge" / debian13.version() / "lib/python3.13").is_dir()
    with serving(debian13, done.stdout):
        pass
    before = debian13.everything()
    assert "nothing else to do" in debian13.install().stdout
    assert debian13.everything() == before
    upgrade(debian13)
    assert debian13.run("ringbridge", "user", "list").stdout == "admin\tadmin\n"
    assert debian13.install("--uninstall", "--purge").returncode == 0
    assert not any(debian13.there(path) for path in ("opt/ringbridge", "var/lib/ringbridge", "etc/ringbridge"))


@pytest.mark.asterisk
def test_freepbx_lets_the_manager_user_in_by_its_custom_file_and_its_recordings_be_read(debian12: CleanSystem) -> None:
    make_freepbx(debian12)
    before = pbx_files(debian12)
    with asterisk_runs(debian12):
        done = debian12.install("--with-ami")
        assert (done.returncode, "to read recordings" in done.stdout) == (0, True), done.stdout
        (pbx,) = tomllib.loads((debian12.root / "etc/ringbridge/pbx.toml").read_text())["pbx"]
        assert log_in(debian12, pbx["username"], pbx["secret"]) == "Success"
        assert log_in(debian12, "wallboard", "hers") == "Success"
        with_user = pbx_files(debian12)
        assert [name for name, about in with_user.items() if about != before[name]] == ["manager_custom.conf"]
        assert with_user["manager_custom.conf"][1:] == before["manager_custom.conf"][1:], "rights and owner"

        assert "nothing else to do" in debian12.install("--with-ami").stdout
        assert pbx_files(debian12) == with_user

        (as_account,) = re.findall(r"(setpriv .* --) /opt/\S+ run$", done.stdout, re.MULTILINE)
        assert debian12.run(*as_account.split(), "cat", f"/{RECORDING}").stdout == "RIFF"
        assert debian12.run(*as_account.split(), "touch", f"/{RECORDING}").returncode == 1

        assert debian12.install("--uninstall", "--purge").returncode == 0
        assert log_in(debian12, pbx["username"], pbx["secret"]) == "Error"
        assert log_in(debian12, "admin", "panel-secret") == "Success"
    text, *rights = before["manager_custom.conf"]
    assert pbx_files(debian12) == before | {"manager_custom.conf": (f"{text}\n", *rights)}
    assert not debian12.there("var/log/asterisk/fwconsole-was-asked"), "half done changes of others stay half done"


@pytest.fixture
def old_system(debian12: CleanSystem) -> CleanSystem:
    """One without Python and with no packages; but an archive of Python, made of the one it had, lies in /tmp/archive.
    The installer takes it for the one whose digest it has."""
    installer = debian12.root / "root/ship/install.sh"
    text = installer.read_text()
    version, release_of = (re.findall(rf"{name}=(\S+)", text)[0] for name in ("PYTHON_VERSION", "PYTHON_RELEASE"))
    machine = os.uname().machine
    name = f"cpython-{version}+{release_of}-{machine}-unknown-linux-gnu-install_only_stripped.tar.gz"
    done = debian12.run("sh", "-c", TAKE_PYTHON_OUT, "take", f"/tmp/archive/{name}")
    assert done.returncode == 0, done.stdout
    digest = hashlib.sha256((debian12.root / "tmp/archive" / name).read_bytes()).hexdigest()
    installer.unlink()  # a link to the file that all tests share
    installer.write_text(re.sub(rf"(\[{machine}\])=\w+", rf"\1={digest}", text))
    installer.chmod(0o755)
    return debian12


def test_python_is_brought_where_the_systems_packages_have_none(old_system: CleanSystem) -> None:
    with old_system.started("/tmp/archive/python/bin/python3 -m http.server --directory /tmp/archive 8000"):
        wait = "until wget --quiet --spider http://127.0.0.1:8000/; do sleep 0.1; done"
        assert old_system.run("timeout", str(LIMIT), "sh", "-c", wait).returncode == 0
        done = old_system.install("--python-from", "http://127.0.0.1:8000")
    assert done.returncode == 0, done.stdout
    brought = list((old_system.root / "opt/ringbridge/python").iterdir())
    settings = (old_system.root / "opt/ringbridge" / old_system.version() / "pyvenv.cfg").read_text()
    assert [f"home = /opt/ringbridge/python/{path.name}/bin" in settings for path in brought] == [True]
    (old_system.root / "opt/ringbridge/python/3.0.0").mkdir()
    upgrade(old_system)
    assert list((old_system.root / "opt/ringbridge/python").iterdir()) == brought, "what no version uses goes"
    with serving(old_system, done.stdout):
        assert old_system.run("ringbridge", "user", "list").stdout == "admin\tadmin\n"


def test_python_that_cannot_be_brought_is_refused_in_words_and_nothing_is_changed(old_system: CleanSystem) -> None:
    before = old_system.everything()

    none = old_system.install()
    assert none.returncode == 1
    assert re.search(r"no Python 3.11 or newer .* cpython-\S+.tar.gz could be had neither beside", none.stdout)
    assert re.search(r"nor from https://\S+\. Fetch it on another machine", none.stdout), none.stdout

    (archive,) = (old_system.root / "tmp/archive").glob("*.tar.gz")
    archive.write_bytes(archive.read_bytes() + b"more")
    other = old_system.install("--python-from", "/tmp/archive")
    assert (other.returncode, "is not the right one: its SHA-256 has to be" in other.stdout) == (1, True), other.stdout

    (old_system.root / "usr/bin/getconf").write_text("#!/bin/sh\necho glibc 2.17\n")
    older = old_system.install("--python-from", "/tmp/archive")
    assert older.returncode == 1
    assert "one that is brought needs glibc 2.28 or newer; here is glibc 2.17" in older.stdout

    assert old_system.everything() == before
