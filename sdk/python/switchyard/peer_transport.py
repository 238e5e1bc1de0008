"""The frames of a connection to a peer, as a transport of asyncio."""
from __future__ import annotations

import asyncio
from typing import Any, AsyncIterator, Optional

from . import frames, limits
from .direct_pipe import DirectPipe
from .errors import SwitchyardError
from .pipe import RelayPipe
from .plain_pipe import PlainChannel, PlainPipe
from .secure import Channel

_HIGH_WATER = 65_536
_LOW_WATER = 16_384


class PeerTransport(asyncio.Transport):
    """
    Frames inside TLS, on a direct path or inside two streams; or in the streams themselves where older peers know no other way. Of
    each way 8 MiB may be on their way to a reader that has not taken them; beyond it `drain` waits. `close` sends what was written,
    and says that it was all; `abort` lets go at once.

    The path is read while the program reads nothing, too: behind the data comes what the peer's reader has taken, which a write
    may be waiting for. What waits for the program is bounded by that window.
    """

    def __init__(self, pipe: RelayPipe | PlainPipe | DirectPipe, channel: Channel | PlainChannel, extra: dict[str, Any]) -> None:
        super().__init__(extra)
        self._pipe = pipe
        self._channel = channel
        self._protocol: Optional[asyncio.BaseProtocol] = None
        self._loop = asyncio.get_running_loop()
        # One at a time: the bytes of TLS go out in the order in which they were made.
        self._turn = asyncio.Lock()
        # What was written and waits for the window; and bytes on their way that the peer's reader has not taken.
        self._buffer = bytearray()
        self._untaken = 0
        # What came and waits for the program; and bytes that it has taken and the peer was not told of.
        self._inbox = bytearray()
        self._to_say = 0
        self._is_complete = False
        # The end of this way was sent.
        self._has_said = False
        # Both ways are complete: whatever ends the path now is no error.
        self._is_parting = False
        self._is_eof_told = False
        self._is_closing = False
        self._is_paused = False
        self._has_asked_to_pause = False
        self._secured: asyncio.Future[None] = self._loop.create_future()
        # Its exception is that of whatever asked for the connection.
        self._secured.add_done_callback(lambda future: future.cancelled() or future.exception())
        self._peer_done: asyncio.Future[None] = self._loop.create_future()
        self._over: asyncio.Future[Optional[BaseException]] = self._loop.create_future()
        self._changed = asyncio.Event()
        # Anything has come from the peer since the path was secured; and whether anything went to it since the last sign of life.
        self._has_heard = False
        self._has_sent = False
        # Signs of life that did not come, one after the other.
        self._missed = 0
        # On a direct path; on the relay the server says whether the peer lives.
        self._living: Optional[asyncio.Task[None]] = None
        self._saying: Optional[asyncio.Task[None]] = None
        self._reading = self._loop.create_task(self._guarded(self._read()))
        self._telling: Optional[asyncio.Task[None]] = None
        self._writing: Optional[asyncio.Task[None]] = None

    async def secured(self, protocol: asyncio.Protocol) -> None:
        """Waits until TLS has proved the peer's key; then a protocol is told what comes. Raises why there is no connection."""
        await self._secured
        self._protocol = protocol
        protocol.connection_made(self)
        self._telling = self._loop.create_task(self._guarded(self._tell_taken()))
        self._writing = self._loop.create_task(self._guarded(self._write()))
        if isinstance(self._pipe, DirectPipe):
            self._living = self._loop.create_task(self._guarded(self._live()))
        self._stir()

    async def heard(self, seconds: float) -> bool:
        """Whether the peer says anything in time, as it does at once when it has the path, too."""
        ends_at = self._loop.time() + seconds
        while not self._has_heard and not self._over.done():
            left = ends_at - self._loop.time()
            if left <= 0:
                break
            changed = self._loop.create_task(self._change())
            await asyncio.wait({changed, self._over}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            changed.cancel()
        return self._has_heard and not self._over.done()

    async def over(self) -> Optional[BaseException]:
        """Waits for the end; None when both ways were complete, or it was closed here."""
        return await asyncio.shield(self._over)

    def write(self, data: Any) -> None:
        if self._is_complete or not data:
            return
        self._buffer += data
        self._balance()
        self._stir()

    def write_eof(self) -> None:
        self._is_complete = True
        self._stir()

    def can_write_eof(self) -> bool:
        return True

    def get_write_buffer_size(self) -> int:
        return len(self._buffer)

    def pause_reading(self) -> None:
        self._is_paused = True

    def resume_reading(self) -> None:
        self._is_paused = False
        # Not at once: a reader resumes just before it begins to wait, and would miss what comes in between.
        self._loop.call_soon(self._deliver)

    def is_reading(self) -> bool:
        return not self._is_paused

    def is_closing(self) -> bool:
        return self._is_closing

    def get_protocol(self) -> Any:
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    def close(self) -> None:
        self._is_closing = True
        self._inbox.clear()
        self.write_eof()

    def abort(self) -> None:
        self._end(ConnectionError("the connection was given up"))

    def fail(self, error: BaseException) -> None:
        """Ends it for a reason that came from elsewhere."""
        self._end(error)

    async def _read(self) -> None:
        reader = frames.FrameReader()
        await self._shake_hands()
        blocks = self._pipe.blocks()
        async for block in blocks:
            self._channel.take(block)
            if not self._secured.done() and not await self._shake_hands():
                continue
            # Without a protocol nobody could be told.
            while self._protocol is None:
                await self._change()
            plain, is_closed = self._channel.read()
            if plain:
                self._has_heard, self._missed = True, 0
                self._stir()
            for kind, length, part in reader.read(plain):
                self._heed(kind, length, part)
            # What TLS itself has to say may wait for what is sent next. Waiting here for a write that waits for the peer could keep
            # both ends from reading.
            if not self._turn.locked():
                await self._put()
            if is_closed:
                break
        if not self._peer_done.done():
            raise ConnectionError("the path was cut before the peer had said that its data is complete")
        if not self._has_said:
            raise ConnectionError("the path was cut before all was sent to the peer")
        await self._drain(blocks)

    async def _drain(self, blocks: AsyncIterator[bytes]) -> None:
        """Reads the path to its end once TLS is over: bytes that nobody takes would keep the peer waiting."""
        try:
            async for _ in blocks:
                pass
        except (SwitchyardError, ConnectionError):
            pass  # The server stops the streams as soon as one end says that the connection is over.

    async def _shake_hands(self) -> bool:
        is_done = self._channel.shake_hands()
        await self._put()
        if is_done:
            self._secured.set_result(None)
        return is_done

    def _heed(self, kind: int, length: int, part: bytes) -> None:
        if kind == frames.TAKEN:
            self._untaken -= length
            if self._untaken < 0:
                raise ConnectionError("the peer has taken more than was sent to it")
            self._stir()
        elif kind == frames.END:
            self._peer_done.set_result(None)
            self._deliver()
        elif kind == frames.DATA and not self._is_closing:
            self._inbox += part
            if len(self._inbox) + self._to_say > limits.PEER_WINDOW_BYTES:
                raise ConnectionError("the peer sends more than was taken from it")
            self._deliver()

    def _deliver(self) -> None:
        """Gives the program what came, as long as it reads."""
        while self._inbox and not self._is_paused:
            self._give(limits.PEER_FRAME_BYTES)
        if self._peer_done.done() and not self._inbox and not self._over.done():
            self._tell_eof()
        self._stir()

    def _give(self, most: int) -> None:
        part = bytes(self._inbox[:most])
        del self._inbox[: len(part)]
        self._to_say += len(part)
        self._protocol.data_received(part)  # type: ignore[union-attr]

    def _tell_eof(self) -> None:
        if not self._is_eof_told:
            self._is_eof_told = True
            self._protocol.eof_received()  # type: ignore[union-attr]

    async def _tell_taken(self) -> None:
        """Tells the peer what the program has taken; nobody waits for it after the end of the peer's way."""
        while not self._peer_done.done():
            if self._to_say < limits.PEER_TAKEN_BYTES:
                await self._change()
                continue
            said, self._to_say = self._to_say, 0
            await self._put(frames.head(frames.TAKEN, said))

    async def _live(self) -> None:
        """Sends signs of life and awaits them, also after the end of this way: so a path that is dead is known."""
        while True:
            # One who writes says enough. The count goes on while a peer that does not read holds up what is sent.
            if not self._has_sent and not self._turn.locked():
                self._saying = self._loop.create_task(self._say_alive())
            self._has_sent = False
            await asyncio.sleep(limits.PEER_ALIVE_MS / 1000)
            self._missed += 1
            if self._missed > limits.PEER_ALIVE_MISSED_MAX:
                raise ConnectionError("the path is dead: nothing has come from the peer")

    async def _say_alive(self) -> None:
        try:
            await self._put(frames.head(frames.ALIVE, 0), is_sign=True)
        except Exception as error:
            self._end(error)

    async def _write(self) -> None:
        while self._buffer or not self._is_complete:
            room = limits.PEER_WINDOW_BYTES - self._untaken
            part = bytes(self._buffer[: min(limits.PEER_FRAME_BYTES, room)])
            if not part:
                await self._change()
                continue
            del self._buffer[: len(part)]
            self._untaken += len(part)
            await self._put(frames.head(frames.DATA, len(part)) + part)
            self._balance()
        await self._put(frames.head(frames.END, 0))
        self._has_said = True
        await self._pipe.flush()
        while not self._peer_done.done() and not self._is_closing:
            await self._change()
        # The peer hears of a close, and ends its own way or has had time to.
        await asyncio.wait({self._peer_done}, timeout=limits.PEER_LINGER_MS / 1000)
        if self._peer_done.done():
            await self._part()
        else:
            self._end(None)

    async def _part(self) -> None:
        """Both ways are complete: closes TLS, and reads up to the peer's own close."""
        self._is_parting = True
        self._channel.close()
        await self._put()
        linger = limits.PEER_LINGER_MS / 1000
        try:
            await asyncio.wait_for(self._pipe.finish(), linger)
        except (SwitchyardError, ConnectionError, asyncio.TimeoutError):
            pass  # The server stops the streams as soon as one end says that the connection is over.
        await asyncio.wait({self._reading}, timeout=linger)
        self._end(None)

    async def _put(self, plain: bytes = b"", *, is_sign: bool = False) -> None:
        """Sends bytes; `is_sign`: a sign of life, which is no reason to leave out the next."""
        async with self._turn:
            if plain:
                self._has_sent |= not is_sign
                self._channel.write(plain)
            cipher = self._channel.outgoing()
            if cipher:
                await self._pipe.send(cipher)

    async def _guarded(self, work: Any) -> None:
        try:
            await work
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self._end(error)

    def _balance(self) -> None:
        """Has `drain` wait, or go on."""
        if self._protocol is None:
            return
        if not self._has_asked_to_pause and len(self._buffer) > _HIGH_WATER:
            self._has_asked_to_pause = True
            self._protocol.pause_writing()
        elif self._has_asked_to_pause and len(self._buffer) <= _LOW_WATER:
            self._has_asked_to_pause = False
            self._protocol.resume_writing()

    def _end(self, error: Optional[BaseException]) -> None:
        if self._over.done():
            return
        if self._is_parting:
            error = None
        if error is None:
            self._give_rest()
        self._is_closing = self._is_complete = True
        self._over.set_result(error)
        current = asyncio.current_task()
        for task in (self._reading, self._telling, self._writing, self._living, self._saying):
            if task is not None and task is not current:
                task.cancel()
        self._pipe.close()
        if not self._secured.done():
            self._secured.set_exception(error or ConnectionError("the connection was closed"))
        if self._protocol is not None:
            self._protocol.connection_lost(error if error is None or isinstance(error, Exception) else None)

    def _give_rest(self) -> None:
        """A program that has not read on loses nothing of a connection that ended well: a window of bytes at most."""
        while self._inbox and self._protocol is not None:
            self._give(len(self._inbox))

    def _stir(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _change(self) -> None:
        await self._changed.wait()
