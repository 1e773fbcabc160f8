"""A machine of one's own: a clean Debian 12 in a folder, with its own processes and its own network.

No systemd runs in it, as in a container; so the installer tries a version for a moment and stops it again.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import ROOT

TAR = ROOT / ".cache" / "debian12.tar"
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
VOLATILE = re.compile(r"ringbridge\.db|trial\.log|__pycache__")


class CleanSystem:
    def __init__(self, root: Path, process: int) -> None:
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
            timeout=150,
            check=False,
        )

    def install(self, *options: str) -> subprocess.CompletedProcess[str]:
        return self.run("/root/ship/install.sh", "--offline", *options)

    @contextmanager
    def started(self, command: str) -> Iterator[None]:
        process = subprocess.Popen(
            [*self._enter, *command.split()], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(30)

    def health(self) -> str:
        """What the page answers, asked until it does."""
        ask = (
            "import time, urllib.request, urllib.error\n"
            "while True:\n"
            "    try: print(urllib.request.urlopen('http://127.0.0.1:8077/healthz').read().decode()); break\n"
            "    except urllib.error.URLError: time.sleep(0.1)\n"
        )
        return self.run("timeout", "60", "python3", "-c", ask).stdout.strip()

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


def unpacked(folder: Path) -> Path:
    folder.mkdir()
    subprocess.run(["tar", "--extract", f"--file={TAR}", f"--directory={folder}"], check=True)
    return folder


def release(folder: Path, python: str) -> Path:
    """What an office gets, and beside it all the packages it needs: made of this checkout."""
    pip = [python, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    built = ["wheel", "--no-deps", "--no-build-isolation", f"--wheel-dir={folder}", str(ROOT)]
    debian12 = ["--python-version=3.11", "--only-binary=:all:", *(f"--platform={name}" for name in platforms())]
    lock = ["--no-deps", "--require-hashes", f"--requirement={ROOT / 'requirements.lock'}"]
    for arguments in (built, ["download", *lock, *debian12, f"--dest={folder}"]):
        done = subprocess.run([*pip, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    shutil.copy(ROOT / "deploy" / "install.sh", folder)
    return folder


def platforms() -> list[str]:
    machine = subprocess.run(["uname", "-m"], capture_output=True, text=True, check=True).stdout.strip()
    return [f"{kind}_{machine}" for kind in ("manylinux_2_34", "manylinux_2_28", "manylinux_2_17", "manylinux2014")]
