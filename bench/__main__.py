"""``python -m bench [NAME…]``: prints the figures as Markdown."""

from __future__ import annotations

import importlib
import sys
import time
from pathlib import Path

from bench.figure import Figure
from bench.machine import described

FIGURES = ("parsing", "latency", "quota", "memory", "mirror", "journal", "route", "hooks")
"""Modules of this package; each has a `measure`."""


def main(names: list[str]) -> None:
    unknown = [name for name in names if name not in FIGURES]
    if unknown:
        sys.exit(f"No figure is called {', '.join(unknown)}: there are {', '.join(FIGURES)}.")
    print(f"# Figures\n\n{described()}", flush=True)
    began = time.monotonic()
    for name in names or FIGURES:
        print(f"Measuring: {name}", file=sys.stderr, flush=True)
        figure: Figure = importlib.import_module(f"bench.{name}").measure()
        print(figure.markdown(), flush=True)
    print(f"All of it took {time.monotonic() - began:.0f} seconds.")


if __name__ == "__main__":
    if not (Path.cwd() / "bench" / "traces").is_dir():
        sys.exit("Run it from the project's folder: its input is in bench/traces and tests/traces.")
    main(sys.argv[1:])
