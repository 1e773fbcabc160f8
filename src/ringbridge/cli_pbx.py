"""The command line's part for the administrator of the PBX."""

from __future__ import annotations

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
    from ringbridge.service.route_setup import words_of
    from ringbridge.service.views import open_office

    async def work() -> None:
        bootstrap = read_bootstrap()
        async with open_office(bootstrap) as view:
            words = words_of(view.office.distribution, address or bootstrap.nearby)
        click.echo(text(Kind(kind), By(by), words), nl=False)
        if not view.office.distribution.enabled:
            click.echo("distribution.enabled is false: every call will take its normal route.", err=True)

    told_plainly(work)
