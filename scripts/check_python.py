"""Can this Python carry Ringbridge? Ends with a sentence that says what to do when not; runs on any Python 3."""

import importlib.util
import sys

NEEDED = (3, 11)

if sys.version_info < NEEDED:
    sys.exit(
        "Ringbridge needs Python %d.%d or newer, and %s is %d.%d. "
        "Where a newer one is installed, name it: make PYTHON=python3.12 ..."
        % (NEEDED + (sys.executable,) + sys.version_info[:2])
    )
if importlib.util.find_spec("ensurepip") is None:
    sys.exit(
        "This Python cannot make a virtual environment: its module ensurepip is missing. "
        "On Debian and Ubuntu: apt-get install python3-venv"
    )
