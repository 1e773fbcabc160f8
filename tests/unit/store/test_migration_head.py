from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory

from ringbridge import migrations

FOLDER = Path(migrations.__file__).parent

OPEN_TWICE = """
import asyncio, sys
from ringbridge.store.database import Database

async def open_once():
    await (await Database.open(sys.argv[1])).aclose()

asyncio.run(open_once())
print("alembic" in sys.modules)
"""


def test_the_head_that_the_code_speaks_of_is_the_last_step() -> None:
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    assert ScriptDirectory.from_config(config).get_heads() == [migrations.HEAD]


def test_a_database_that_is_up_to_date_opens_without_loading_alembic(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ringbridge.db'}"
    loaded = [
        subprocess.run([sys.executable, "-c", OPEN_TWICE, url], check=True, capture_output=True, text=True).stdout
        for _ in range(2)
    ]
    assert loaded == ["True\n", "False\n"]
