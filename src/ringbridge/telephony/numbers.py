"""Telephone numbers: what the PBX or the CRM wrote, and the one form in which two of them can be compared.

A provider sends the same client as ``+79125551122``, ``89125551122``, ``79125551122`` or ``9125551122``, and a foreign
client with ``00``, with ``810`` or with no prefix at all. `parse_number` finds the E.164 form with the office's region.
What is no telephone number (letters, ``+``, forty digits, ``112``) is kept as it was given, with no E.164 form: a call
is never lost because of its number. A caller who hides the number has none: `parse_number` gives None.

The tables are those of Google's libphonenumber (package ``phonenumbers``). Measured on a small machine: importing it
takes 20 to 30 ms, parsing one number 30 to 60 µs, a number seen lately 0.1 µs (the last 4096 are remembered).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from re import Pattern

import phonenumbers

DEFAULT_REGION = "RU"
INTERNAL_LENGTH = 4

# How Asterisk, SIP (RFC 3323, RFC 3325) and the providers say that there is no number. `s` is Asterisk's own start
# extension, `asterisk` what it puts into From when it has no caller id.
WITHHELD = frozenset(
    {"anonymous", "unknown", "restricted", "private", "unavailable", "withheld", "hidden", "blocked", "nocallerid"}
    | {"none", "null", "(null)", "s", "asterisk"}
)

URI = re.compile(r"(?:.*<)?\s*(?:sips?|tel):(?P<user>[^@>]*)(?P<host>@[^>]*)?>?.*", re.IGNORECASE | re.DOTALL)
EXTENSION = re.compile(r"\s*(?:[;,]\s*ext(?:ension)?=|[#,;x~p]|ext\.?|доб\.?)\s*\d{1,7}#?\s*$", re.IGNORECASE)
ESCAPED = re.compile("%([0-9A-Fa-f]{2})")
DIALLABLE = re.compile(r"\+?[\d\s().\-/~\u2010-\u2015\u2212]+")
SHORTEST_FOREIGN = 10  # digits, country code included: fewer are more likely local than foreign


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """One telephone number. Compare two with `same`, not with ``==``."""

    given: str  # as the PBX or the CRM wrote it, without blanks around it
    e164: str | None  # with plus; None when it is no complete, valid telephone number
    digits: str  # of the E.164 form where there is one, else all that were given; may be empty

    @property
    def valid(self) -> bool:
        return self.e164 is not None

    def __str__(self) -> str:
        """What a CRM is told."""
        return self.e164 or self.given


def parse_number(given: str | None, region: str = DEFAULT_REGION) -> Number | None:
    """The number that was written; None when it is withheld or empty. Takes any text and never fails.

    `region` is the office's country (ISO 3166, ``RU``): by it national numbers and prefixes are read.
    """
    return _parse(given or "", region)


@lru_cache(maxsize=4096)
def _parse(given: str, region: str) -> Number | None:
    given = given.strip()
    core = _core(given)
    if core.strip("<>\"' ").casefold() in WITHHELD or not core:
        return None
    e164 = _e164(core, region)
    digits = e164[1:] if e164 else str(phonenumbers.normalize_digits_only(core))
    return Number(given=given, e164=e164, digits=digits)


def _core(given: str) -> str:
    """The number alone: no SIP URI or name around it, no invisible characters, no extension behind it."""
    text = "".join(c for c in unicodedata.normalize("NFKC", given) if unicodedata.category(c) != "Cf")
    if uri := URI.fullmatch(text):
        is_host_alone = uri["host"] is None and not text.lower().lstrip(' <"').startswith("tel:")
        text = "" if is_host_alone else ESCAPED.sub(lambda code: chr(int(code[1], 16)), uri["user"])
    elif "@" in text:
        text = text.partition("@")[0]
    return EXTENSION.sub("", text).split(";", 1)[0].strip()


def _e164(core: str, region: str) -> str | None:
    """Read as the office would dial it first; then as a foreign number whose prefix the provider changed or cut off."""
    if not DIALLABLE.fullmatch(core):
        return None
    if national := _valid(core, region):
        return national
    digits = phonenumbers.normalize_digits_only(core)
    if digits.startswith("00"):
        return _valid("+" + digits[2:], None)
    return _valid("+" + digits, None) if len(digits) >= SHORTEST_FOREIGN else None


def _valid(text: str, region: str | None) -> str | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def same(a: Number | None, b: Number | None) -> bool:
    """Whether both are one telephone. Withheld numbers are nobody's, so they are never the same."""
    if a is None or b is None:
        return False
    if a.digits and b.digits:
        return a.digits == b.digits
    return a.given.casefold() == b.given.casefold()


def comparable(written: Number | str, region: str = DEFAULT_REGION) -> str:
    """The digits in which the ways to write one number meet, also of a number that no country's plan knows (yet): the
    country's code and the rest, where the length allows it. Empty for what has no digits."""
    number = parse_number(written, region) if isinstance(written, str) else written
    if number is None or number.valid:
        return number.digits if number else ""
    try:
        parsed = phonenumbers.parse(_core(number.given), region)
    except phonenumbers.NumberParseException:
        return number.digits
    if phonenumbers.is_possible_number_with_reason(parsed) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return number.digits
    return f"{parsed.country_code}{phonenumbers.national_significant_number(parsed)}"


