"""The command line's part for the office's own code."""

from __future__ import annotations

import json
import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any

import click


@click.group()
def hooks() -> None:
    """The office's hooks: what there is, and a trial of each on a past call."""


@hooks.command("list")
def list_files() -> None:
    """The files of hooks, in the order in which they are asked, and what is wrong with any."""
    from ringbridge.cli import told_plainly
    from ringbridge.hooks.display import told
    from ringbridge.hooks.runner import Hooks
    from ringbridge.service.bootstrap import read_bootstrap
    from ringbridge.service.logs import configure_logs
    from ringbridge.service.views import open_office

    configure_logs("CRITICAL")  # what went wrong is in the list itself

    async def work() -> None:
        bootstrap = read_bootstrap()
        async with open_office(bootstrap) as view:
            settings = view.office.hooks.hook_settings(bootstrap.data, view.office.zone)
        asking = Hooks(settings)
        click.echo("\n".join(told(await asking.files(), settings)))
        asking.close()

    told_plainly(work)


@hooks.command("try")
@click.argument("hook", required=False)
@click.option("--call", "key", required=True, help="A call of the journal, by its key: the last part of its address.")
@click.option("--portal", "only", help="At this portal.")
@click.option("--value", help="What the hook is given, as JSON, in place of what the journal knows.")
@click.option("--about", help="The hook's other arguments, as one JSON object.")
def try_hook(*, hook: str | None, key: str, only: str | None, value: str | None, about: str | None) -> None:
    """What a hook makes of a call: what goes in, what comes out. Without its name: what rules and all hooks together
    make of it. Nothing is sent, and no CRM is asked."""
    from ringbridge.cli import told_plainly
    from ringbridge.hooks.runner import Hooks
    from ringbridge.hooks.specs import SPECS
    from ringbridge.service.bootstrap import read_bootstrap
    from ringbridge.service.hooks.trial import told
    from ringbridge.service.hooks.trial import try_hook as tried
    from ringbridge.service.logs import configure_logs
    from ringbridge.service.rules.chain_trial import told as told_whole
    from ringbridge.service.rules.chain_trial import try_chain
    from ringbridge.service.views import open_office

    configure_logs("CRITICAL")  # what went wrong is in the trial itself
    if hook is not None and hook not in SPECS:
        raise click.BadParameter(f"{hook!r} is no hook: {', '.join(SPECS)}")
    start, others = _json(value, "--value"), _json(about, "--about") or {}

    async def work() -> None:
        bootstrap = read_bootstrap()
        async with open_office(bootstrap) as view:
            asking = Hooks(view.office.hooks.hook_settings(bootstrap.data, view.office.zone))
            if hook is None:
                lines = [line for trial in await try_chain(view, asking, key) for line in told_whole(trial)]
            else:
                lines = list(told(await tried(view, asking, hook, key, only=only, value=start, about=others)))
            asking.close()
        click.echo("\n".join(lines))

    told_plainly(work)


@hooks.command("example")
@click.argument("name", required=False)
def example(*, name: str | None) -> None:
    """Copy an example into the folder of hooks, or name the examples."""
    from ringbridge.cli import refuse, told_plainly
    from ringbridge.service.bootstrap import read_bootstrap
    from ringbridge.service.views import open_office

    folder = Path(str(files("ringbridge.hooks") / "examples"))
    there = sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")
    if name is None:
        click.echo("\n".join(f"{one}: {_first_line(folder / f'{one}.py')}" for one in there))
        return
    if name not in there:
        refuse(f"There is no example {name}: {', '.join(there)}")

    async def work() -> None:
        bootstrap = read_bootstrap()
        async with open_office(bootstrap) as view:
            target = view.office.hooks.hook_settings(bootstrap.data, view.office.zone).folder / f"{name}.py"
        if target.exists():
            refuse(f"{target} is there already: it is left as it is")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / f"{name}.py", target)
        click.echo(f"{target}: it is asked from the next call on")

    told_plainly(work)


def _json(text: str | None, option: str) -> Any:
    try:
        return None if text is None else json.loads(text)
    except ValueError as error:
        raise click.BadParameter(f"{option} is no JSON: {error}") from error


def _first_line(path: Path) -> str:
    return path.read_text(encoding="utf-8").splitlines()[0].strip('"')
