"""Small conversions between messages and Python's values."""
from __future__ import annotations

from google.protobuf import duration_pb2

_NANOS = 1_000_000_000


def duration_of(seconds: float) -> duration_pb2.Duration:
    """Seconds as a Duration, to the nanosecond."""
    nanos = round(seconds * _NANOS)
    return duration_pb2.Duration(seconds=nanos // _NANOS, nanos=nanos % _NANOS)


def seconds_of(duration: duration_pb2.Duration) -> float:
    """A Duration as seconds."""
    return duration.seconds + duration.nanos / _NANOS
