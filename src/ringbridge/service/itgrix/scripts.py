"""One of Itgrix's scripts, looked at without running it: which hooks it is, and what in it a person has to look at."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ringbridge.hooks.itgrix import OLDER_NAMES
from ringbridge.hooks.programs import hook_in
from ringbridge.hooks.specs import SPECS
from ringbridge.service.itgrix.installation import ScriptFile

WITHOUT_A_PLACE = {
    "get_search_filter": "ours is the search for a client: correct numbers with process_client_phone",
    "process_search_params": "ours is the search for a client: correct numbers with process_client_phone, and keep "
    "calls away with need_registration or a rule",
    "process_entity_creation_params": "what is made of an unknown number is said by the rules: create, source, title",
}
"""Scripts from before 3.0 that nothing of ours asks."""

SIGNS: tuple[tuple[str, str], ...] = (
    (r"\bcurl_\w+\s*\(", "It uses curl: install the package php-curl."),
    (r"\bmb_\w+\s*\(", "It uses mb_ functions: install the package php-mbstring."),
    (r"\bnew\s+\\?(?:mysqli|PDO)\b|\bmysqli_", "It asks a database: install PHP's package for it, such as php-mysql."),
    (
        r"""\[\s*['"](?:entity|deal|registration)['"]\s*\]\s*\[|\bcall_full\W+(?:entity|deal|registration)\b""",
        "It reads entity, deal or registration of call_full: they are null here, as their shape is not published.",
    ),
    (
        r"""\[\s*['"]channel['"]\s*\]\s*\[\s*['"](?:from|to|trunk)['"]\s*\]\s*\[""",
        "It reads parts of from, to or trunk: they are texts here, as their shape is not published.",
    ),
    (
        r"\b(?:include|require)(?:_once)?\b|\b__DIR__\b|\b__FILE__\b",
        "It uses other files. Scripts beside it that it names are copied too; copy the rest, and see to its path.",
    ),
    (r"/(?:opt|etc)/itgrix_\w+", "It names a folder of Itgrix, which goes away with it."),
    (
        r"\bfile_put_contents\s*\(|\bfopen\s*\([^)]*,\s*['\"][waxc]",
        "It writes files: the service's user must be allowed to. Its working folder is empty and thrown away.",
    ),
)
"""What is looked for, and what it means."""

ENCODES = re.compile(r"\b(?:lame|ffmpeg|sox)\b")


def name_of(script: ScriptFile) -> str:
    """Without the digits that may set its turn."""
    return hook_in(script.path)


def hooks_of(name: str) -> tuple[str, ...]:
    """The hooks that a script of this name is; none: it is none of ours."""
    return tuple(hook for hook in OLDER_NAMES.get(name, (name,)) if hook in SPECS)


def why_not(script: ScriptFile) -> str:
    """Why a script has no place here."""
    name = name_of(script)
    if name in WITHOUT_A_PLACE:
        return WITHOUT_A_PLACE[name]
    known = [each for each in (*SPECS, *OLDER_NAMES, *WITHOUT_A_PLACE) if declares(script, each)]
    if known:
        return (
            f"all scripts in one file, as before 2.13.1: make a file of each ({', '.join(known)}) and return "
            "['state' => 'success', 'data' => …] in it"
        )
    return (
        "named like no script of Itgrix. A file that others include goes into a folder of its own in the hooks folder; "
        "amoCRM's scripts of updates and of incoming leads are process_contact_update_params, "
        "process_lead_update_params and process_unsorted_creation_params here"
    )


def included(files: Iterable[ScriptFile]) -> list[ScriptFile]:
    """Of those that are no hooks: what hooks beside them include, and what these do."""
    files = list(files)
    found = [file for file in files if hooks_of(name_of(file))]
    for one in found:  # which grows meanwhile
        code = without_comments(one.text)
        beside = (file for file in files if file.path.parent == one.path.parent and file not in found)
        found += [file for file in beside if file.path.name in code]
    return [file for file in found if not hooks_of(name_of(file))]


def declares(script: ScriptFile, function: str) -> bool:
    return re.search(rf"\bfunction\s+{function}\s*\(", script.text) is not None


def remarks(script: ScriptFile) -> Iterator[str]:
    code = without_comments(script.text)
    if "<?" not in code:
        yield "It does not begin with <?php: PHP would take it for a text."
    yield from (words for sign, words in SIGNS if re.search(sign, code))
    if name_of(script) == "process_record_file_path" and ENCODES.search(code):
        yield "Recordings are sent as mp3 without a script too: mp3 = true of the PBX."


def without_comments(code: str) -> str:
    """Roughly: what stands behind // within a text in quotes is lost too, but for addresses."""
    return re.sub(r"/\*.*?\*/|(?<!:)//[^\n]*|^\s*#[^\n]*", "", code, flags=re.DOTALL | re.MULTILINE)
