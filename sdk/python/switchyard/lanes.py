"""The paths of one connection, and how it moves from the relay to a direct one."""
from __future__ import annotations

import asyncio
from typing import Any, Callable, Coroutine, Dict, List, Optional

from . import frames
from .direct_pipe import DirectPipe
from .errors import SwitchyardError
from .lane import Lane
from .secure import Channel

# Paths that the peer may yet move to: that of the attempt under way, and of three before it. The peer may have taken one whose MOVED
# waits on the relay as the next attempt is ordered. One that it has not taken it closes, and this end's closes with it; a hostile peer may
# keep all open instead, and fill the window of each.
OFFERS_MAX = 4


class Lanes:
    """
    What goes through the server may move to a direct path, each way for itself: its end says on the relay, with MOVED, where its
    bytes there stop, and writes what follows on the path. The peer reads the relay up to that word before it reads the path. The
    controlling end begins, as the other one cannot know whether its confirmation of the path arrived.

    A part of the transport, which reads, writes and ends.
    """

    _loop: asyncio.AbstractEventLoop
    _extra: dict[str, Any]
    _over: asyncio.Future[Optional[BaseException]]
    # The end of this way is being sent: it moves no more.
    _is_saying_end: bool

    def __init__(self, first: Lane) -> None:
        self._first = self._in = self._out = first
        # The direct paths that attempts may find, or have found, by the attempt's number.
        self._offers: Dict[int, asyncio.Future[Optional[Lane]]] = {}
        # The path that either way moves to, or has moved to; and the attempt that found it.
        self._path: Optional[Lane] = None
        self._attempt = 0
        # This end's way is to move, which is decided by then.
        self._moving: Optional[asyncio.Future[bool]] = None
        self._has_moved = False
        # As the controlling end this one has a path that it moves to. Another attempt would close that at a peer that has yet to read
        # of the move, and this end may be writing on it.
        self.is_moving = False
        # Is called once both ways of this end have left the relay.
        self.on_moved: Callable[[], None] = lambda: None

    @property
    def may_move(self) -> bool:
        """Whether it may move to a direct path: it goes through the server, in a form that can say so."""
        return self._first.is_left_by_moving and not self._has_moved and not self._over.done()

    async def _flush(self, out: Lane) -> None:
        try:
            await out.pipe.flush()
        except (SwitchyardError, ConnectionError):
            # Where its streams were stopped as both ends have moved, the peer has read all of it.
            if out is self._out:
                raise

    def adopt(self, pipe: DirectPipe, channel: Channel) -> Optional[Lane]:
        """A path that an attempt has found, and that the connection may move to. None, and the path is closed: it is over."""
        if self._over.done():
            pipe.close()
            return None
        lane = Lane(pipe, channel)
        self._begin_reading(lane)
        self._spawn_on(lane, self._live(lane))
        return lane

    def expect(self, attempt: int) -> asyncio.Future[Optional[Lane]]:
        """An attempt is under way, whose path is to be set: the peer may move to it before its end is known here."""
        path: asyncio.Future[Optional[Lane]] = self._loop.create_future()
        self._offers[attempt] = path
        if len(self._offers) > OFFERS_MAX:
            oldest = next(number for number in self._offers if number != self._attempt)
            self._offers.pop(oldest).add_done_callback(_close_found)
        return path

    async def move(self, attempt: int, path: Lane) -> bool:
        """As the controlling end: moves to a path. False, and the path is closed: it goes on where it is."""
        moving: asyncio.Future[bool] = self._loop.create_future()
        if self._path is None and not self._is_saying_end and not self._over.done():
            self._path, self._attempt, self._moving = path, attempt, moving
            self._stir()
            await asyncio.wait({moving, self._over}, return_when=asyncio.FIRST_COMPLETED)
        if moving.done() and moving.result():
            return True
        path.close()
        self.is_moving = False
        return False

    async def _follow(self, attempt: int) -> None:
        """The peer's bytes go on on another path. This end's way moves after it, or says there that it has ended."""
        if self._path is None or self._attempt != attempt:
            path = self._offers.get(attempt)
            found = None if path is None else await asyncio.shield(path)
            if found is None or self._path is not None:
                raise ConnectionError("the peer has moved to a direct path that is not there at this end")
            self._path, self._attempt = found, attempt
            for other in [number for number in self._offers if number != attempt]:
                self._offers.pop(other).add_done_callback(_close_found)
            if self._is_saying_end:
                self._leave_for(found)
                self._spawn_on(found, found.put(frames.head(frames.END, 0)))
            else:
                self._moving = self._loop.create_future()
        self._deliver()

    async def _move_out(self, moving: asyncio.Future[bool]) -> None:
        """Between two frames. Not when the path has died before, unless the peer is there already."""
        self._moving, path = None, self._path
        if path is None or (path.error is not None and self._first.moved is None):
            self._path = None
            moving.set_result(False)
            return
        await self._first.put(frames.head(frames.MOVED, self._attempt) + frames.head(frames.END, 0))
        self._leave_for(path)
        moving.set_result(True)

    def _leave_for(self, path: Lane) -> None:
        self._out = path
        self._check_moved()
        self._deliver()

    def _is_at_path(self) -> bool:
        """Whether the peer's bytes on the relay are all with the program, and those that follow are on the path."""
        first = self._first
        if self._path is None or self._in is not first or first.inbox:
            return False
        return first.moved is not None or (first.has_ended and self._out is self._path)

    def _check_moved(self) -> None:
        path = self._path
        if path is not None and path.error is not None and path in (self._in, self._out):
            self._end(path.error)
        elif self._in is path and self._out is path and not self._has_moved:
            self._has_moved = True
            self._extra["path"] = "direct"
            self.on_moved()

    def _lanes(self) -> List[Lane]:
        found = [offered.result() for offered in self._offers.values() if offered.done()]
        return list({lane: None for lane in (self._first, self._path, *found) if lane is not None})

    def _begin_reading(self, lane: Lane) -> None:
        lane.reading = {self._spawn_on(lane, self._read(lane))}

    def _spawn_on(self, lane: Lane, work: Coroutine[Any, Any, Any]) -> asyncio.Task[None]:
        task = self._loop.create_task(self._guarded_on(lane, work))
        lane.tasks.add(task)
        task.add_done_callback(lane.tasks.discard)
        # One that is cancelled before its first turn has awaited nothing.
        task.add_done_callback(lambda _: work.close())
        return task

    async def _guarded_on(self, lane: Lane, work: Coroutine[Any, Any, Any]) -> None:
        """What carries the connection ends it as it fails. One that nothing depends on, not yet or no more, is let go."""
        try:
            await work
        except asyncio.CancelledError:
            raise
        except Exception as error:
            if lane is self._in or lane is self._out:
                self._end(error)
            else:
                lane.error = error
                lane.close()

    def _close_lanes(self) -> None:
        for offered in self._offers.values():
            offered.add_done_callback(_close_found)
        for lane in self._lanes():
            lane.close()

    async def _read(self, lane: Lane) -> None:
        raise NotImplementedError

    async def _live(self, lane: Lane) -> None:
        raise NotImplementedError

    def _deliver(self) -> None:
        raise NotImplementedError

    def _end(self, error: Optional[BaseException]) -> None:
        raise NotImplementedError

    def _stir(self) -> None:
        raise NotImplementedError


def _close_found(path: asyncio.Future[Optional[Lane]]) -> None:
    """Lets go of a path that comes too late, or that another has taken the place of."""
    lane = None if path.cancelled() else path.result()
    if lane is not None:
        lane.close()