def masked(number: Number | str | None) -> str:
    """For logs: ``+7*********22``. An extension or a short number (up to six digits) is nobody's secret and stays."""
    parsed = number if isinstance(number, Number) else parse_number(number, "ZZ")
    if parsed is None:
        return "withheld"
    digits = parsed.digits
    if len(digits) <= 6:
        return parsed.given if parsed.given.isascii() and len(parsed.given) <= 6 else digits or "letters"
    code = f"+{_country_code(digits)}" if parsed.e164 else ""
    return code + "*" * (len(digits) - len(code.removeprefix("+")) - 2) + digits[-2:]


def _country_code(digits: str) -> str:
    """Of an E.164 number: no code begins with another (ITU-T E.164), so the shortest that there is."""
    codes = (digits[:length] for length in range(1, 4))
    return next((code for code in codes if int(code) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE), "")


def is_internal(number: str, *, peers: Container[str] = (), longest: int = INTERNAL_LENGTH) -> bool:
    """Whether this is one of our own phones: short, digits only, or a peer that the PBX is known to have."""
    return number in peers or (number.isascii() and number.isdigit() and len(number) <= longest)


class BadPattern(ValueError):
    """A rule or pattern of the office that cannot be read. The text names the line and what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    pattern: Pattern[str]
    by: str


Replacements = Sequence[Replacement]


def compile_replacements(rules: Iterable[tuple[str, str]]) -> Replacements:
    """The office's rules, in their order: a regular expression and what its matches become (``$1`` or ``\\1`` stands
    for its first group). Raises `BadPattern`."""
    return tuple(_compile(line, pattern, by) for line, (pattern, by) in enumerate(rules, start=1))


def _compile(line: int, pattern: str, by: str) -> Replacement:
    try:
        compiled = re.compile(pattern)
        replacement = Replacement(pattern=compiled, by=re.sub(r"[$\\](\d{1,2})", r"\\g<\1>", by))
        # Groups are checked only when something matches: a match of everything finds the mistake now, not in a call.
        re.sub(f"(?:{pattern})|", replacement.by, "")
    except (re.error, IndexError, OverflowError, RecursionError) as error:
        raise BadPattern(f"Replacement rule {line} ({pattern!r} by {by!r}): {error}") from error
    return replacement


def replace(number: str, rules: Replacements) -> str:
    """Each rule in turn works on what the one before it left. Numbers longer than 64 characters are left alone, so
    that a careless pattern cannot hang a call."""
    if len(number) > 64:
        return number
    for rule in rules:
        number = rule.pattern.sub(rule.by, number)
    return number


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberPatterns:
    """Telephone numbers as a list of patterns, ``8123456XXXX``: X is any digit."""

    expression: Pattern[str]
    count: int

    def match(self, number: Number, region: str = DEFAULT_REGION) -> bool:
        """Whether the number is on the list, in whichever of its spellings the list has it."""
        return any(self.expression.fullmatch(spelling) for spelling in spellings(number, region))


def is_pattern(written: str) -> bool:
    """Whether it stands for several numbers. A Russian keyboard's Х looks the same as X."""
    return not {"X", "Х"}.isdisjoint(written.upper())


def compile_patterns(text: str) -> NumberPatterns:
    """One pattern a line; empty lines and what follows ``#`` or a semicolon are comments. Raises `BadPattern`, so that
    a broken list never replaces a good one."""
    lines = ((number, re.split("[#;]", line)[0].strip()) for number, line in enumerate(text.splitlines(), start=1))
    patterns = [_pattern(number, line) for number, line in lines if line]
    expression = "|".join(patterns) or r"(?!)"
    return NumberPatterns(expression=re.compile(expression), count=len(patterns))


def _pattern(line: int, text: str) -> str:
    # A Russian keyboard's Х looks the same as X.
    plain = re.sub(r"[\s()\-+.]", "", text).upper().replace("Х", "X")
    if not re.fullmatch(r"[0-9X]{3,20}", plain) or not re.search("[0-9]", plain):
        raise BadPattern(f"Line {line} of the number patterns ({text!r}): write digits and X, such as 8123456XXXX")
    return plain.replace("X", "[0-9]")


@lru_cache(maxsize=4096)
@cache
def country_code(region: str) -> str:
    """Digits, ``7`` for RU."""
    return str(phonenumbers.country_code_for_region(region))


def spellings(number: Number, region: str = DEFAULT_REGION) -> frozenset[str]:
    """Every way in which people of the region write the number, digits only."""
    written = {number.digits, str(phonenumbers.normalize_digits_only(number.given))}
    if number.e164:
        parsed = phonenumbers.parse(number.e164)
        national = phonenumbers.national_significant_number(parsed)
        if parsed.country_code == phonenumbers.country_code_for_region(region):
            spoken = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
            written |= {national, str(phonenumbers.normalize_digits_only(spoken))}
    return frozenset(written - {""})
