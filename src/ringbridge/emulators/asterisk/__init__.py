"""An Asterisk that plays recorded calls over its manager interface, in a loop, as if they happened now."""

from ringbridge.emulators.asterisk.asterisk import Asterisk, Setup, emulated_asterisk
from ringbridge.emulators.asterisk.office import EMPLOYEES, Script
from ringbridge.emulators.asterisk.users import User

__all__ = ["EMPLOYEES", "Asterisk", "Script", "Setup", "User", "emulated_asterisk"]
