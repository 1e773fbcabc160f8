"""Recordings of calls: found on the PBX's disk, waited for, converted, linked to and streamed."""

from ringbridge.pbx.recordings.file import SoundFile
from ringbridge.pbx.recordings.links import BadLink, ExpiredLink, LinkSigner
from ringbridge.pbx.recordings.settings import RecordingFolder, RecordingSettings
from ringbridge.pbx.recordings.store import RecordingStore
from ringbridge.pbx.recordings.streaming import Part, part_of, stream

__all__ = [
    "BadLink",
    "ExpiredLink",
    "LinkSigner",
    "Part",
    "RecordingFolder",
    "RecordingSettings",
    "RecordingStore",
    "SoundFile",
    "part_of",
    "stream",
]
