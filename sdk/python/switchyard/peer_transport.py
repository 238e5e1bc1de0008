"""The frames of a connection to a peer, as a transport of asyncio."""
from __future__ import annotations

import asyncio
from typing import Any, AsyncIterator, Optional

from . import frames, limits
from .direct_pipe import DirectPipe
from .errors import SwitchyardError
from .lane import Lane
from .lanes import Lanes
from .pipe import RelayPipe
from .plain_pipe import PlainChannel, PlainPipe
from .secure import Channel

_HIGH_WATER = 65_536
_LOW_WATER = 16_384


class PeerTransport(Lanes, asyncio.Transport):
    """
    Frames inside TLS, on a direct path or inside two streams; or in the streams themselves where older peers know no other way. Of
    each way 8 MiB may be on their way to a reader that has not taken them; beyond it `drain` waits. `close` sends what was written,
    and says that it was all; `abort` lets go at once.

    The path is read while the program reads nothing, too: behind the data comes what the peer's reader has taken, which a write
    may be waiting for. What waits for the program is bounded by that window.
    """

    def __init__(self, pipe: RelayPipe | PlainPipe | DirectPipe, channel: Channel | PlainChannel, extra: dict[str, Any]) -> None:
        asyncio.Transport.__init__(self, extra)
        Lanes.__init__(self, Lane(pipe, channel))
        self._protocol: Optional[asyncio.BaseProtocol] = None
        self._loop = asyncio.get_running_loop()
        # What was written and waits for the window.
        self._buffer = bytearray()
        self._is_complete = False
        # The end of this way is being sent; and was.
        self._is_saying_end = False
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
        self._telling: Optional[asyncio.Task[None]] = None
        self._writing: Optional[asyncio.Task[None]] = None
        self._begin_reading(self._first)

    async def secured(self, protocol: asyncio.Protocol) -> None:
        """Waits until TLS has proved the peer's key; then a protocol is told what comes. Raises why there is no connection."""
        await self._secured
        self._protocol = protocol
        protocol.connection_made(self)
        self._telling = self._loop.create_task(self._guarded(self._tell_taken()))
        self._writing = self._loop.create_task(self._guarded(self._write()))
        if self._first.is_direct:
            self._spawn_on(self._first, self._live(self._first))
        self._stir()

    async def heard(self, seconds: float) -> bool:
        """Whether the peer says anything in time, as it does at once when it has the path, too."""
        ends_at = self._loop.time() + seconds
        while not self._first.has_heard and not self._over.done():
            left = ends_at - self._loop.time()
            if left <= 0:
                break
            changed = self._loop.create_task(self._change())
            await asyncio.wait({changed, self._over}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            changed.cancel()
        return self._first.has_heard and not self._over.done()

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
        for lane in self._lanes():
            lane.inbox.clear()
        self.write_eof()

    def abort(self) -> None:
        self._end(ConnectionError("the connection was given up"))

    def fail(self, error: BaseException) -> None:
        """Ends it for a reason that came from elsewhere."""
        self._end(error)

    async def _read(self, lane: Lane) -> None:
        if lane is self._first:
            await self._shake_hands()
        blocks = lane.pipe.blocks()
        async for block in blocks:
            lane.channel.take(block)
            if not self._secured.done() and not await self._shake_hands():
                continue
            # Without a protocol nobody could be told.
            while self._protocol is None:
                await self._change()
            plain, is_closed = lane.channel.read()
            if plain:
                lane.has_heard, lane.missed = True, 0
                self._stir()
            for kind, length, part in lane.frames.read(plain):
                self._heed(lane, kind, length, part)
            # What TLS itself has to say may wait for what is sent next. Waiting here for a write that waits for the peer could keep
            # both ends from reading.
            if not lane.turn.locked():
                await lane.put()
            if is_closed:
                break
        if not lane.has_ended and lane.moved is None:
            raise ConnectionError("the path was cut before the peer had said that its data is complete")
        if not self._has_said and lane is self._out:
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
        is_done = self._first.channel.shake_hands()
        await self._first.put()
        if is_done:
            self._secured.set_result(None)
        return is_done

    def _heed(self, lane: Lane, kind: int, length: int, part: bytes) -> None:
        if kind == frames.TAKEN:
            lane.untaken -= length
            if lane.untaken < 0:
                raise ConnectionError("the peer has taken more than was sent to it")
            self._stir()
        elif kind == frames.MOVED:
            lane.moved = length
            self._spawn_on(lane, self._follow(length))
        elif kind == frames.END:
            # What it says after MOVED is that nothing more comes here.
            lane.has_ended = lane.moved is None
            self._deliver()
        elif kind == frames.DATA and not self._is_closing:
            lane.inbox += part
            if len(lane.inbox) + lane.to_say > limits.PEER_WINDOW_BYTES:
                raise ConnectionError("the peer sends more than was taken from it")
            self._deliver()

    def _deliver(self) -> None:
        """Gives the program what came, as long as it reads."""
        self._give_what_came()
        if self._is_at_path():
            self._in = self._path  # type: ignore[assignment]
            self._check_moved()
            self._give_what_came()
        if self._in.has_ended and not self._peer_done.done():
            self._peer_done.set_result(None)
        if self._peer_done.done() and not self._in.inbox and not self._over.done():
            self._tell_eof()
        self._stir()

    def _give_what_came(self) -> None:
        while self._in.inbox and not self._is_paused:
            self._give(limits.PEER_FRAME_BYTES)

    def _give(self, most: int) -> None:
        part = bytes(self._in.inbox[:most])
        del self._in.inbox[: len(part)]
        self._in.to_say += len(part)
        self._protocol.data_received(part)  # type: ignore[union-attr]

    def _tell_eof(self) -> None:
        if not self._is_eof_told:
            self._is_eof_told = True
            self._protocol.eof_received()  # type: ignore[union-attr]

    async def _tell_taken(self) -> None:
        """Tells the peer what the program has taken; nobody waits for it after the end of the peer's way."""
        while not self._peer_done.done():
            lane = self._in
            if lane.to_say < limits.PEER_TAKEN_BYTES:
                await self._change()
                continue
            said, lane.to_say = lane.to_say, 0
            try:
                await lane.put(frames.head(frames.TAKEN, said))
            except (SwitchyardError, ConnectionError):
                # The server stops the streams as soon as both ends have left them.
                if lane is self._in:
                    raise

    async def _live(self, lane: Lane) -> None:
        """Sends signs of life and awaits them, also after the end of this way: so a path that is dead is known."""
        while True:
            # One who writes says enough. The count goes on while a peer that does not read holds up what is sent.
            if not lane.has_sent and not lane.turn.locked():
                self._spawn_on(lane, lane.put(frames.head(frames.ALIVE, 0), is_sign=True))
            lane.has_sent = False
            await asyncio.sleep(limits.PEER_ALIVE_MS / 1000)
            lane.missed += 1
            if lane.missed > limits.PEER_ALIVE_MISSED_MAX:
                raise ConnectionError("the path is dead: nothing has come from the peer")

    async def _write(self) -> None:
        while self._moving is not None or self._buffer or not self._is_complete:
            if self._moving is not None:
                await self._move_out(self._moving)
                continue
            out = self._out
            room = limits.PEER_WINDOW_BYTES - out.untaken
            part = bytes(self._buffer[: min(limits.PEER_FRAME_BYTES, room)])
            if not part:
                await self._change()
                continue
            del self._buffer[: len(part)]
            out.untaken += len(part)
            await out.put(frames.head(frames.DATA, len(part)) + part)
            self._balance()
        self._is_saying_end = True
        out = self._out
        await out.put(frames.head(frames.END, 0))
        self._has_said = True
        await self._flush(out)
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
        out = self._out
        out.channel.close()
        await out.put()
        linger = limits.PEER_LINGER_MS / 1000
        try:
            await asyncio.wait_for(out.pipe.finish(), linger)
        except (SwitchyardError, ConnectionError, asyncio.TimeoutError):
            pass  # The server stops the streams as soon as one end says that the connection is over.
        await asyncio.wait(out.reading, timeout=linger)
        self._end(None)

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
        for task in (self._telling, self._writing):
            if task is not None and task is not current:
                task.cancel()
        self._close_lanes()
        if not self._secured.done():
            self._secured.set_exception(error or ConnectionError("the connection was closed"))
        if self._protocol is not None:
            self._protocol.connection_lost(error if error is None or isinstance(error, Exception) else None)

    def _give_rest(self) -> None:
        """A program that has not read on loses nothing of a connection that ended well: a window of bytes at most."""
        while self._in.inbox and self._protocol is not None:
            self._give(len(self._in.inbox))

    def _stir(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _change(self) -> None:
        await self._changed.wait()
