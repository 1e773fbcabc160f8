"""A letter on its way to the office's mail server."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from email.message import EmailMessage

from ringbridge.service.config.report import ReportConfig, Security

TIMEOUT = 30.0  # seconds, of each step


class MailError(Exception):
    """The letter was not taken. The text is for people: what happened, and which setting it hangs on."""


async def send(message: EmailMessage, config: ReportConfig) -> list[str]:
    """Gives the addresses that the server does not take, while it takes others. Raises `MailError`."""
    return await asyncio.to_thread(_send, message, config)


def _send(message: EmailMessage, config: ReportConfig) -> list[str]:
    where = f"the mail server {config.host}:{config.port}"
    try:
        with _connected(config) as server:
            if config.login:
                server.login(config.login, config.password.get_secret_value() if config.password else "")
            refused = server.send_message(message)
    except smtplib.SMTPAuthenticationError as error:
        raise MailError(f"{where} does not take login and password of [report] ({error.smtp_code})") from error
    except smtplib.SMTPRecipientsRefused as error:
        raise MailError(f"{where} takes none of the addresses in to of [report]") from error
    except smtplib.SMTPException as error:
        raise MailError(f"{where} refused the report ({error}): look at host, port and security of [report]") from error
    except (OSError, ssl.SSLError) as error:
        raise MailError(f"{where} is not reached ({error}): look at host, port and security of [report]") from error
    return list(refused)


def _connected(config: ReportConfig) -> smtplib.SMTP:
    if config.security is Security.TLS:
        return smtplib.SMTP_SSL(config.host, config.port, timeout=TIMEOUT, context=ssl.create_default_context())
    server = smtplib.SMTP(config.host, config.port, timeout=TIMEOUT)
    if config.security is Security.STARTTLS:
        server.starttls(context=ssl.create_default_context())
    return server
