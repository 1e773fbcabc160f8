"""The widget's archive passes what the platform checks, and each mistake is named."""

from __future__ import annotations

import importlib.util
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


def builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_widget", ROOT / "scripts" / "build_widget.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


BUILD = builder()
FILES: dict[str, bytes] = BUILD.widget_files()


def test_widget_as_it_is_has_no_mistake() -> None:
    BUILD.check(FILES)


def test_archive_has_its_files_at_the_root_and_is_the_same_each_time(tmp_path: Path) -> None:
    for name in ("one.zip", "two.zip"):
        BUILD.pack(FILES, tmp_path / name)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        assert archive.testzip() is None
        assert {"manifest.json", "script.js", "i18n/ru.json", "images/logo_main.png"} <= set(archive.namelist())


@pytest.mark.parametrize("name", BUILD.IMAGES)
def test_picture_is_a_png_that_can_be_read_whole(name: str) -> None:
    content, (width, height) = FILES[name], BUILD.IMAGES[name]
    length, kind = struct.unpack(">I4s", content[33:41])
    assert kind == b"IDAT"
    data = content[41 : 41 + length]
    assert struct.unpack(">I", content[41 + length : 45 + length])[0] == zlib.crc32(kind + data)
    assert len(zlib.decompress(data)) == height * (1 + 3 * width)


def without_text(files: dict[str, bytes], language: str, section: str, name: str) -> dict[str, bytes]:
    words = json.loads(files[f"i18n/{language}.json"])
    del words[section][name]
    return files | {f"i18n/{language}.json": json.dumps(words).encode()}


def with_manifest(files: dict[str, bytes], change: Callable[[dict[str, dict[str, object]]], None]) -> dict[str, bytes]:
    manifest = json.loads(files["manifest.json"])
    change(manifest)
    return files | {"manifest.json": json.dumps(manifest).encode()}


MISTAKES: dict[str, dict[str, bytes]] = {
    "script.js is missing": {name: content for name, content in FILES.items() if name != "script.js"},
    "i18n/ru.json is missing": {name: content for name, content in FILES.items() if name != "i18n/ru.json"},
    "manifest.json is no JSON": FILES | {"manifest.json": b"{"},
    "i18n/en.json: card.open is missing": without_text(FILES, "en", "card", "open"),
    "i18n/ru.json: problems.cors is missing": without_text(FILES, "ru", "problems", "cors"),
    "init_once must be true": with_manifest(FILES, lambda one: one["widget"].update(init_once=False)),
    "widget.version is three numbers": with_manifest(FILES, lambda one: one["widget"].update(version="1.0")),
    "settings.server_url has a type": with_manifest(
        FILES, lambda one: one["settings"].update(server_url={"name": "settings.server_url", "type": "url"})
    ),
    "images/logo.png must be a PNG of 130 x 100": FILES | {"images/logo.png": FILES["images/logo_min.png"]},
    "js/card.js has more than 307200 bytes": FILES | {"js/card.js": b"define();" + b" " * 307_200},
    "js/card.js uses an arrow function": FILES | {"js/card.js": b"define([], () => 1);"},
    "js/card.js is no AMD module": FILES | {"js/card.js": b"var x = 1;"},
    "other.js uses": FILES | {"other.js": b"define(function () { say('card.nowhere'); const x = 1; });"},
    "card.nowhere is missing": FILES | {"other.js": b"define(function () { say('card.nowhere'); });"},
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_named(mistake: str) -> None:
    with pytest.raises(BUILD.WidgetError) as refused:
        BUILD.check(MISTAKES[mistake])
    assert mistake in str(refused.value)


def test_every_refusal_that_the_server_can_answer_has_words_in_the_widget() -> None:
    """By the codes in the server's source: a new one must be given words here."""
    sources = [
        *(ROOT / "src/ringbridge/web/amocrm").glob("*.py"),
        ROOT / "src/ringbridge/service/portals/extensions.py",
    ]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    codes = set(re.findall(r'(?:NotLetIn|TableRefused|refused)\(\s*"([a-z_]+)"', text))
    codes |= set(re.findall(r'": "(token_[a-z]+)"', text)) | {"token_bad"}
    assert {"token_signature", "twice", "not_dialled", "no_portal"} <= codes
    for language in ("ru", "en"):
        assert codes <= set(json.loads(FILES[f"i18n/{language}.json"])["problems"])
