"""The report of a week, taken by a real mail server: a small one, but it speaks SMTP on a socket."""

from __future__ import annotations

import asyncio
import base64
import email
import email.policy
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from pydantic import ValidationError
from tests.stateful.sample_calls import PBX
from tests.unit.store.test_conversion import read, sale, won
from tests.unit.store.test_stats import answered, missed

from ringbridge.routing.clients import Ref
from ringbridge.service.config.report import ReportConfig, Security, Weekday
from ringbridge.service.letters.mailing import MailError
from ringbridge.service.letters.weekly import SECTION, WeeklyReport, due
from ringbridge.store import calls, settings
from ringbridge.store.database import Database

MOSCOW = ZoneInfo("Europe/Moscow")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)  # a Monday, as the calls of tests.stateful have it
NEXT_MONDAY = datetime(2026, 3, 9, 5, 0, tzinfo=UTC)  # eight in Moscow
MINUTE, WEEK = timedelta(minutes=1), timedelta(days=7)


@dataclass
class MailServer:
    """RFC 5321, as far as one letter needs it. It refuses the addresses that begin with ``no``."""

    letters: list[EmailMessage] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    broken: bool = False

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        while line := (await reader.readline()).decode().strip():
            match line.split(" ")[0].upper():
                case "EHLO":
                    writer.write(b"250-mail.example\r\n250-AUTH PLAIN\r\n250 8BITMIME\r\n")
                case "AUTH":
                    self.logins.append(base64.b64decode(line.split(" ")[2]).decode())
                    known = self.logins[-1] == "\0calls\0secret"
                    writer.write(b"235 welcome\r\n" if known else b"535 not you\r\n")
                case "RCPT" if "<no" in line:
                    writer.write(b"550 no such box\r\n")
                case "DATA" if self.broken:
                    writer.write(b"451 try again later\r\n")
                case "DATA":
                    writer.write(b"354 go ahead\r\n")
                    text = await reader.readuntil(b"\r\n.\r\n")
                    self.letters.append(email.message_from_bytes(text[:-3], policy=email.policy.default))  # type: ignore[arg-type]
                    writer.write(b"250 taken\r\n")
                case "QUIT":
                    writer.write(b"221 bye\r\n")
                    break
                case _:
                    writer.write(b"250 well\r\n")
            await writer.drain()
        writer.close()


@asynccontextmanager
async def mail_server(encrypted: ssl.SSLContext | None = None) -> AsyncIterator[tuple[MailServer, int]]:
    server = MailServer()
    async with await asyncio.start_server(server.talk, "127.0.0.1", 0, ssl=encrypted) as listening:
        yield server, listening.sockets[0].getsockname()[1]


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with await Database.open(f"sqlite:///{tmp_path / 'ringbridge.db'}") as opened:
        async with opened.transaction() as tx:
            old = answered(1, -WEEK)
            await calls.record(tx, PBX, [old, answered(2), answered(3, WEEK / 7), missed(4), missed(5, external=None)])
        yield opened


def config(port: int, *to: str, **more: object) -> ReportConfig:
    values: dict[str, object] = {
        "to": to or ("boss@acme.example",),
        "sender": "calls@acme.example",
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
    }
    return ReportConfig.model_validate(values | more)


def report(database: Database, settings: ReportConfig, now: datetime = NEXT_MONDAY) -> WeeklyReport:
    return WeeklyReport(database, settings, zone=MOSCOW, source=lambda trunk, did: "Радио", clock=lambda: now)


def texts(letter: EmailMessage) -> tuple[str, str]:
    plain, html = letter.get_body(["plain"]), letter.get_body(["html"])
    assert plain is not None
    assert html is not None
    return plain.get_content(), html.get_content()


async def test_the_week_before_is_told_beside_the_one_before_it(database: Database) -> None:
    async with mail_server() as (server, port):
        assert await report(database, config(port)).look()
    (letter,) = server.letters
    plain, html = texts(letter)
    assert letter["Subject"] == "Звонки за неделю 2 мар. – 8 мар."
    assert (letter["To"], letter["From"]) == ("boss@acme.example", "calls@acme.example")
    for line in (
        "Входящие звонки: 4; 1",
        "Отвечено: 2 (50%); 1 (100%)",
        "Пропущено, и с клиентом так и не поговорили: 0; 0",
        "Ожидание ответа, в среднем: 0:05; 0:05",
        "Радио: 4; 1",
    ):
        assert line in plain.splitlines()
    assert '<td>Входящие звонки</td><td align="right"><b>4</b></td>' in html


