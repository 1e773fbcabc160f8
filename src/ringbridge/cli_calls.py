"""The command line's part about calls that were: sent again, taken over from the PBX's own records."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

WINDOW = timedelta(hours=1)  # of one request
SINCE = click.option("--from", "since", type=click.DateTime(), required=True, help="In the office's time.")
UNTIL = click.option("--to", "until", type=click.DateTime(), help="In the office's time; now by default.")


@click.command()
@SINCE
@UNTIL
@click.option("--portal", help="Only to this portal.")
def reprocess(*, since: datetime, until: datetime | None, portal: str | None) -> None:
    """Decide the calls of a period anew, by the rules of now, and send what the CRM does not have. The running service
    does it; what reached the CRM is not repeated."""
    from ringbridge.cli import told_plainly
    from ringbridge.service.bootstrap import read_bootstrap
    from ringbridge.service.views import open_office

    async def work() -> None:
        bootstrap = read_bootstrap()
        async with open_office(bootstrap) as view:
            period = in_zone(since, until, view.office.zone)
        send_again(bootstrap.nearby, *period, portal)

    told_plainly(work)


def send_again(address: str, since: datetime, until: datetime, portal: str | None) -> None:
    """Ask the running service, an hour's calls after the other. Raises `ConfigError` in words."""
    import httpx2

    calls = steps = 0
    windows = list(windows_of(since, until))
    with (
        httpx2.Client(base_url=address, timeout=None, trust_env=False) as service,
        click.progressbar(windows, label="Sending again", show_pos=True) as shown,
    ):
        for start, end in shown:
            asked = {"start_date": start.isoformat(), "end_date": end.isoformat(), "portal": portal or ""}
            answer = asked_of(service, asked)
            calls, steps = calls + answer["calls"], steps + answer["steps"]
    click.echo(f"{calls} calls were looked at, {steps} steps will be sent.")


def asked_of(service: Any, asked: dict[str, str]) -> dict[str, Any]:
    import httpx2

    from ringbridge.service.config import ConfigError

    try:
        answer = service.post("/pbx/read_call", json=asked)
    except httpx2.TransportError as error:
        raise ConfigError(f"The service does not answer at {service.base_url} ({error}): start it first.") from error
    if answer.status_code == 401:
        raise ConfigError(
            f"The service at {service.base_url} does not take this for a request of its own machine: let it listen on "
            "127.0.0.1 or on all addresses (RINGBRIDGE_HOST), or use the button of the journal."
        )
    document: dict[str, Any] = answer.json()
    if document.get("state") != "success":
        raise ConfigError(f"The service refused: {document.get('error', answer.text)}")
    return document


@click.command("import-history")
@SINCE
@UNTIL
@click.option("--pbx", "only", help="Only of this PBX.")
@click.option("--send", is_flag=True, help="Send the period to the CRM too, as `reprocess` does.")
def import_history(*, since: datetime, until: datetime | None, only: str | None, send: bool) -> None:
    """Take calls that the journal does not know over from the PBX's own records (CDR, CEL), at a first install. The CRM
    is not told unless --send is given."""
    from ringbridge.cli import told_plainly
    from ringbridge.service.bootstrap import read_bootstrap
    from ringbridge.service.history import History
    from ringbridge.service.journal.importing import days_of, import_day, read_pbxs
    from ringbridge.service.views import open_office

    async def work() -> None:
        bootstrap, imported = read_bootstrap(), 0
        async with open_office(bootstrap) as view:
            period = in_zone(since, until, view.office.zone)
            for pbx in read_pbxs(view.office, only):
                history = History.of(pbx, view.office)
                with click.progressbar(list(days_of(*period)), label=pbx.name, show_pos=True) as days:
                    for start, end in days:
                        imported += await import_day(view.database, pbx.name, history, start, end)
        click.echo(f"{imported} calls were taken over into the journal.")
        if send:
            send_again(bootstrap.nearby, *period, None)

    told_plainly(work)


def in_zone(since: datetime, until: datetime | None, zone: Any) -> tuple[datetime, datetime]:
    start = since.replace(tzinfo=zone).astimezone(UTC)
    end = until.replace(tzinfo=zone).astimezone(UTC) if until else datetime.now(UTC)
    if end <= start:
        raise click.UsageError("--to must be after --from, and --from in the past")
    return start, end


def windows_of(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    while since < until:
        yield since, min(since + WINDOW, until)
        since += WINDOW
