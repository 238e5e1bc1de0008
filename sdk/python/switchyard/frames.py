"""The frames inside TLS between the ends of a connection: kind (1 byte), length (3 bytes, big-endian), bytes."""
from __future__ import annotations

from typing import Iterator, Tuple

DATA, MOVED, ALIVE, END, TAKEN = range(5)
_HEAD_BYTES = 4
# The most bytes that one frame carries.
FRAME_BYTES_MAX = 1 << 20


def head(kind: int, length: int) -> bytes:
    """The head of a frame."""
    return (kind << 24 | length).to_bytes(_HEAD_BYTES, "big")


class FrameReader:
    """Reads frames out of chunks that begin and end anywhere. Bytes of a frame are handed out as they come, so it holds a head."""

    def __init__(self, *, may_move: bool = False) -> None:
        self._head = b""
        self._left = 0
        self._has_ended = False
        # Whether the peer may go on elsewhere; and that it does.
        self._may_move = may_move
        self._has_moved = False

    def read(self, chunk: bytes) -> Iterator[Tuple[int, int, bytes]]:
        """The kind, length and bytes of each frame or part of one. Raises a ConnectionError at one that cannot come here."""
        at = 0
        while at < len(chunk):
            if self._left > 0:
                part = chunk[at : at + self._left]
                self._left -= len(part)
                at += len(part)
                yield DATA, len(part), part
                continue
            more = chunk[at : at + _HEAD_BYTES - len(self._head)]
            self._head += more
            at += len(more)
            if len(self._head) == _HEAD_BYTES:
                kind, length = self._head[0], int.from_bytes(self._head[1:], "big")
                self._head = b""
                yield from self._begin(kind, length)

    def _begin(self, kind: int, length: int) -> Iterator[Tuple[int, int, bytes]]:
        is_move = kind == MOVED and self._may_move
        is_known = is_move or kind == TAKEN or (kind in (ALIVE, END) and length == 0) or (kind == DATA and length <= FRAME_BYTES_MAX)
        if not is_known:
            raise ConnectionError(f"the peer sends a frame of kind {kind} with {length} bytes, which none has")
        if self._has_ended and kind in (DATA, END, MOVED):
            raise ConnectionError("the peer sends more after it has said that it is done")
        if self._has_moved and kind in (DATA, MOVED):
            raise ConnectionError("the peer sends more after it has said that it goes on elsewhere")
        if kind == DATA:
            self._left = length
        elif kind != ALIVE:
            self._has_ended = self._has_ended or kind == END
            self._has_moved = self._has_moved or is_move
            yield kind, length, b""
