"""Two streams through the server whose blocks the server can read: what servers and peers of release 0.1.0 know."""
from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, AsyncIterator, Awaitable, Callable, Deque, Optional, Tuple

from . import frames, limits
from .errors import SwitchyardError
from .relay import RelaySink, RelaySource

_HEAD_BYTES = 4


class PlainChannel:
    """Stands where TLS stands on other paths: proves nothing and hides nothing."""

    def __init__(self) -> None:
        self._in = b""
        self._out = b""

    def shake_hands(self) -> bool:
        """There is nothing to wait for."""
        return True

    def take(self, data: bytes) -> None:
        """Frames that came."""
        self._in += data

    def outgoing(self) -> bytes:
        """Frames that are to go."""
        out, self._out = self._out, b""
        return out

    def write(self, plain: bytes) -> None:
        """Takes one frame."""
        self._out += plain

    def read(self) -> Tuple[bytes, bool]:
        """What has come; the end is said by a frame."""
        came, self._in = self._in, b""
        return came, False

    def close(self) -> None:
        """There is nothing to say: the frame END has ended the call."""


class PlainPipe:
    """
    Carries one frame as one block: its kind (1 byte) and its bytes; without frames, as peers that speak system events do, only the
    bytes. The end of the call is the end of the way. Data counts as taken once the stream has taken it, whose window is the flow
    control. Nothing is repeated: a call that breaks ends the connection.
    """

    def __init__(self, source: RelaySource, sink: RelaySink, *, is_framed: bool) -> None:
        self._source = source
        self._sink = sink
        self._is_framed = is_framed
        # Data that is to be sent: at most the window of the transport, which counts it until it is said to be taken.
        self._waiting: Deque[bytes] = deque()
        self._sent = 0
        self._is_complete = False
        # Frames for the transport, and bytes of data in them that the program has not taken: at most a window.
        self._came: Deque[bytes] = deque()
        self._held = 0
        self._has_ended = False
        self._error: Optional[BaseException] = None
        self._changed = asyncio.Event()
        self._tasks = [asyncio.create_task(work) for work in (self._guarded(self._send()), self._guarded(self._receive()))]
        source.ended.add_done_callback(self._over)

    @classmethod
    async def open(
        cls,
        open_source: Callable[[int], Awaitable[RelaySource]],
        open_sink: Callable[[int], Awaitable[RelaySink]],
        *,
        is_framed: bool,
    ) -> PlainPipe:
        """Opens both streams."""
        source = await open_source(0)
        try:
            return cls(source, await open_sink(0), is_framed=is_framed)
        except BaseException:
            source.close()
            raise

    async def send(self, frame: bytes) -> None:
        """Takes one whole frame, at once: how much may wait is bounded by the window of the transport."""
        self._check()
        kind, length = frame[0], int.from_bytes(frame[1:_HEAD_BYTES], "big")
        if kind == frames.DATA:
            self._waiting.append(frame[_HEAD_BYTES:])
        elif kind == frames.END:
            self._is_complete = True
        elif kind == frames.TAKEN:
            self._held -= length
        self._stir()

    async def flush(self) -> None:
        """Done when the peer has everything, after the end was sent."""
        await asyncio.shield(self._source.ended)

    async def finish(self) -> None:
        """Done when the peer has everything, after the end was sent."""
        await self.flush()

    async def blocks(self) -> AsyncIterator[bytes]:
        """Frames: those of the peer, and what of this end's data was taken. The last comes when both ways are complete."""
        is_end_given = False
        while True:
            if self._sent > 0:
                sent, self._sent = self._sent, 0
                yield frames.head(frames.TAKEN, sent)
            elif self._came:
                yield self._came.popleft()
            elif self._error is not None:
                raise self._error
            elif self._has_ended and not is_end_given:
                is_end_given = True
                yield frames.head(frames.END, 0)
            elif self._has_ended and self._source.ended.done():
                return
            else:
                await self._changed.wait()

    def close(self) -> None:
        """Lets go of both streams at once."""
        for task in self._tasks:
            task.cancel()
        self._source.close()
        self._sink.close()

    async def _send(self) -> None:
        while self._waiting or not self._is_complete:
            if not self._waiting:
                await self._changed.wait()
                continue
            data = self._waiting.popleft()
            await self._source.write(bytes([frames.DATA]) + data if self._is_framed else data)
            self._sent += len(data)
            self._stir()
        await self._source.finish()

    async def _receive(self) -> None:
        async for block in self._sink:
            if self._sink.lost_blocks:
                raise ConnectionError(f"the server has lost {self._sink.lost_blocks} blocks of what the peer sent")
            data = self._unframe(block)
            while self._held and self._held + len(data) > limits.PEER_WINDOW_BYTES:
                await self._changed.wait()
            self._held += len(data)
            self._came.append(frames.head(frames.DATA, len(data)) + data)
            self._stir()
        self._has_ended = True
        self._stir()

    def _unframe(self, block: bytes) -> bytes:
        if not self._is_framed:
            return block
        if block[0] == frames.MOVED:
            raise ConnectionError("the peer has moved to a direct path that is not there at this end")
        if block[0] != frames.DATA:
            raise ConnectionError(f"the peer relays frames of kind {block[0]}, which this client does not know")
        return block[1:]

    async def _guarded(self, work: Any) -> None:
        try:
            await work
        except (SwitchyardError, ConnectionError) as error:
            self._fail(error)

    def _over(self, ended: asyncio.Future[None]) -> None:
        error = None if ended.cancelled() else ended.exception()
        if error is not None:
            self._fail(error)
        self._stir()

    def _fail(self, error: BaseException) -> None:
        self._error = self._error or error
        self._stir()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _stir(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
