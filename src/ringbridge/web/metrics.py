"""The figures for Prometheus (text exposition format 0.0.4, prometheus-client)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ringbridge.store.calls import JournalEntry
from ringbridge.web.services import LinkState, Status
from ringbridge.web.tally import Tally


def figures(status: Status, tally: Tally, in_progress: Collection[JournalEntry]) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(_Figures([*of_calls(tally, in_progress), *of_pbxs(status), *of_portals(status), started(status)]))
    return registry


class _Figures(Collector):
    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> list[Metric]:
        return self._metrics


def of_calls(tally: Tally, in_progress: Collection[JournalEntry]) -> Iterator[Metric]:
    ended = CounterMetricFamily(
        "ringbridge_calls", "Clients' calls that ended since the start.", labels=["pbx", "direction", "result"]
    )
    for labels, count in sorted(tally.ended.items()):
        ended.add_metric(labels, count)
    yield ended
    going = GaugeMetricFamily("ringbridge_calls_in_progress", "Clients' calls now.", labels=["pbx"])
    for pbx, count in sorted(Counter(entry.pbx for entry in in_progress).items()):
        going.add_metric([pbx], count)
    yield going


def of_pbxs(status: Status) -> Iterator[Metric]:
    up = GaugeMetricFamily("ringbridge_pbx_up", "1: logged in and following its calls.", labels=["pbx"])
    state = GaugeMetricFamily("ringbridge_pbx_state", "1 at the state it is in.", labels=["pbx", "state"])
    lacking = GaugeMetricFamily("ringbridge_pbx_missing", "Rights and settings that it lacks.", labels=["pbx"])
    for pbx in status.pbxs:
        up.add_metric([pbx.name], pbx.state is LinkState.UP)
        lacking.add_metric([pbx.name], len(pbx.missing))
        for each in LinkState:
            state.add_metric([pbx.name, each], pbx.state is each)
    yield from (up, state, lacking)


def of_portals(status: Status) -> Iterator[Metric]:
    waiting = GaugeMetricFamily(
        "ringbridge_deliveries_waiting", "Steps that are not with the CRM yet.", labels=["portal", "kind"]
    )
    failed = GaugeMetricFamily("ringbridge_deliveries_failed", "Steps that the CRM refused.", labels=["portal"])
    parked = GaugeMetricFamily("ringbridge_portal_parked", "1: nothing is sent to it.", labels=["portal"])
    quota = GaugeMetricFamily("ringbridge_portal_quota_used", "Share of its request quota in use.", labels=["portal"])
    for portal in status.portals:
        for rank, count in portal.waiting.items():
            waiting.add_metric([portal.name, rank.name.lower()], count)
        failed.add_metric([portal.name], portal.failed)
        parked.add_metric([portal.name], bool(portal.parked))
        if portal.quota is not None:
            quota.add_metric([portal.name], portal.quota)
    yield from (waiting, failed, parked, quota)


def started(status: Status) -> Metric:
    metric = GaugeMetricFamily("ringbridge_started_seconds", "When it was started.", labels=["version"])
    metric.add_metric([status.version], status.started.timestamp())
    return metric
