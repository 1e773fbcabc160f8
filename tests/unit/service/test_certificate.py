"""The page by TLS: with the certificate of now, whoever renews it, and refused in words where it cannot be used."""

from __future__ import annotations

import asyncio
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from tests.ports import free_port
from tests.unit.service.certificates import write_pair

from ringbridge.serve import running
from ringbridge.service import certificate as module
from ringbridge.service.bootstrap import Bootstrap, read_bootstrap
from ringbridge.service.certificate import BadCertificate, CertificateKeeper, read
from ringbridge.service.config import ConfigError
from ringbridge.service.config.web import WebConfig
from ringbridge.service.doctor.certificate import findings_of, shown_at
from ringbridge.service.doctor.findings import told
from ringbridge.supervisor import Door, NoPort, encrypted, listening
from ringbridge.web.pages import preferences


async def scheme(request: Request) -> Response:
    return PlainTextResponse(request.url.scheme)


APP = Starlette(routes=[Route("/", scheme), *preferences.routes])


def config(pair: tuple[Path, Path], **more: int) -> WebConfig:
    return WebConfig(certificate=pair[0], key=pair[1], host="127.0.0.1", port=0, **more)


def trusting(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))


def address_of(door: Door | None) -> str:
    assert door is not None
    return door.address


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


async def test_page_is_encrypted_and_its_cookies_stay_with_tls(tmp_path: Path) -> None:
    pair = write_pair(tmp_path)
    async with (
        encrypted(APP, config(pair)) as door,
        httpx2.AsyncClient(base_url=address_of(door), verify=trusting(pair[0]), trust_env=False) as browser,
    ):
        answer = await browser.get("/")
        assert answer.text == "https"
        assert "strict-transport-security" not in answer.headers
        chosen = await browser.post("/preferences", data={"theme": "dark", "next": "/"})
    assert "; Secure" in chosen.headers["set-cookie"]


async def test_service_has_both_doors_and_refuses_at_once_where_one_cannot_be(tmp_path: Path) -> None:
    pair = write_pair(tmp_path)
    web = config(pair).model_copy(update={"port": free_port()})
    refusal = pytest.raises(NoPort, match=r"set host and port under \[web\]")
    with socket.create_server(("127.0.0.1", web.port)), refusal:
        async with running(Bootstrap(data=tmp_path / "data", port=0, web=web)):
            raise AssertionError("it started")
    async with running(Bootstrap(data=tmp_path / "data", port=0, web=web)) as plain:
        for address in (plain, f"https://127.0.0.1:{web.port}"):
            async with httpx2.AsyncClient(base_url=address, verify=trusting(pair[0]), trust_env=False) as browser:
                assert (await browser.get("/healthz")).text == "ok"
    pair[1].unlink()
    with pytest.raises(BadCertificate):
        async with running(Bootstrap(data=tmp_path / "none", port=0, web=web)):
            raise AssertionError("it started")
    assert not (tmp_path / "none").exists()


async def test_browsers_are_told_to_stay_with_tls_where_that_is_set(tmp_path: Path) -> None:
    pair = write_pair(tmp_path)
    async with (
        encrypted(APP, config(pair, hsts_days=30)) as door,
        httpx2.AsyncClient(base_url=address_of(door), verify=trusting(pair[0]), trust_env=False) as browser,
    ):
        assert (await browser.get("/")).headers["strict-transport-security"] == "max-age=2592000"


async def test_renewed_certificate_is_shown_without_a_restart_and_half_of_it_is_not(tmp_path: Path) -> None:
    pair = write_pair(tmp_path)
    keeper = CertificateKeeper(*pair)
    async with listening(APP, "127.0.0.1", 0, tls=keeper.context) as address:

        async def shown() -> bytes:
            return await asyncio.to_thread(shown_at, "127.0.0.1", port_of(address))

        first = await shown()
        old_key = pair[1].read_bytes()
        write_pair(tmp_path)
        new_key = pair[1].read_bytes()
        pair[1].write_bytes(old_key)  # certbot has written the certificate, and not the key yet
        keeper.look()
        assert await shown() == first
        pair[1].write_bytes(new_key)
        keeper.look()
        assert await shown() == keeper.current.der != first
        pair[0].unlink()
        keeper.look()
        assert await shown() == keeper.current.der
        named = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        named.check_hostname, named.verify_mode = False, ssl.CERT_NONE
        assert await asyncio.to_thread(shown_to, named, "calls.example.com", port_of(address)) == keeper.current.der


def shown_to(context: ssl.SSLContext, name: str, port: int) -> bytes | None:
    """To a visitor that says whom it wants."""
    with (
        socket.create_connection(("127.0.0.1", port)) as plain,
        context.wrap_socket(plain, server_hostname=name) as connection,
    ):
        return connection.getpeercert(binary_form=True)


