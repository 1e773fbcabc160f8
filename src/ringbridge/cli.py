"""The command line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click


@click.group()
@click.version_option(package_name="ringbridge")
def main() -> None:
    """Ringbridge connects an Asterisk PBX to a company's CRM."""


@main.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a call, a line each.")
@click.option("--region", default="RU", show_default=True, help="The office's country, by which numbers are read.")
@click.option("--trunk", "trunks", multiple=True, help="Endpoint name of a trunk; may be given several times.")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def replay(*, as_json: bool, region: str, trunks: tuple[str, ...], files: tuple[Path, ...]) -> None:
    """What calls are in recorded AMI conversations. Several files are one office's successive connections."""
    from ringbridge.telephony.replay import ended_calls, plain, replay
    from ringbridge.telephony.trace import BadTrace

    try:
        for call in ended_calls(replay(files, trunks=frozenset(trunks))):
            click.echo(json.dumps(plain(call, region), ensure_ascii=False) if as_json else call)
    except BadTrace as error:
        sys.exit(f"ringbridge replay: {error}")


if __name__ == "__main__":
    main()
