"""The command line."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import click

from ringbridge.cli_backup import backup, restore
from ringbridge.cli_calls import import_history, reprocess
from ringbridge.cli_hooks import hooks
from ringbridge.cli_migrate import migrate_itgrix
from ringbridge.cli_pbx import dialplan, doctor
from ringbridge.cli_rules import rules
from ringbridge.cli_stats import stats
from ringbridge.cli_users import user

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)
PORT = click.IntRange(0, 65535)
LEVEL = click.Choice(["DEBUG", "INFO", "WARNING", "ERROR"], case_sensitive=False)


def country(context: click.Context, option: click.Parameter, value: str) -> str:
    from phonenumbers import SUPPORTED_REGIONS

    if value not in SUPPORTED_REGIONS:
        raise click.BadParameter(f"{value!r} is no country code of two capital letters, such as RU")
    return value


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ringbridge")
def main() -> None:
    """Ringbridge connects an Asterisk PBX to a company's CRM."""


main.add_command(user)
main.add_command(dialplan)
main.add_command(reprocess)
main.add_command(import_history)
main.add_command(hooks)
main.add_command(rules)
main.add_command(migrate_itgrix)
main.add_command(doctor)
main.add_command(stats)
main.add_command(backup)
main.add_command(restore)


def refuse(error: object) -> NoReturn:
    click.echo(f"ringbridge: {error}", err=True)
    sys.exit(1)


