"""The command line's part for the administrator of the PBX."""

from __future__ import annotations

import json
import sys

import click


@click.command()
@click.argument("kind", type=click.Choice(["asterisk", "freepbx"]))
@click.option(
    "--by",
    type=click.Choice(["curl", "agi"]),
    default="curl",
    show_default=True,
    help="How the dialplan asks; agi where the PBX has no func_curl.",
)
@click.option("--address", help="How the PBX reaches this page, http://10.0.0.5:8077; by default as it listens.")
def dialplan(*, kind: str, by: str, address: str | None) -> None:
    """Print the dialplan by which the PBX asks whom a call is for. It holds the token, where one is set.

    asterisk: a file to be included in extensions.conf; freepbx: lines for extensions_custom.conf.
    """
    from ringbridge.cli import told_plainly
    from ringbridge.routing.dialplan import By, Kind
    from ringbridge.routing.dialplan import dialplan as text
    from ringbridge.service.bootstrap import read_bootstrap
    from ringbridge.service.distribution.setup import words_of
    from ringbridge.service.views import open_office

    async def work() -> None:
        bootstrap = read_bootstrap()
        async with open_office(bootstrap) as view:
            words = words_of(view.office, address or bootstrap.nearby)
        click.echo(text(Kind(kind), By(by), words), nl=False)
        if not view.office.distribution.enabled:
            click.echo("distribution.enabled is false: every call will take its normal route.", err=True)

    told_plainly(work)


@click.command()
@click.option("--number", default="", help="Also ask whom this caller would be put through to.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a finding, a line each.")
def doctor(*, number: str, as_json: bool) -> None:
    """Look at the whole installation and say what is missing. Changes nothing; the service may run meanwhile.

    Exit status 1: something does not work.
    """
    from ringbridge.cli import told_plainly
    from ringbridge.service.bootstrap import read_bootstrap
    from ringbridge.service.doctor.examination import examine, open_premises
    from ringbridge.service.doctor.findings import Finding, is_well, plain, told
    from ringbridge.service.logs import configure_logs

    found: tuple[Finding, ...] = ()

    async def work() -> None:
        nonlocal found
        configure_logs("CRITICAL")
        async with open_premises(read_bootstrap(), number=number) as premises:
            found = await examine(premises)
        lines = (json.dumps(plain(one), ensure_ascii=False) for one in found) if as_json else told(found)
        click.echo("\n".join(lines))

    told_plainly(work)
    if not is_well(found):
        sys.exit(1)
