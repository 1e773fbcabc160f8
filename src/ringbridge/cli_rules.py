"""The command line's part for the office's rules."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def rules() -> None:
    """The office's rules."""


@rules.command()
def check() -> None:
    """Rows and answers that never count, and what the rules name that is not there: trunks, phones, pipelines. Nothing
    is asked of a CRM: compared is what was last read of it."""
    from ringbridge.cli import told_plainly
    from ringbridge.service.bootstrap import read_bootstrap
    from ringbridge.service.rules.review import read_facts, review, told
    from ringbridge.service.views import open_office

    async def work() -> None:
        async with open_office(read_bootstrap()) as view:
            warnings = review(view.office, await read_facts(view.office, view.database))
            count = len(view.office.rule)
        click.echo("\n".join(told(warnings)) or f"{count} rows, and nothing is wrong with them.")

    told_plainly(work)


@rules.command("try")
@click.option("--call", "key", help="A call of the journal, by its key (the last part of its page's address).")
@click.option("--direction", type=click.Choice(["inbound", "outbound"]), default="inbound", show_default=True)
@click.option(
    "--result",
    type=click.Choice(["answered", "missed", "busy", "noanswer", "cancelled", "failed"]),
    default="answered",
    show_default=True,
)
@click.option("--number", help="The client's number.")
@click.option("--trunk")
@click.option("--did", help="The company's number that was called.")
@click.option("--queue")
@click.option("--extension", "extensions", multiple=True, help="A phone that rang; the last one speaks.")
@click.option("--at", type=click.DateTime(), help="When it came, in the office's time; now by default.")
@click.option("--client", type=click.Choice(["known", "unknown"]), help="Whether the CRM knows the client.")
@click.option("--portal", "only", help="Only this portal.")
def try_(*, key: str | None, client: str | None, only: str | None, at: Any, **call: Any) -> None:
    """Which row decides what for a call: one of the journal, or a made-up one. Nothing is sent."""
    from ringbridge.cli import told_plainly
    from ringbridge.service.bootstrap import read_bootstrap
    from ringbridge.service.rules.trial import Imagined, told, try_rules
    from ringbridge.service.views import open_office
    from ringbridge.telephony.model import Direction, Disposition

    async def work() -> None:
        async with open_office(read_bootstrap()) as view:
            imagined = Imagined(
                **{
                    **call,
                    "direction": Direction(call["direction"]),
                    "result": Disposition(call["result"]),
                    "at": at.replace(tzinfo=view.office.zone) if at else None,
                }
            )
            tried = await view.call(key) if key else imagined.call()
            for portal in await view.portals(only):
                known = None if client is None else client == "known"
                click.echo("\n".join(told(try_rules(portal, tried, known))))

    told_plainly(work)


@rules.command()
def export() -> None:
    """Print the rules alone as TOML: to be kept, compared, or taken over by another office."""
    import tomli_w

    from ringbridge.cli import told_plainly
    from ringbridge.service.bootstrap import read_bootstrap
    from ringbridge.service.config import document_of
    from ringbridge.service.views import open_office

    async def work() -> None:
        async with open_office(read_bootstrap()) as view:
            rows = document_of(view.office).get("rule", [])
        click.echo(tomli_w.dumps({"rule": rows}), nl=False)

    told_plainly(work)


@rules.command("import")
@click.argument("file", type=FILE)
def import_(file: Path) -> None:
    """Take the rules from a TOML file, in place of all that there are; the rest of the office stays."""
    from ringbridge.cli import told_plainly
    from ringbridge.service.bootstrap import open_vault, read_bootstrap
    from ringbridge.service.config import ConfigError, document_in, document_of, office_of
    from ringbridge.service.rules.review import read_facts, review, told
    from ringbridge.service.settings import save_office
    from ringbridge.service.views import open_office

    async def work() -> None:
        document, bootstrap = document_in(file), read_bootstrap()
        if set(document) != {"rule"}:
            raise ConfigError(f"{file} must hold [[rule]] and nothing else; a whole office: ringbridge config import")
        async with open_office(bootstrap) as view:
            office = office_of({**document_of(view.office), **document}, str(file))
            by = f"command line, {os.environ.get('USER', '')}"
            await save_office(view.database, await open_vault(bootstrap, view.database), office, by=by)
            warnings = review(office, await read_facts(office, view.database))
        click.echo(f"Configured: {len(office.rule)} rules")
        for line in told(warnings):
            click.echo(f"Rules: {line}", err=True)

    told_plainly(work)
