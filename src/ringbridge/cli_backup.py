"""The command line's part about backups."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click


@click.command()
@click.option("--with-key", is_flag=True, help="Put the key file into it, which opens the stored passwords.")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(*, file: Path, with_key: bool) -> None:
    """Write a backup: the database of this moment, the office's hooks, ringbridge.toml. The service may run meanwhile.

    Recordings are not in it. An earlier backup of this name is replaced.
    """
    from ringbridge.cli import told_plainly
    from ringbridge.service.backup.archive import Premises, make
    from ringbridge.service.backup.folder import note
    from ringbridge.service.bootstrap import read_bootstrap
    from ringbridge.store.database import Database

    target = file.absolute()

    async def work() -> None:
        bootstrap, now = read_bootstrap(), datetime.now(UTC).replace(microsecond=0)
        premises = Premises.of(bootstrap)
        manifest = make(premises, target, with_key=with_key, now=now)
        click.echo(f"{target}: the data of {manifest.bytes} bytes, as they are now.")
        if with_key:
            click.echo("The key is in it: whoever has this file can read every stored password.", err=True)
        else:
            click.echo(f"The key is not in it: keep a copy of {premises.key} in another place.", err=True)
        async with await Database.open(bootstrap.database) as database:
            await note(database, target, now)

    told_plainly(work)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def restore(*, file: Path) -> None:
    """Put a backup in the place of the present data. The service must not run; what was there before stays beside it.

    A backup of an older version is brought up to date when the service starts.
    """
    from ringbridge.cli import told_plainly
    from ringbridge.service.backup.archive import Premises
    from ringbridge.service.backup.restore import Restored
    from ringbridge.service.backup.restore import restore as put_back
    from ringbridge.service.bootstrap import read_bootstrap

    def tell(premises: Premises, done: Restored) -> None:
        click.echo(f"Restored as it was on {done.manifest.made:%Y-%m-%d %H:%M} UTC.")
        for path in done.aside:
            click.echo(f"What was there before is now {path}")
        if done.orders_ended:
            click.echo(f"Orders of calls that were due are ended, since they may have been made: {done.orders_ended}")
        if done.hooks:
            click.echo(f"The hooks are again in {premises.hooks}")
        if done.config_differs:
            click.echo(f"{premises.config} is left as it is, the backup's differs: tar -xzOf FILE ringbridge.toml")
        if not done.key:
            click.echo(f"There is no key file: before the service starts, put it to {premises.key}", err=True)
        click.echo("Portals whose keys were renewed since are to be connected again: the status says which.")

    async def work() -> None:
        premises = Premises.of(read_bootstrap())
        tell(premises, put_back(file, premises, now=datetime.now(UTC).replace(microsecond=0)))

    told_plainly(work)
