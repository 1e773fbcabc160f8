"""Where a CRM shows one of its clients, leads and deals to people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable
from urllib.parse import quote, urlsplit

from ringbridge.routing.clients import Ref as Ref


@runtime_checkable
class PageSource(Protocol):
    """An adapter whose CRM has a page for each of them. Ask with ``isinstance(crm, PageSource)``."""

    def page_of(self, ref: Ref) -> str:
        """Its address for a browser; empty where the CRM has no page for this kind, or it is not known yet where the
        CRM is. Nothing is asked for."""
        ...


def page_at(known: str, paths: Mapping[str, str], ref: Ref) -> str:
    """On the host of the `known` address. `paths`: by kind, with a place for the id."""
    parts = urlsplit(known)
    if ref.kind not in paths or parts.scheme not in {"http", "https"} or not parts.hostname:
        return ""
    return f"{parts.scheme}://{parts.netloc}{paths[ref.kind] % quote(ref.id, safe='')}"
