"""What happened while we were not listening: calls read from the PBX's own records, CDR and CEL.

CEL (channel event logging) tells nearly what AMI tells. CDR (call detail records) has one line a leg, written when the
leg ends, and knows less: where both are there, CEL says who spoke when and CDR adds numbers and recordings.
"""

from ringbridge.pbx.history.calls import calls_between, calls_of
from ringbridge.pbx.history.columns import CEL_COLUMNS, BadRow, LogKind
from ringbridge.pbx.history.files import CsvHistory, LogFile, Position
from ringbridge.pbx.history.rows import CdrRow, CelRow, HistorySource, Sides

__all__ = [
    "CEL_COLUMNS",
    "BadRow",
    "CdrRow",
    "CelRow",
    "CsvHistory",
    "HistorySource",
    "LogFile",
    "LogKind",
    "Position",
    "Sides",
    "calls_between",
    "calls_of",
]
