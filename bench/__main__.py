"""``python -m bench [NAME[=SIZE]…]``: prints the figures as Markdown. `journal` has a size: how many calls."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench.figure import Figure
from bench.machine import described

FIGURES = ("parsing", "latency", "quota", "memory", "mirror", "journal", "deals", "route", "hooks", "live")
"""Modules of this package; each has a `measure`."""


def main(names: list[str]) -> None:
    asked = {name: size for name, _, size in (one.partition("=") for one in names)}
    if unknown := [name for name in asked if name not in FIGURES]:
        sys.exit(f"No figure is called {', '.join(unknown)}: there are {', '.join(FIGURES)}.")
    print(f"# Figures\n\n{described()}", flush=True)
    began = time.monotonic()
    for name, size in asked.items() or dict.fromkeys(FIGURES, "").items():
        print(f"Measuring: {name}", file=sys.stderr, flush=True)
        measure: Callable[..., Figure] = importlib.import_module(f"bench.{name}").measure
        figure = measure(int(size)) if size else measure()
        print(figure.markdown(), flush=True)
    print(f"All of it took {time.monotonic() - began:.0f} seconds.")


if __name__ == "__main__":
    if not (Path.cwd() / "bench" / "traces").is_dir():
        sys.exit("Run it from the project's folder: its input is in bench/traces and tests/traces.")
    main(sys.argv[1:])
