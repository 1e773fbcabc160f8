"""The settings' pages: forms made from the configuration's own model."""

from ringbridge.web.settings.pages import SettingsPages

__all__ = ["SettingsPages"]