async def test_files_are_looked_at_again_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_EVERY", 0.001)
    pair = write_pair(tmp_path)
    keeper = CertificateKeeper(*pair)
    before = keeper.current
    watching = asyncio.create_task(keeper.watch())
    write_pair(tmp_path)
    async with asyncio.timeout(60):
        while keeper.current is before:  # noqa: ASYNC110 - a file tells nobody that it was read
            await asyncio.sleep(0.001)
    watching.cancel()


def broken(folder: Path, how: str) -> tuple[Path, Path]:
    pair = write_pair(folder, passphrase=b"hush" if how == "passphrase" else b"")
    match how:
        case "no certificate":
            pair[0].unlink()
        case "no key":
            pair[1].unlink()
        case "letter":
            pair[0].write_text("Dear Anna")
        case "letter for a key":
            pair[1].write_text("Dear Anna")
        case "another's key":
            other = folder / "other"
            other.mkdir()
            pair[1].write_bytes(write_pair(other)[1].read_bytes())
    return pair


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("no certificate", r"web.certificate: .*certificate.pem cannot be read \(No such file"),
        ("no key", r"web.key: .*key.pem cannot be read \(No such file"),
        ("letter", "holds no certificate in PEM"),
        ("letter for a key", "holds no private key in PEM"),
        ("another's key", "does not belong to the certificate"),
        ("passphrase", "has a passphrase"),
    ],
)
async def test_files_that_cannot_be_used_are_refused_at_the_start(tmp_path: Path, how: str, words: str) -> None:
    pair = broken(tmp_path, how)
    with pytest.raises(BadCertificate, match=words):
        async with encrypted(APP, config(pair)):
            pass
    bootstrap = Bootstrap(data=tmp_path, web=config(pair))
    (line, *_) = told(findings_of(bootstrap, runs=False, now=datetime.now(UTC)))
    assert line.startswith("failure  Certificate: web.")


def test_settings_are_read_from_file_and_environment_and_one_alone_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "ringbridge.toml"
    file.write_text('port = 9\n[web]\ncertificate = "/c.pem"\nkey = "/k.pem"\nhsts_days = 7\n')
    monkeypatch.setenv("RINGBRIDGE_CONFIG", str(file))
    monkeypatch.setenv("RINGBRIDGE_WEB__PORT", "443")
    found = read_bootstrap().web
    assert (found.certificate, found.key, found.port, found.hsts_days) == (Path("/c.pem"), Path("/k.pem"), 443, 7)
    file.write_text('[web]\ncertificate = "/c.pem"\n')
    with pytest.raises(
        ConfigError, match=r"RINGBRIDGE_WEB, or web in ringbridge.toml: certificate and key are set both"
    ):
        read_bootstrap()
    file.write_text("[web]\ncertificat = 1\n")
    with pytest.raises(ConfigError, match=r"RINGBRIDGE_WEB__CERTIFICAT, or web.certificat in .*: no such setting"):
        read_bootstrap()


@pytest.mark.parametrize(
    ("lasts", "said"),
    [
        (timedelta(days=60), "ok       Certificate: it is for calls.example.com, 127.0.0.1, until 20"),
        (timedelta(days=13), "warning  Certificate: it ends on 20"),
        (timedelta(days=-1), "failure  Certificate: it ended on 20"),
    ],
)
def test_doctor_tells_until_when_it_is_good(tmp_path: Path, lasts: timedelta, said: str) -> None:
    bootstrap = Bootstrap(data=tmp_path, web=config(write_pair(tmp_path, lasts=lasts)))
    (line, *_) = told(findings_of(bootstrap, runs=False, now=datetime.now(UTC)))
    assert line.startswith(said)


async def test_doctor_looks_at_what_the_page_shows_and_who_else_may_come_in(tmp_path: Path) -> None:
    pair = write_pair(tmp_path)
    keeper = CertificateKeeper(*pair)
    async with listening(APP, "127.0.0.1", 0, tls=keeper.context) as address:
        web = config(pair).model_copy(update={"port": port_of(address)})

        async def said(bootstrap: Bootstrap) -> str:
            found = await asyncio.to_thread(lambda: list(findings_of(bootstrap, runs=True, now=datetime.now(UTC))))
            return "\n".join(told(found))

        assert (await said(Bootstrap(data=tmp_path, web=web))).startswith("ok       Certificate: it is for")
        write_pair(tmp_path)
        pair[1].chmod(0o644)
        worse = await said(Bootstrap(data=tmp_path, host="0.0.0.0", web=web))
    assert "another one than the file's" in worse
    assert "anybody on this machine can read" in worse
    assert "also answers without encryption, at 0.0.0.0:8077" in worse
    assert "does not answer" in await said(Bootstrap(data=tmp_path, web=web))


def test_whoever_has_no_certificate_hears_nothing_of_it(tmp_path: Path) -> None:
    assert list(findings_of(Bootstrap(data=tmp_path), runs=True, now=datetime.now(UTC))) == []


def test_old_ways_of_encryption_are_not_spoken(tmp_path: Path) -> None:
    assert read(*write_pair(tmp_path)).context.minimum_version is ssl.TLSVersion.TLSv1_2
