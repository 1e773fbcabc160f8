"""What stands in front of an emulated CRM, with its own pages."""

from __future__ import annotations

from starlette.responses import Response


def webpage(status: int, words: str) -> Response:
    """In place of an answer."""
    page = f"<html><head><title>{words}</title></head><body><center><h1>{words}</h1></center><hr>nginx</body></html>"
    return Response(page, status_code=status, media_type="text/html")
