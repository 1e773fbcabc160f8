"""What an examination of the installation found, as values: for the command line and the page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    OK = "ok"
    WARNING = "warning"  # it works, and something is not as it could be
    FAILURE = "failure"  # something does not work


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    subject: str  # what was looked at: a PBX, a portal, a folder
    verdict: Verdict
    words: str  # what was found
    advice: str = ""  # what to do


def ok(subject: str, words: str) -> Finding:
    return Finding(subject=subject, verdict=Verdict.OK, words=words)


def warning(subject: str, words: str, advice: str = "") -> Finding:
    return Finding(subject=subject, verdict=Verdict.WARNING, words=words, advice=advice)


def failure(subject: str, words: str, advice: str = "") -> Finding:
    return Finding(subject=subject, verdict=Verdict.FAILURE, words=words, advice=advice)


def is_well(findings: Iterable[Finding]) -> bool:
    return all(finding.verdict is not Verdict.FAILURE for finding in findings)


def told(findings: Iterable[Finding]) -> Iterator[str]:
    """Lines for people."""
    for finding in findings:
        yield f"{finding.verdict:8} {finding.subject}: {finding.words}"
        if finding.advice:
            yield f"         -> {finding.advice}"


def plain(finding: Finding) -> dict[str, Any]:
    """JSON-ready."""
    return asdict(finding)
