"""The addresses of the set-up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ringbridge.store.errors import StoreError
from ringbridge.web.auth.accounts import Accounts
from ringbridge.web.pages.delivery import NOT_STORED
from ringbridge.web.rendering import Pages
from ringbridge.web.wizard.account import AccountStep
from ringbridge.web.wizard.asterisk import AsteriskStep
from ringbridge.web.wizard.crm import CrmStep
from ringbridge.web.wizard.employees import EmployeesStep
from ringbridge.web.wizard.frame import Frame, address_of
from ringbridge.web.wizard.lines import RulesStep, TrunksStep
from ringbridge.web.wizard.steps import Step, next_step
from ringbridge.web.wizard.trial import TrialStep


class StepPage(Protocol):
    async def page(self, request: Request) -> Response: ...
    async def save(self, request: Request) -> Response: ...


class WizardPages:
    def __init__(self, pages: Pages, accounts: Accounts) -> None:
        frame = self._frame = Frame(pages)
        self._steps: Mapping[Step, StepPage] = {
            Step.ACCOUNT: AccountStep(frame, accounts),
            Step.ASTERISK: AsteriskStep(frame),
            Step.CRM: CrmStep(frame),
            Step.EMPLOYEES: EmployeesStep(frame),
            Step.TRUNKS: TrunksStep(frame),
            Step.RULES: RulesStep(frame),
            Step.TEST: TrialStep(frame),
        }

    @property
    def routes(self) -> list[Route]:
        return [
            Route("/config/master", self.resume, methods=["GET"]),
            Route("/config/master/{step}", self.page, methods=["GET"]),
            Route("/config/master/{step}", self.save, methods=["POST"]),
        ]

    async def resume(self, request: Request) -> Response:
        """Where the set-up was left."""
        return RedirectResponse(address_of(next_step(await self._frame.stages())), status_code=303)

    async def page(self, request: Request) -> Response:
        return await self._step(request).page(request)

    async def save(self, request: Request) -> Response:
        try:
            return await self._step(request).save(request)
        except StoreError:
            return await self._frame.pages.notice(request, 503, *NOT_STORED)

    def _step(self, request: Request) -> StepPage:
        """Of an address with nothing behind it there is none."""
        name = request.path_params["step"]
        if name not in list(Step):
            raise HTTPException(404)
        return self._steps[Step(name)]
