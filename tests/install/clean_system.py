"""A machine of one's own: a clean Debian in a folder, with its own processes and its own network.

No systemd runs in it, as in a container; so the installer tries a version for a moment and stops it again. It has
Python without venv, as most machines do, and its apt knows one folder, where venv lies (see scripts/setup-tests).
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import ROOT

SUITES = {"bookworm": "3.11", "trixie": "3.13"}
"""Debian 12 and 13, and the Python of each."""
BOOT = """
set -e
if [ "$1" != "$2" ]; then
  mount -t tmpfs tmpfs "$2"
  mkdir "$2/changes" "$2/work" "$2/root"
  mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/changes,workdir=$2/work" "$2/root" 2>/dev/null ||
    cp --archive "$1/." "$2/root"
fi
mount -t proc proc "$3/proc"
ip link set lo up
echo up
exec sleep infinity
"""
LIMIT = 600
"""Seconds that anything may take on a machine that has much else to do; it takes ten at most on an idle one."""
VOLATILE = re.compile(r"ringbridge\.db|trial\.log|__pycache__")


class CleanSystem:
    def __init__(self, root: Path, process: int) -> None:
        self._folder = root
        self.root = Path(f"/proc/{process}/root{root}")  # as this process sees it, whatever is mounted there
        self._enter = ("nsenter", f"--target={process}", "--mount", "--net", "--pid", "chroot", str(root))

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """As root, to its end; both outputs in `stdout`."""
        return subprocess.run(
            [*self._enter, "env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT,
            check=False,
        )

    def install(self, *options: str) -> subprocess.CompletedProcess[str]:
        return self.run("/root/ship/install.sh", "--offline", "--wait", str(LIMIT), *options)

    @contextmanager
    def started(self, command: str) -> Iterator[None]:
        """Runs meanwhile; asked to end, and ended, at the end."""
        process = subprocess.Popen(
            [*self._enter, *command.split()], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            yield
        finally:  # what runs is the child of the one that entered, which ends with it
            for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
                os.kill(int(child), signal.SIGTERM)
            process.wait(LIMIT)

    def health(self) -> str:
        """What the page answers, asked until it does."""
        ask = (
            "import time, urllib.request, urllib.error\n"
            "while True:\n"
            "    try: print(urllib.request.urlopen('http://127.0.0.1:8077/healthz').read().decode()); break\n"
            "    except urllib.error.URLError: time.sleep(0.1)\n"
        )
        return self.run("timeout", str(LIMIT), "/opt/ringbridge/current/bin/python", "-c", ask).stdout.strip()

    def version(self) -> str:
        return str((self.root / "opt/ringbridge/current").readlink())

    def lend(self, folder: Path) -> None:
        """A folder of the machine around it, to be read under the same name."""
        place = self.root / folder.relative_to("/")
        place.mkdir(parents=True)
        target = f"{self._folder}/{folder.relative_to('/')}"
        subprocess.run([*self._enter[:-2], "mount", "--bind", str(folder), target], check=True)

    def everything(self) -> dict[str, tuple[int, int, int, str]]:
        """Each file of ours with its rights, owner, time and content; without what a running service writes."""
        found = {}
        for folder in ("etc", "opt", "usr/local", "var/lib/ringbridge"):
            for path in sorted((self.root / folder).rglob("*")):
                if not VOLATILE.search(str(path)) and path.is_file() and not path.is_symlink():
                    about = path.stat()
                    digest = hashlib.sha256(path.read_bytes()).hexdigest()
                    found[str(path.relative_to(self.root))] = (about.st_mode, about.st_uid, about.st_mtime_ns, digest)
        return found

    def there(self, path: str) -> bool:
        return (self.root / path).exists()


@contextmanager
def clean_system(below: Path, folder: Path | None = None) -> Iterator[CleanSystem]:
    """Over a folder that holds a Debian. With another, empty `folder` nothing below is changed, and all changes are
    gone at the end."""
    root = folder / "root" if folder else below
    own = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child"]
    boot = ["sh", "-c", BOOT, "boot", str(below), str(folder or below), str(root)]
    holder = subprocess.Popen([*own, *boot], stdout=subprocess.PIPE, text=True)
    assert holder.stdout
    try:
        assert holder.stdout.readline() == "up\n", "a system of its own could not be made"
        children = Path(f"/proc/{holder.pid}/task/{holder.pid}/children").read_text().split()
        yield CleanSystem(root, int(children[0]))
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()


def tar_of(suite: str) -> Path:
    return ROOT / ".cache" / f"{suite}.tar"


def unpacked(suite: str, folder: Path, *, release: Path) -> Path:
    """The root of a clean system; what an office gets lies in its /root/ship."""
    folder.mkdir()
    subprocess.run(["tar", "--extract", f"--file={tar_of(suite)}", f"--directory={folder}"], check=True)
    shutil.copytree(release, folder / "root" / "ship", copy_function=os.link)
    return folder


def make_release(folder: Path, *suites: str) -> Path:
    """What an office gets, and beside it all the packages it needs on each of `suites`: made of this checkout."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    built = ["wheel", "--no-deps", "--no-build-isolation", f"--wheel-dir={folder}", str(ROOT)]
    lock = ["--no-deps", "--require-hashes", f"--requirement={ROOT / 'requirements.lock'}", f"--dest={folder}"]
    debian = ["--only-binary=:all:", *(f"--platform={name}" for name in platforms())]
    packages = [["download", *lock, *debian, f"--python-version={SUITES[suite]}"] for suite in suites]
    for arguments in (built, *packages):
        done = subprocess.run([*pip, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    shutil.copy(ROOT / "deploy" / "install.sh", folder)
    return folder


def platforms() -> list[str]:
    machine = os.uname().machine
    return [f"{kind}_{machine}" for kind in ("manylinux_2_34", "manylinux_2_28", "manylinux_2_17", "manylinux2014")]
