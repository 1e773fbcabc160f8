"""What is wrong with the files of hooks, found without running them: whoever examines may be the administrator of the
machine, and the files need not be theirs."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from ringbridge.hooks.display import NO_PHP
from ringbridge.hooks.executables import is_program
from ringbridge.hooks.folder import candidates
from ringbridge.hooks.programs import hook_in, script_hooks
from ringbridge.hooks.runner import HookSettings
from ringbridge.hooks.specs import SPECS
from ringbridge.service.doctor.findings import Finding, failure, ok, warning


def findings_of(settings: HookSettings) -> Iterator[Finding]:
    """Nothing where there are no hooks."""
    paths = [path for path in candidates(settings.folder) if settings.takes(path.name)]
    looked_at = [settings.folder, *paths] if paths else []
    troubles = [finding for path in looked_at for finding in _troubles(path)]
    if any(path.suffix == ".php" for path in paths) and shutil.which("php") is None:
        troubles.append(failure("Hooks", NO_PHP, "apt install php-cli"))
    if unknown := (settings.only | settings.off) - {path.name for path in candidates(settings.folder)}:
        names = ", ".join(sorted(unknown))
        troubles.append(warning("Hooks", f"the settings name files that are not there: {names}"))
    yield from troubles
    if paths and not troubles:
        yield ok("Hooks", f"files in {settings.folder}: {len(paths)}")


def _troubles(path: Path) -> Iterator[Finding]:
    try:
        if path.stat().st_mode & stat.S_IWOTH:
            yield failure("Hooks", f"anybody on this machine can change {path}: it is not run", f"chmod o-w {path}")
        if path.suffix == ".py":
            compile(path.read_bytes(), str(path), "exec")
        elif path.is_file() and not (script_hooks(path) if path.suffix == ".php" else hook_in(path) in SPECS):
            yield failure("Hooks", f"{path.name} is named like no hook", "ringbridge hooks list")
        elif path.is_file() and path.suffix != ".php" and not is_program(path):
            yield failure("Hooks", f"{path.name} has no run bit: chmod +x it", f"chmod +x {path}")
    except OSError as error:
        yield failure("Hooks", f"{path} cannot be read: {error.strerror}")
    except (SyntaxError, ValueError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        yield failure("Hooks", f"{path.name}{line}: {getattr(error, 'msg', error)}", "ringbridge hooks list")
