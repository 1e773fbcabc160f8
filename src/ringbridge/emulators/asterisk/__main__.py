"""``python -m ringbridge.emulators.asterisk``: an Asterisk to try things on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from ringbridge.emulators.asterisk.asterisk import Setup, emulated_asterisk
from ringbridge.emulators.asterisk.library import recorded_calls
from ringbridge.emulators.asterisk.office import Script
from ringbridge.emulators.asterisk.users import User


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=5038, show_default=True, help="Port of the manager interface; 0 takes a free one.")
@click.option("--user", default="ringbridge", show_default=True, help="Name of the manager user.")
@click.option("--secret", default="ringbridge", show_default=True, help="The user's secret.")
@click.option("--speed", default=1.0, show_default=True, help="2 plays twice as fast.")
@click.option("--gap", default=6.0, show_default=True, help="Seconds from one call to the next, on the average.")
@click.option("--lines", default=4, show_default=True, help="Calls at a time.")
@click.option("--seed", type=int, help="The same number gives the same office.")
@click.option("--recordings", type=click.Path(path_type=Path), help="Folder to write recordings to.")
@click.option("--records", type=click.Path(path_type=Path), help="File to append call detail records to.")
@click.argument("calls", nargs=-1, type=click.Choice([call.name for call in recorded_calls()]), metavar="[CALL]...")
def main(
    host: str,
    port: int,
    user: str,
    secret: str,
    speed: float,
    gap: float,
    lines: int,
    seed: int | None,
    recordings: Path | None,
    records: Path | None,
    calls: tuple[str, ...],
) -> None:
    """Plays recorded calls as if they happened now: the CALLs named, or all there are, until it is interrupted."""
    setup = Setup(
        users=(User(name=user, secret=secret),),
        host=host,
        port=port,
        script=Script(calls=calls, gap=gap, lines=lines, speed=speed, seed=seed),
        recordings=recordings,
        records=records,
    )
    try:
        asyncio.run(_serve(setup))
    except KeyboardInterrupt:
        click.echo("stopped")


async def _serve(setup: Setup) -> None:
    async with emulated_asterisk(setup) as asterisk:
        click.echo(f"manager interface on {asterisk.host}:{asterisk.port}")
        await asyncio.Event().wait()


if __name__ == "__main__":
    main()
