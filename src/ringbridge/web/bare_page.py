"""A page that says one thing, in the visitor's language, where there is nothing around it: in a CRM's frame, or on the
way back from a CRM."""

from __future__ import annotations

from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse

from ringbridge.web.language import N_, language_of, tag
from ringbridge.web.reasons import telling

PAGE = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><title>Ringbridge</title>{script}</head>
<body><h1>{heading}</h1><p>{text}</p></body></html>
"""
CONNECTED = (
    N_("Ringbridge is connected"),
    N_("Calls are recorded from now on. You can close this page."),
)
BEGIN_AGAIN = N_("Begin again")


def page(request: Request, heading: str, text: str, *, script: str = "", status: int = 200) -> HTMLResponse:
    """Both texts are looked up in the catalogue; a reason from below may be the text."""
    language, tell = language_of(request), telling(request)
    content = PAGE.format(language=tag(language), heading=escape(tell(heading)), text=escape(tell(text)), script=script)
    headers = {"Cache-Control": "no-store", "Vary": "Accept-Language, Cookie", "Content-Language": language}
    return HTMLResponse(content, status_code=status, headers=headers)
