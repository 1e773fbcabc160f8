"""The account as a process: ``python -m ringbridge.emulators.amocrm --port 8079``."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import click

from ringbridge.emulators.amocrm import demo
from ringbridge.emulators.amocrm.account import Account
from ringbridge.emulators.amocrm.server import serve
from ringbridge.emulators.amocrm.settings import Brand, Settings
from ringbridge.emulators.amocrm.widget import NoWidget, Widget


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8079, show_default=True, help="0 for any free port.")
@click.option("--journal", type=click.Path(path_type=Path), help="Append every request here, a JSON line each.")
@click.option("--widget", type=click.Path(path_type=Path, exists=True), help="A widget's folder or zip to host.")
@click.option("--redirect-uri", help="Where the integration's server takes codes.")
@click.option("--kommo", is_flag=True, help="The brand outside Russia.")
def main(
    host: str, port: int, journal: Path | None, widget: Path | None, redirect_uri: str | None, kommo: bool
) -> None:
    """Run an emulated amoCRM account with a small office in it, until it is interrupted."""
    account = Account.demo(settings=Settings(brand=Brand.KOMMO if kommo else Brand.AMOCRM))
    if redirect_uri:
        account.access.integrations[0].redirect_uri = redirect_uri
    if widget is not None:
        try:
            account.widget = Widget.load(widget)
        except NoWidget as error:
            raise click.ClickException(str(error)) from error
    if journal is not None:
        account.traffic.write_to(journal)
    try:
        asyncio.run(_run(account, host, port))
    finally:
        account.traffic.close()


async def _run(account: Account, host: str, port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with serve(account, host=host, port=port) as address:
        integration = account.access.integrations[0]
        click.echo(f"account {address}/")
        click.echo(f"client_id {integration.client_id}")
        click.echo(f"client_secret {integration.client_secret}")
        click.echo(f"token {account.long_lived_token(integration, demo.ADMIN_ID)}")
        await stop.wait()


if __name__ == "__main__":
    main()
