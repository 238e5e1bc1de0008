"""The one error of this client, and how it is read from what gRPC tells."""
from __future__ import annotations

from typing import Any, Iterator, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

import grpc

_DETAILS_KEY = "grpc-status-details-bin"


class FieldViolation(NamedTuple):
    """One wrong field of a request, in the proto's spelling, and what is allowed there."""

    field: str
    description: str


class SwitchyardError(Exception):
    """
    A call was refused or failed, a watch or a session has ended.

    Programs decide by `reason` where there is one (a name of `switchyard.v1.Reason`), else by `code`; the message is for people.
    """

    def __init__(
        self,
        code: grpc.StatusCode,
        message: str,
        *,
        reason: Optional[str] = None,
        violations: Sequence[FieldViolation] = (),
        retry_after: Optional[float] = None,
        metadata: Optional[Mapping[str, str]] = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.violations = list(violations)
        # After how many seconds asking again makes sense, when the server said so.
        self.retry_after = retry_after
        # Facts for programs, such as `oldest_revision`.
        self.metadata = dict(metadata or {})
        # The address of the server that a call was made to, where that is known.
        self.server: Optional[str] = None

    @property
    def temporary(self) -> bool:
        """
        Whether the same call may succeed later: the server is away, or said when to come again. Not with OUTCOME_UNKNOWN: it may have
        been done, and would be done twice.
        """
        if self.reason == "OUTCOME_UNKNOWN":
            return False
        return self.code is grpc.StatusCode.UNAVAILABLE or self.retry_after is not None

    def __str__(self) -> str:
        name = self.reason or self.code.name
        return f"{super().__str__()} [{name}]"


class ClosedError(SwitchyardError):
    """The client was closed by its own program."""

    def __init__(self) -> None:
        super().__init__(grpc.StatusCode.CANCELLED, "the client is closed")


class Refusal(Exception):
    """Raised by a handler: the order is not carried out, for a reason (of `switchyard.v1.Reason`) that its giver is told."""

    def __init__(self, reason: str, description: str) -> None:
        super().__init__(description)
        self.reason = reason
        self.description = description


def error_of(failure: grpc.aio.AioRpcError) -> SwitchyardError:
    """Reads a failed call. Details that cannot be read are left out: code and message stay true."""
    details: dict[str, Any] = {}
    for key, value in failure.trailing_metadata() or ():
        if key == _DETAILS_KEY and isinstance(value, bytes):
            try:
                details = _read_details(value)
            except (ValueError, IndexError):
                details = {}
    return SwitchyardError(failure.code(), failure.details() or failure.code().name, **details)


def _read_details(status: bytes) -> dict[str, Any]:
    """
    Reads google.rpc.Status. The messages of google.rpc have no stubs here: a package of Google's owns these names, and two
    packages with one name break each other.
    """
    details: dict[str, Any] = {}
    for number, packed in _fields(status):
        if number != 3 or not isinstance(packed, bytes):
            continue
        parts = dict(_fields(packed))
        kind = _text(parts.get(1)).rsplit("/", 1)[-1]
        value = parts.get(2, b"")
        if not isinstance(value, bytes):
            continue
        if kind == "google.rpc.ErrorInfo":
            details["reason"] = next((_text(one) for at, one in _fields(value) if at == 1), None)
            details["metadata"] = dict(_entry(one) for at, one in _fields(value) if at == 3)
        elif kind == "google.rpc.BadRequest":
            details["violations"] = [FieldViolation(*_entry(one)) for at, one in _fields(value) if at == 1]
        elif kind == "google.rpc.RetryInfo":
            delay = next((one for at, one in _fields(value) if at == 1), b"")
            seconds = dict(_fields(delay if isinstance(delay, bytes) else b""))
            details["retry_after"] = int(seconds.get(1, 0)) + int(seconds.get(2, 0)) / 1e9
    return details


def _entry(message: Union[int, bytes]) -> Tuple[str, str]:
    parts = dict(_fields(message if isinstance(message, bytes) else b""))
    return _text(parts.get(1)), _text(parts.get(2))


def _text(value: Union[int, bytes, None]) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else ""


def _fields(message: bytes) -> Iterator[Tuple[int, Union[int, bytes]]]:
    """The fields of a protobuf message of numbers and of what has a length: number and value."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        if tag & 7 == 0:
            value, at = _varint(message, at)
            yield tag >> 3, value
        elif tag & 7 == 2:
            length, at = _varint(message, at)
            if at + length > len(message):
                raise ValueError("a field is cut short")
            yield tag >> 3, message[at : at + length]
            at += length
        else:
            raise ValueError(f"wire type {tag & 7}")


def _varint(message: bytes, at: int) -> Tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise ValueError("a number is too long")