def told_plainly(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Runs it; what a person can mend is said in their words, without a traceback."""
    from ringbridge.serve import NoPort
    from ringbridge.service.config import ConfigError
    from ringbridge.store.errors import StoreError
    from ringbridge.web.app import AssetsMissing

    try:
        asyncio.run(work())
    except (ConfigError, StoreError, NoPort, AssetsMissing) as error:
        refuse(error)
    except BaseExceptionGroup as group:
        plain, rest = group.split((ConfigError, StoreError, NoPort, AssetsMissing))
        if plain is None or rest is not None:
            raise
        refuse(plain.exceptions[0])
    except KeyboardInterrupt:
        sys.exit(130)


@main.command()
def run() -> None:
    """Run the service: follow the PBXs, tell the CRMs, serve the page.

    Where its data are and where the page listens is read from /etc/ringbridge/ringbridge.toml and from the
    environment: RINGBRIDGE_DATA (/var/lib/ringbridge), RINGBRIDGE_HOST (127.0.0.1), RINGBRIDGE_PORT (8077),
    RINGBRIDGE_LOG_LEVEL (INFO). The other commands read the same.
    """
    from ringbridge.serve import serve
    from ringbridge.service.bootstrap import read_bootstrap
    from ringbridge.service.logs import configure_logs

    async def work() -> None:
        bootstrap = read_bootstrap()
        configure_logs(bootstrap.log_level)
        await serve(bootstrap)

    told_plainly(work)


@main.command()
@click.option("--data", type=FOLDER, default=Path("demo-data"), show_default=True, help="Where its data go.")
@click.option("--port", type=PORT, default=8077, show_default=True, help="Port of the page; 0 takes a free one.")
@click.option("--portal-port", type=PORT, default=8078, show_default=True, help="Port of the emulated portal's page.")
@click.option("--log-level", type=LEVEL, default="WARNING", show_default=True, help="INFO shows every step.")
def demo(*, data: Path, port: int, portal_port: int, log_level: str) -> None:
    """Show it at work: an emulated office and an emulated Bitrix24 portal on this machine."""
    from ringbridge.demo import demo
    from ringbridge.service.logs import configure_logs

    configure_logs(log_level)
    told_plainly(lambda: demo(data=data.absolute(), port=port, portal_port=portal_port))


@main.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a call, a line each.")
@click.option(
    "--region",
    default="RU",
    show_default=True,
    callback=country,
    help="The office's country, by which numbers are read.",
)
@click.option("--trunk", "trunks", multiple=True, help="Endpoint name of a trunk; may be given several times.")
@click.argument("files", nargs=-1, required=True, type=FILE)
def replay(*, as_json: bool, region: str, trunks: tuple[str, ...], files: tuple[Path, ...]) -> None:
    """What calls are in recorded AMI conversations. Several files are one office's successive connections."""
    from ringbridge.telephony.replay import ended_calls, plain, replay, told
    from ringbridge.telephony.trace import BadTrace

    told_any = False
    try:
        for call in ended_calls(replay(files, trunks=frozenset(trunks))):
            told_any = True
            click.echo(json.dumps(plain(call, region), ensure_ascii=False) if as_json else told(call, region))
    except (BadTrace, OSError) as error:
        refuse(error)
    if not told_any:
        click.echo("No call: nobody called in these files, or they are no conversations with a PBX.", err=True)


# Configuration


@main.group()
def config() -> None:
    """The office's configuration: PBXs, trunks, CRMs, employees, rules."""


@config.command("import")
@click.argument("file", type=FILE)
def import_(file: Path) -> None:
    """Take the configuration from a TOML file, in place of the present one. A running service takes it within
    seconds."""
    from ringbridge.service.bootstrap import open_vault, read_bootstrap
    from ringbridge.service.config import ConfigError, read_office
    from ringbridge.service.rules.review import read_facts, review, told
    from ringbridge.service.settings import save_office
    from ringbridge.store.database import Database

    async def work() -> None:
        office = read_office(file)
        if not office.pbx and not office.portal:
            raise ConfigError(f"{file} has neither a [[pbx]] nor a [[portal]]: nothing was changed.")
        bootstrap = read_bootstrap()
        async with await Database.open(bootstrap.database) as database:
            await save_office(
                database,
                await open_vault(bootstrap, database),
                office,
                by=f"command line, {os.environ.get('USER', '')}",
            )
            warnings = review(office, await read_facts(office, database))
        parts = (("PBX", office.pbx), ("trunk", office.trunk), ("portal", office.portal), ("employee", office.employee))
        click.echo("Configured: " + ", ".join(f"{len(part)} {name}" for name, part in parts))
        if not office.trunk:
            click.echo("No trunk is named: every call will pass for an internal one.", err=True)
        for line in told(warnings):
            click.echo(f"Rules: {line}", err=True)

    told_plainly(work)


@config.command()
@click.option(
    "--no-secrets", is_flag=True, help="Stars in place of passwords and keys; such a file cannot be imported."
)
def export(*, no_secrets: bool) -> None:
    """Print the configuration as TOML. Importing it gives the same office again; its secrets are readable in it."""
    from ringbridge.service.bootstrap import open_vault, read_bootstrap
    from ringbridge.service.config import ConfigError, write_office
    from ringbridge.service.settings import load_office
    from ringbridge.store.database import Database

    async def work() -> None:
        bootstrap = read_bootstrap()
        async with await Database.open(bootstrap.database) as database:
            office = await load_office(database, await open_vault(bootstrap, database))
        if office is None:
            raise ConfigError("Nothing is configured yet: ringbridge config import OFFICE.toml")
        click.echo(write_office(office, secrets=not no_secrets), nl=False)

    told_plainly(work)


# Incoming calls


@main.group()
def route() -> None:
    """Whom incoming calls are put through to."""


@route.command("try")
@click.option("--number", required=True, help="The caller's.")
@click.option("--trunk", default="", help="Endpoint name of the trunk.")
@click.option("--did", default="", help="The company's number that was called.")
@click.option("--choice", default="", help="What the client chose in the menu.")
@click.option("--at", type=click.DateTime(), help="When it comes, in the office's time; now by default.")
@click.option("--busy", multiple=True, help="A phone that is in a call; may be given several times.")
@click.option("--absent", multiple=True, help="A phone that is not registered; may be given several times.")
def try_call(*, at: Any, busy: tuple[str, ...], absent: tuple[str, ...], **question: str) -> None:
    """Who would ring for an incoming call, and why not the others. Nothing rings. The state of the phones is known to
    the running service alone: here all are free but those that are named."""
    from ringbridge.routing.distribution import RouteQuestion
    from ringbridge.service.bootstrap import read_bootstrap
    from ringbridge.service.distribution.trial import ImaginedPhones, told, try_route
    from ringbridge.service.views import open_office

    async def work() -> None:
        async with open_office(read_bootstrap()) as view:
            moment = at.replace(tzinfo=view.office.zone) if at else datetime.now(UTC)
            phones = ImaginedPhones(busy=busy, absent=absent)
            trial = await try_route(view.office, view.database, RouteQuestion(**question), phones, moment)
            click.echo("\n".join(told(trial)))

    told_plainly(work)


if __name__ == "__main__":
    main()
