"""Pack the amoCRM widget into `dist/ringbridge-amocrm-widget.zip`, after checking what the platform will check.

    python scripts/build_widget.py [--target FILE]

Its pictures are drawn here, in the sizes that the platform wants, so that none is kept beside its source. Standard
library only. The archive of the same source is always the same, byte for byte.

Source: amoCRM developer documentation, "Integration's structure": manifest.json, script.js, i18n and images, files at
the archive's root; sizes of the pictures as widgets have them that were published.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "widget" / "amocrm"
TARGET = ROOT / "dist" / "ringbridge-amocrm-widget.zip"

IMAGES = {
    "images/logo_main.png": (400, 272),
    "images/logo_small.png": (108, 108),
    "images/logo.png": (130, 100),
    "images/logo_medium.png": (240, 84),
    "images/logo_min.png": (84, 84),
    "images/logo_dp.png": (174, 109),
}
LARGEST = 300 * 1024  # bytes of one file
CONTENT = {".json", ".js", ".css", ".png"}
REQUIRED = ("name", "description", "short_description", "version", "interface_version", "init_once", "locale")
LOCATIONS = {"everywhere", "settings", "advanced_settings"}
SETTINGS = {"text", "pass", "users", "users_lp", "custom"}
NEWER = {
    "an arrow function": r"=>",
    "let or const": r"\b(?:let|const)\s+[\w{\[]",
    "a template literal": r"`",
    "a class": r"\bclass\s+\w+\s*\{",
    "async or await": r"\b(?:async\s+function|await)\b",
}
USED = re.compile(r"say\(\s*'([a-z_]+\.[a-z_]+)'\s*[,)]")
CODES = re.compile(r"code: (?:[^'{}]*\? )?'([a-z_]+)'(?: : '([a-z_]+)')?")
PLACEHOLDER = re.compile(r"\{\w+\}")
FIXED_DATE = (2026, 1, 1, 0, 0, 0)  # an archive's dates would make it another one each time

BACK, WAVE, PHONE = (35, 68, 114), (88, 166, 232), (255, 255, 255)


class WidgetError(Exception):
    """The widget is not fit to be uploaded. A line for each mistake."""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--target", type=Path, default=TARGET)
    target = parser.parse_args().target
    try:
        files = widget_files()
        check(files)
    except WidgetError as error:
        print(error, file=sys.stderr)
        return 1
    pack(files, target)
    print(f"{target}: {len(files)} files, {target.stat().st_size // 1024} KB")
    return 0


def widget_files(source: Path = SOURCE) -> dict[str, bytes]:
    """Everything that goes into the archive, by its name there."""
    written = (path for path in source.rglob("*") if path.suffix in CONTENT)
    files = {path.relative_to(source).as_posix(): path.read_bytes() for path in sorted(written)}
    return files | {name: picture(*size) for name, size in IMAGES.items()}


def pack(files: Mapping[str, bytes], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            member = zipfile.ZipInfo(name, FIXED_DATE)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o644 << 16
            archive.writestr(member, files[name])


# What the platform checks


def check(files: Mapping[str, bytes]) -> None:
    """Raises `WidgetError`."""
    mistakes = [f"{name} is missing" for name in ("manifest.json", "script.js") if name not in files]
    if not mistakes:
        manifest = read_json(files, "manifest.json")
        texts = {language: read_json(files, f"i18n/{language}.json") for language in manifest["widget"]["locale"]}
        mistakes += wrong_manifest(manifest)
        mistakes += wrong_texts(texts, wanted_texts(manifest, files))
    mistakes += wrong_scripts(files)
    mistakes += wrong_images(files)
    mistakes += [f"{name} has more than {LARGEST} bytes" for name, content in files.items() if len(content) > LARGEST]
    if mistakes:
        raise WidgetError("\n".join(mistakes))


def read_json(files: Mapping[str, bytes], name: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(files[name])
    except KeyError as error:
        raise WidgetError(f"{name} is missing") from error
    except ValueError as error:
        raise WidgetError(f"{name} is no JSON: {error}") from error
    return found


def wrong_manifest(manifest: Mapping[str, Any]) -> Iterator[str]:
    widget = manifest["widget"]
    yield from (f"manifest.json: widget.{name} is missing" for name in REQUIRED if name not in widget)
    if widget.get("init_once") is not True:
        yield "manifest.json: init_once must be true, or every card would open a connection of its own"
    if not re.fullmatch(r"\d+\.\d+\.\d+", str(widget.get("version"))):
        yield "manifest.json: widget.version is three numbers"
    if strange := set(manifest.get("locations", [])) - LOCATIONS:
        yield f"manifest.json: the widget does nothing in {', '.join(sorted(strange))}"
    for name, field in manifest.get("settings", {}).items():
        if field.get("type") not in SETTINGS:
            yield f"manifest.json: settings.{name} has a type that the platform does not know"


def wanted_texts(manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> set[str]:
    """Keys of texts that the manifest and the scripts name."""
    widget = manifest["widget"]
    wanted = {widget.get(name, "") for name in ("name", "description", "short_description")}
    wanted |= {manifest["tour"]["tour_description"], manifest["advanced"]["title"]}
    wanted |= {field["name"] for field in manifest.get("settings", {}).values()}
    for script in scripts(files).values():
        wanted |= set(USED.findall(script))
        wanted |= {f"problems.{code}" for found in CODES.findall(script) for code in found if code}
    return wanted - {""}


def wrong_texts(texts: Mapping[str, Mapping[str, Mapping[str, str]]], wanted: set[str]) -> Iterator[str]:
    flat = {
        language: {f"{section}.{name}": text for section, names in words.items() for name, text in names.items()}
        for language, words in texts.items()
    }
    everything = set().union(wanted, *flat.values())
    for key in sorted(everything):
        for language in flat:
            if not flat[language].get(key, "").strip():
                yield f"i18n/{language}.json: {key} is missing"
        if len({frozenset(PLACEHOLDER.findall(words.get(key, ""))) for words in flat.values()}) > 1:
            yield f"i18n: {key} has not the same placeholders in every language"


def scripts(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: content.decode() for name, content in files.items() if name.endswith(".js")}


def wrong_scripts(files: Mapping[str, bytes]) -> Iterator[str]:
    """Nothing builds the scripts, so browsers of any age get them as they are."""
    for name, script in scripts(files).items():
        code = re.sub(r"/\*.*?\*/|//[^\n]*", "", script, flags=re.DOTALL)
        if "define(" not in code:
            yield f"{name} is no AMD module"
        yield from (f"{name} uses {what}" for what, pattern in NEWER.items() if re.search(pattern, code))


def wrong_images(files: Mapping[str, bytes]) -> Iterator[str]:
    for name, size in IMAGES.items():
        content = files.get(name, b"")
        if content[:8] != b"\x89PNG\r\n\x1a\n" or struct.unpack(">II", content[16:24]) != size:
            yield f"{name} must be a PNG of {size[0]} x {size[1]}"


# The picture: a handset from which two waves go out


def picture(width: int, height: int) -> bytes:
    """A PNG (its specification, third edition: signature, IHDR, IDAT, IEND)."""
    rows = b"".join(b"\x00" + bytes(row) for row in pixels(width, height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def pixels(width: int, height: int) -> Iterator[Iterable[int]]:
    """Rows of red, green, blue. The drawing stands in a square as high as the picture; a pixel is one unit of blur."""
    unit = min(width, height) / 2
    for y in range(height):
        row: list[int] = []
        for x in range(width):
            row += colour((x + 0.5 - width / 2) / unit, (y + 0.5 - height / 2) / unit, 1 / unit)
        yield row


def colour(x: float, y: float, blur: float) -> tuple[int, int, int]:
    shown = BACK
    for far in (0.50, 0.74):
        ring = abs(math.hypot(x - 0.06, y + 0.06) - far) - 0.055
        beyond = max(ring, 0.10 - x, y + 0.10)  # the upper right quarter only
        shown = mixed(shown, WAVE, beyond, blur)
    return mixed(shown, PHONE, handset(x + 0.14, y - 0.14), blur)


def handset(x: float, y: float) -> float:
    """How far outside: an arc with a rounded piece at each end."""
    turned, along = (x + y) / math.sqrt(2), (x - y) / math.sqrt(2)
    arc = abs(math.hypot(turned - 0.36, along) - 0.62) - 0.10
    return min(max(arc, abs(along) - 0.46, turned - 0.36), *(end(turned, along, side) for side in (-1, 1)))


def end(turned: float, along: float, side: int) -> float:
    dx, dy = abs(turned + 0.02) - 0.13, abs(along - side * 0.50) - 0.07
    return math.hypot(max(dx, 0), max(dy, 0)) + min(max(dx, dy), 0) - 0.06


def mixed(under: tuple[int, int, int], over: tuple[int, int, int], outside: float, blur: float) -> tuple[int, int, int]:
    share = min(1.0, max(0.0, 0.5 - outside / blur))
    red, green, blue = (round(low + (high - low) * share) for low, high in zip(under, over, strict=True))
    return red, green, blue


if __name__ == "__main__":
    sys.exit(main())
