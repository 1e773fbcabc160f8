"""The portal as a process: ``python -m ringbridge.emulators.bitrix24 --port 8078``."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import click

from ringbridge.emulators.bitrix24.portal import Portal
from ringbridge.emulators.bitrix24.server import serve


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8078, show_default=True, help="0 for any free port.")
@click.option("--journal", type=click.Path(path_type=Path), help="Append every executed method here, a JSON line each.")
def main(host: str, port: int, journal: Path | None) -> None:
    """Run an emulated Bitrix24 portal with a small office in it, until it is interrupted."""
    portal = Portal.demo()
    if journal is not None:
        portal.traffic.write_to(journal)
    try:
        asyncio.run(_run(portal, host, port))
    finally:
        portal.traffic.close()


async def _run(portal: Portal, host: str, port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with serve(portal, host=host, port=port) as address:
        click.echo(f"portal {address}/")
        click.echo(f"webhook {portal.webhook_url}")
        await stop.wait()


if __name__ == "__main__":
    main()
