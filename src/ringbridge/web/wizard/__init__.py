"""Set-up, step by step: from an empty installation to a first call that is seen all the way to the CRM."""

from ringbridge.web.wizard.pages import WizardPages

__all__ = ["WizardPages"]
