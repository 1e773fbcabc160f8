"""The command line's part for offices that come from Itgrix."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("migrate-itgrix")
@click.argument("places", metavar="FOLDER...", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--apply",
    "applied",
    is_flag=True,
    help="Do it: copy the scripts, change the settings. The service must not run meanwhile.",
)
def migrate_itgrix(*, places: tuple[Path, ...], applied: bool) -> None:
    """Say what of an Itgrix installation can be taken over, and what cannot and why.

    FOLDER: its folders or copies of them, such as /opt/itgrix_bx /etc/itgrix_bx; /etc/asterisk, to find where the
    dialplan asks it; a file in which http://PBX:8077/status was saved. Nothing in them is changed, and without --apply
    nothing here.
    """
    from ringbridge.cli import told_plainly
    from ringbridge.service.bootstrap import open_vault, read_bootstrap
    from ringbridge.service.config import ConfigError, Office
    from ringbridge.service.itgrix.installation import read_installation
    from ringbridge.service.itgrix.migration import BY, copy_scripts, plan, scripts_in
    from ringbridge.service.itgrix.words import told
    from ringbridge.service.settings import load_office, save_office
    from ringbridge.store.database import Database

    async def work() -> None:
        found, bootstrap = read_installation(places), read_bootstrap()
        # A service that runs would ask the scripts at once, before it knows which of them are switched off.
        async with await Database.open(bootstrap.database, sole=applied) as database:
            vault = await open_vault(bootstrap, database)
            office = await load_office(database, vault)
            known = office or Office()
            folder = known.hooks.hook_settings(bootstrap.data, known.zone).folder
            planned = plan(found, known, scripts_in(folder))
            if applied:
                if office is None:
                    raise ConfigError("Nothing is configured yet: ringbridge config import OFFICE.toml comes first")
                if planned.office != office:
                    await save_office(database, vault, planned.office, by=BY)
                copy_scripts(planned, folder)
        click.echo("\n".join(told(planned, folder, applied=applied)))

    told_plainly(work)
