"""The examination of a PBX, by a link of its own beside the service's: login, rights, clock, phones, our dialplan."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from datetime import UTC, datetime

from ringbridge.ami.errors import ActionRefused, AmiError
from ringbridge.ami.message import Action
from ringbridge.pbx.devices import TECHNOLOGIES, DeviceBoard
from ringbridge.pbx.link import Link, LinkState
from ringbridge.pbx.settings import PbxAddress
from ringbridge.routing.dialplan import CONTEXT, MARK
from ringbridge.service.doctor.findings import Finding, failure, ok, warning

PATIENCE = 20.0  # seconds for a PBX to answer at all
SECONDS_APART = 5.0  # by which clocks may differ: calls are recognised by their times in the PBX's records


class PbxExamination:
    """Of one PBX. `known` are the phones that somebody is named for, and the trunks; `distributes` tells whether calls
    are distributed, so that the dialplan has to ask us."""

    def __init__(self, address: PbxAddress, *, known: Collection[str], distributes: bool) -> None:
        self._subject = f"PBX {address.name}"
        self._where = f"{address.host}:{address.port}"
        self._link = Link(address, phones=DeviceBoard() if distributes else None)
        self._known = known
        self._distributes = distributes

    async def findings(self) -> list[Finding]:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(self._link.run())
            try:
                async with asyncio.timeout(PATIENCE):
                    return await self._look()
            except TimeoutError:
                return [failure(self._subject, f"{self._where} does not answer")]
            except AmiError as error:
                return [failure(self._subject, str(error))]
            finally:
                running.cancel()

    async def _look(self) -> list[Finding]:
        status = await self._link.until(LinkState.READY, LinkState.REFUSED, LinkState.WAITING)
        if status.state is not LinkState.READY:
            return [failure(self._subject, status.reason)]
        found = [ok(self._subject, f"logged in at {self._where} (AMI {status.interface})"), *self._rights()]
        found.append(await self._clock())
        found += await self._phones()
        if self._distributes:
            found.append(await self._dialplan())
        return found

    def _rights(self) -> Iterator[Finding]:
        for right in self._link.status.missing:
            judged = failure if right.required else warning
            words = f"the manager user has no {right.kind} right {right.name}: {right.consequence}"
            yield judged(
                self._subject, words, f"manager.conf: add {right.name} to {right.kind} = …, then manager reload"
            )

    async def _clock(self) -> Finding:
        answer = await self._link.action(Action(name="Ping"))
        try:
            apart = float(answer.response.get("Timestamp")) - datetime.now(UTC).timestamp()
        except ValueError:
            return warning(self._subject, "it does not tell its time")
        if abs(apart) > SECONDS_APART:
            words = f"its clock is {abs(apart):.0f} s {'before' if apart > 0 else 'behind'} this machine's"
            return warning(self._subject, words, "run an NTP client on both")
        return ok(self._subject, "its clock agrees with this machine's")

    async def _phones(self) -> list[Finding]:
        try:
            answer = await self._link.action(Action(name="DeviceStateList"))
        except ActionRefused:
            return []  # the missing right is told of where it matters
        devices = (row.get("Device").partition("/") for row in answer.rows)
        phones = {name for technology, _, name in devices if technology in TECHNOLOGIES}
        if strangers := sorted(phones - set(self._known)):
            words = f"phones that belong to nobody: {len(strangers)} ({', '.join(strangers[:20])})"
            return [warning(self._subject, words, "name them in [[employee]], or as inner numbers in the CRM")]
        return [ok(self._subject, f"each of its {len(phones)} phones and trunks is known")]

    async def _dialplan(self) -> Finding:
        try:
            answer = await self._link.action(Action(name="ShowDialPlan", headers=(("Context", CONTEXT),)))
        except ActionRefused as refusal:
            if refusal.missing_right:
                return warning(self._subject, "whether the dialplan asks us cannot be seen", str(refusal))
            return failure(
                self._subject,
                f"the dialplan has no context {CONTEXT}: no call is distributed",
                "print it: ringbridge dialplan asterisk, or freepbx; see docs/howto/distribution-asterisk.md",
            )
        steps = [row.get("AppData") for row in answer.rows]
        if any("${CURL(" in step for step in steps) and await self._lacks_curl():
            return failure(
                self._subject,
                "the dialplan asks by CURL, and func_curl is not loaded: every call takes its normal route",
                "asterisk -rx 'module load func_curl.so', or print the dialplan anew with --by agi",
            )
        if any(MARK in step for step in steps):
            return ok(self._subject, f"the dialplan asks us ({CONTEXT}, {MARK})")
        return warning(
            self._subject,
            f"the context {CONTEXT} is of another version",
            "print it anew: ringbridge dialplan asterisk, or freepbx",
        )

    async def _lacks_curl(self) -> bool:
        """IFMODULE tells 1 or 0 (func_module.c), and nothing where that module is not loaded either; ModuleCheck would
        need the right `system`."""
        try:
            answer = await self._link.action(Action(name="Getvar", headers=(("Variable", "IFMODULE(func_curl.so)"),)))
        except ActionRefused:
            return False
        return answer.response.get("Value") == "0"
