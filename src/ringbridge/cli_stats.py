"""The command line's part about analytics."""

from __future__ import annotations

import click

AT_ONCE = 1000  # calls: a running service waits for one such piece at most


@click.group()
def stats() -> None:
    """The summaries that the pages of analytics read."""


@stats.command()
def rebuild() -> None:
    """Count all calls of the journal anew. A service may run meanwhile, and goes on with it when this is stopped."""
    from ringbridge.cli import told_plainly
    from ringbridge.service.bootstrap import read_bootstrap
    from ringbridge.store.database import Database
    from ringbridge.store.statistics import stats

    async def work() -> None:
        async with await Database.open(read_bootstrap().database) as database:
            async with database.transaction() as tx:
                await stats.begin_anew(tx)
                progress = await stats.progress(tx)
            with click.progressbar(length=progress.total, label="Counting", show_pos=True) as shown:
                while progress.upto is not None:
                    before, progress = progress.counted, await stats.count_piece(database, AT_ONCE)
                    shown.update(progress.counted - before)
        click.echo(f"{progress.counted} calls are counted.")

    told_plainly(work)
