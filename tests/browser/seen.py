"""What a machine can see of a page: its size, its heads, words of a foreign language, and axe-core's findings."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page

AXE = Path(__file__).parents[2] / ".cache" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
GRAVE = frozenset({"serious", "critical"})
OF_LOOKS = ("color-contrast", "link-in-text-block", "scrollable-region-focusable", "target-size")
"""Rules of axe-core whose findings hang on colours and widths."""

LOOK = """() => ({
  title: document.title,
  heads: [...document.querySelectorAll('h1')].filter(each => each.checkVisibility()).length,
  tooWide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  transferred: [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
    .filter(each => !each.name.includes('/live/stream'))
    .reduce((sum, each) => sum + each.encodedBodySize, 0),
})"""

# What somebody reads or hears, except what is marked as being of no language, or of another one.
TEXTS = """() => {
  const foreign = 'code, pre, kbd, samp, input, textarea, script, style, noscript, [translate="no"], [lang]:not(html)';
  const texts = [];
  const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const inside = walker.currentNode.parentElement;
    if (!inside.closest(foreign)) texts.push(walker.currentNode.textContent.trim());
  }
  for (const each of document.querySelectorAll('[title], [aria-label], [placeholder], [alt]'))
    if (!each.closest('[lang]:not(html), [translate="no"]'))
      texts.push(each.title, each.ariaLabel, each.getAttribute('placeholder'), each.getAttribute('alt'));
  return texts.filter(Boolean);
}"""

LATIN = re.compile(r"(?<![\w./@:_{[-])[A-Za-z]{2,}(?![\w/@:_}\]-]|\.\w)")  # alone: not of a path, an address or a name

# Names, and words that Russian administrators write in Latin letters too.
TERMS = """
    AGI AMI AMPUSER API ARI Asterisk Bitrix CDR CEL CRM CSV CURL DE DID Dial FastAGI FreePBX GET HTTP HTTPS ID IP ISO
    IVR Issabel JSON KZ Kommo OAuth PBX PEM PHP PJSIP Python REALCALLERIDNUM REST RU Ringbridge SIP SMTP SSH TLS TOML
    URL UTC XLSX amoCRM asterisk call cdr conf cron crm curl department dialplan ffmpeg freepbx hooks http https id im
    lame local mail mp ringbridge secret sox task telephony timeman tT user usegmtime wav yes
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """`transferred`: bytes of the page with all it loads, as they come over the network."""

    title: str
    heads: int
    too_wide: int
    transferred: int


async def look(page: Page) -> Look:
    seen = await page.evaluate(LOOK)
    return Look(
        title=seen["title"], heads=seen["heads"], too_wide=seen["tooWide"], transferred=round(seen["transferred"])
    )


async def foreign_texts(page: Page, names: str) -> dict[str, list[str]]:
    """Texts with words in Latin letters that are neither terms nor among the `names`, and those words."""
    known = {*TERMS.split(), *names.split()}
    texts: list[str] = await page.evaluate(TEXTS)
    found = {text: [word for word in LATIN.findall(text) if word not in known] for text in texts}
    return {text: words for text, words in found.items() if words}


def axe_source() -> str:
    if not AXE.is_file():
        pytest.skip("accessibility: axe-core is not under .cache/axe; scripts/setup-tests fetches it")
    return AXE.read_text(encoding="utf-8")


async def grave_findings(page: Page, axe: str, *, every: bool = True) -> list[str]:
    """Of WCAG 2.2, levels A and AA, and of good practice; else by those rules alone that colours and widths decide."""
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if not every:
        options["runOnly"] = {"type": "rule", "values": list(OF_LOOKS)}
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(axe)
    found: Any = await page.evaluate("options => axe.run(document, options).then(told => told.violations)", options)
    return [
        f"{rule['id']}: {node['html'][:160]} {reason(node)}"
        for rule in found
        if rule["impact"] in GRAVE
        for node in rule["nodes"][:4]
    ]


def reason(node: Any) -> str:
    checks = [*node["any"], *node["all"], *node["none"]]
    return json.dumps([check["message"] for check in checks], ensure_ascii=False)[:240]
