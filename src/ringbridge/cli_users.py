"""The command line's part about who may open the page."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ringbridge.store.database import Transaction
    from ringbridge.store.users import User

ROLES = click.Choice(["admin", "supervisor", "employee"])
GENERATE = click.option("--generate", is_flag=True, help="Make a password up and print it, this once.")
EXTENSION = click.option("--extension", "extensions", multiple=True, help="Of an employee; may be given repeatedly.")


def spelled(context: click.Context, option: click.Parameter, value: str) -> str:
    from ringbridge.store.users import plain

    name = plain(value)
    if not name or len(name) > 100 or not name.isprintable():
        raise click.BadParameter("a name has 1 to 100 characters, and none that cannot be seen")
    return name


NAME = click.argument("name", callback=spelled)


@click.group()
def user() -> None:
    """Who may open the page. admin: everything; supervisor: every call; employee: the calls of their own phones."""


@user.command()
@NAME
@click.option("--role", type=ROLES, required=True)
@EXTENSION
@GENERATE
def add(*, name: str, role: str, extensions: tuple[str, ...], generate: bool) -> None:
    """Give somebody an account. The password is asked for, or made up with --generate."""
    from ringbridge.service.passwords import hashed
    from ringbridge.store import users

    account = account_of(name, role, extensions)
    password = wanted_password(name, generate=generate)

    async def work() -> None:
        async with writing() as tx:
            if not await users.add(tx, account, hashed(password), by=by(), now=datetime.now(UTC)):
                raise click.ClickException(f"{name} has an account already: ringbridge user password {name}")
        tell(f"{name} may log in as {role}.", password, generate=generate)

    run(work)


@user.command()
@NAME
@GENERATE
def password(*, name: str, generate: bool) -> None:
    """Give somebody another password. Whoever is logged in by that name is logged out."""
    from ringbridge.service.passwords import hashed
    from ringbridge.store import users

    word = wanted_password(name, generate=generate)

    async def work() -> None:
        async with writing() as tx:
            if not await users.change_password(tx, name, hashed(word), by=by(), now=datetime.now(UTC)):
                raise nobody(name)
        tell(f"{name} has a new password.", word, generate=generate)

    run(work)


@user.command()
@NAME
@click.option("--role", type=ROLES, required=True)
@EXTENSION
def change(*, name: str, role: str, extensions: tuple[str, ...]) -> None:
    """Give somebody another role or other extensions, at once."""
    from ringbridge.store import users

    account = account_of(name, role, extensions)

    async def work() -> None:
        async with writing() as tx:
            if not await users.change(tx, account, by=by(), now=datetime.now(UTC)):
                raise nobody(name)
        click.echo(f"{name} is now {role}.")

    run(work)


@user.command()
@NAME
def remove(*, name: str) -> None:
    """Take somebody's account away, at once."""
    from ringbridge.store import users

    async def work() -> None:
        async with writing() as tx:
            if not await users.remove(tx, name, by=by(), now=datetime.now(UTC)):
                raise nobody(name)
        click.echo(f"{name} has no account any more.")

    run(work)


@user.command("list")
def list_() -> None:
    """Everybody who has an account."""
    from ringbridge.store import users

    async def work() -> None:
        async with writing() as tx:
            accounts = await users.everybody(tx)
        for each in accounts:
            click.echo("\t".join([each.name, each.role, *each.extensions]))
        if not accounts:
            click.echo("Nobody has an account yet: ringbridge user add NAME --role admin", err=True)

    run(work)


def account_of(name: str, role: str, extensions: tuple[str, ...]) -> User:
    from ringbridge.store.users import Role, User

    if role == "employee" and not extensions:
        raise click.UsageError("An employee sees the calls of their own phones: name them with --extension.")
    if role != "employee" and extensions:
        raise click.UsageError(f"--extension is for employees; a {role} sees every call.")
    return User(name=name, role=Role(role), extensions=extensions)


def wanted_password(name: str, *, generate: bool) -> str:
    from ringbridge.service.passwords import generated, weakness

    if generate:
        return generated()
    password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    if why := weakness(password, name):
        raise click.ClickException(why)
    return password


def tell(done: str, password: str, *, generate: bool) -> None:
    click.echo(done)
    if generate:
        click.echo(f"Password: {password}")


def nobody(name: str) -> click.ClickException:
    return click.ClickException(f"Nobody has an account by the name {name}: ringbridge user list")


def by() -> str:
    """For the audit."""
    return f"command line, {os.environ.get('SUDO_USER') or os.environ.get('USER', '')}"


@asynccontextmanager
async def writing() -> AsyncIterator[Transaction]:
    """Beside a service that may be running."""
    from ringbridge.service.bootstrap import read_bootstrap
    from ringbridge.store.database import Database

    async with await Database.open(read_bootstrap().database) as database, database.transaction() as tx:
        yield tx


def run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    from ringbridge.cli import told_plainly

    told_plainly(work)