async def test_deals_of_the_weeks_calls_and_the_money_that_came_in_it_are_told(database: Database) -> None:
    assert "Leads" not in (await told_in_english(database))[0]
    await read(
        database,
        won(1, "+79161234567", NOON + MINUTE, 150_000_50),
        won(2, "+79161234567", NOON - WEEK + MINUTE, 7_000_00),
        sale(3, "+79161234567", NOON + 2 * MINUTE),
        sale(4, "+79161234567", NOON + 2 * MINUTE, ref=Ref(kind="lead", id="4")),
    )
    plain, html = await told_in_english(database)
    for line in (
        "Leads that these calls brought: 1; 0",
        "Deals that these calls brought: 2; 1",
        "Clients with a deal: 1 (100%); 1 (100%)",
        "Deals won in the week: 1; 1",
        "Sum of deals won, RUB: 150,000; 7,000",
    ):
        assert line in plain.splitlines()
    assert plain.splitlines()[-2:] == ["Deals by source", "Радио: 2; 1"]
    assert "<h2>Deals by source</h2>" in html


async def told_in_english(database: Database) -> tuple[str, str]:
    async with database.transaction() as tx:
        await settings.remove(tx, SECTION, by="", now=NEXT_MONDAY)
    async with mail_server() as (server, port):
        assert await report(database, config(port, language="en")).look()
    return texts(server.letters[0])


async def test_a_week_is_reported_once_over_restarts_and_the_next_one_again(database: Database) -> None:
    async with mail_server() as (server, port):
        sent = [
            await report(database, config(port, language="en"), now).look()
            for now in (
                NEXT_MONDAY,
                NEXT_MONDAY + WEEK / 2,
                NEXT_MONDAY + WEEK - MINUTE,
                NEXT_MONDAY + WEEK,
            )
        ]
    assert sent == [True, False, False, True]
    assert [letter["Subject"] for letter in server.letters] == [
        "Calls of the week 2 Mar – 8 Mar",
        "Calls of the week 9 Mar – 15 Mar",
    ]


async def test_a_report_that_was_not_taken_is_sent_later(database: Database) -> None:
    async with mail_server() as (server, port):
        server.broken = True
        with pytest.raises(MailError, match=r"refused the report .*\[report\]"):
            await report(database, config(port)).look()
        server.broken = False
        assert await report(database, config(port)).look()
    with pytest.raises(MailError, match="is not reached"):
        await report(database, config(port), NEXT_MONDAY + WEEK).look()
    assert len(server.letters) == 1


async def test_one_address_that_is_wrong_keeps_the_report_from_no_other(database: Database) -> None:
    async with mail_server() as (server, port):
        assert await report(database, config(port, "nobody@acme.example", "boss@acme.example")).look()
        with pytest.raises(MailError, match="takes none of the addresses"):
            await report(database, config(port, "nobody@acme.example"), NEXT_MONDAY + WEEK).look()
    assert len(server.letters) == 1


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of 127.0.0.1, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.example")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - MINUTE)
        .not_valid_after(now + WEEK)
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("mail") / "server.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(made.public_bytes(Encoding.PEM) + private)
    return file


async def test_login_and_password_go_to_a_server_that_proves_who_it_is_alone(
    database: Database, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encrypted = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    encrypted.load_cert_chain(certificate)
    async with mail_server(encrypted) as (server, port):
        asked = config(port, security="tls", login="calls", password="secret")
        with pytest.raises(MailError, match=r"is not reached .*CERTIFICATE_VERIFY_FAILED"):
            await report(database, asked).look()
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with pytest.raises(MailError, match="does not take login and password") as refused:
            await report(database, asked.model_copy(update={"login": "other"})).look()
        assert await report(database, asked).look()
    assert server.logins == ["\0other\0secret", "\0calls\0secret"]
    assert "secret" not in str(refused.value)


async def test_an_office_without_calls_last_week_is_told_nothing_at_first(tmp_path: Path) -> None:
    async with await Database.open(f"sqlite:///{tmp_path / 'new.db'}") as empty:
        assert not await report(empty, config(9)).look()


def test_a_report_is_due_from_its_hour_on_and_until_the_next() -> None:
    friday = config(25, weekday="friday", at="17:30")
    moments = [datetime(2026, 3, 13, 17, minute, tzinfo=MOSCOW) for minute in (29, 30)]
    assert [due(friday, moment, MOSCOW).monday for moment in moments] == [date(2026, 2, 23), date(2026, 3, 2)]
    assert Weekday.SUNDAY.number == 6


@pytest.mark.parametrize(
    ("mistake", "advice"),
    [
        ({"host": ""}, "host and sender are needed"),
        ({"to": ["boss"]}, "name@example.com"),
        ({"login": "calls", "security": Security.NONE}, "not sent without encryption"),
    ],
)
def test_what_cannot_be_sent_is_said_when_it_is_configured(mistake: dict[str, object], advice: str) -> None:
    with pytest.raises(ValidationError, match=advice):
        config(25, **mistake)
