"""A replica of the graph that keeps itself up to date over every break."""
from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, AsyncIterator, Awaitable, Callable, Optional, Type

import grpc

from .emitter import Emitter, Listener
from .errors import SwitchyardError
from .graph import Change, Graph
from .v1 import network_pb2, position_pb2

_EVENTS = frozenset(("link_removed", "node_removed", "node_added", "link_added", "synced", "position", "broken", "ended"))


class Network:
    """
    Each revision is applied whole before anything is told of it. While a new snapshot is on its way the old picture stays; then
    the new one takes its place at once, and the difference between the two is told like any other changes.

    Events of `on`: `link_removed`, `node_removed`, `node_added`, `link_added`, `synced` and `position` (a Position), `broken`
    (a SwitchyardError and the wait), `ended` (an Exception or None).
    """

    def __init__(
        self,
        deltas: Callable[[Callable[[SwitchyardError, float], None]], AsyncIterator[Any]],
        now: Callable[[], Awaitable[position_pb2.Position]],
    ) -> None:
        self._deltas = deltas
        self._now = now
        self._events = Emitter(_EVENTS)
        self._incoming: Optional[Graph] = None
        self._moved = asyncio.Condition()
        self._error: Optional[Exception] = None
        # The picture as it stands; empty until the first snapshot is whole. A new snapshot is another object.
        self.graph = Graph()
        # Up to where the picture goes; None until the first snapshot is whole.
        self.position: Optional[position_pb2.Position] = None
        self._task = asyncio.create_task(self._run())

    def on(self, name: str, listener: Listener) -> Callable[[], None]:
        """Has a listener called for each event of a name, with `graph` as it is by then."""
        return self._events.on(name, listener)

    async def synced(self) -> Network:
        """Waits until the first snapshot is whole. Raises when the replica ends before."""
        await self._until(lambda: self.position is not None)
        return self

    async def reached(self, position: position_pb2.Position) -> Network:
        """Waits until the picture holds everything up to `position`. Raises OUT_OF_RANGE when the network has another epoch."""

        def has_reached() -> bool:
            if self.position is None:
                return False
            if self.position.epoch != position.epoch:
                message = f"the network's epoch is {self.position.epoch} now"
                raise SwitchyardError(grpc.StatusCode.OUT_OF_RANGE, message)
            return self.position.revision >= position.revision

        await self._until(has_reached)
        return self

    async def current(self) -> Network:
        """Waits until the picture holds everything that the server's graph held when this was called."""
        return await self.reached(await self._now())

    async def close(self) -> None:
        """Ends the watch. The picture stays readable."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def __aenter__(self) -> Network:
        return await self.synced()

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], where: Optional[TracebackType]
    ) -> None:
        await self.close()

    async def _run(self) -> None:
        error: Optional[Exception] = None
        try:
            async for message in self._deltas(lambda failure, delay: self._events.emit("broken", failure, delay)):
                self._take(message)
                async with self._moved:
                    self._moved.notify_all()
        except Exception as failure:
            error = failure
        finally:
            self._error = error or SwitchyardError(grpc.StatusCode.CANCELLED, "the replica is closed")
            self._events.emit("ended", error)
            async with self._moved:
                self._moved.notify_all()

    def _take(self, message: Any) -> None:
        if message.kind == network_pb2.WATCH_KIND_RESET:
            self._incoming = Graph()
            return
        if message.kind == network_pb2.WATCH_KIND_SNAPSHOT:
            self._incoming = self._incoming or Graph()
            for delta in message.deltas:
                self._incoming.apply(delta)
            return
        if message.kind == network_pb2.WATCH_KIND_SNAPSHOT_END:
            incoming = self._incoming or Graph()
            changes = self.graph.changes_to(incoming)
            self.graph, self._incoming, self.position = incoming, None, message.position
            self._tell(changes)
            self._events.emit("synced", message.position)
        else:
            for delta in message.deltas:
                self._tell(self.graph.apply(delta))
            self.position = message.position
        self._events.emit("position", message.position)

    def _tell(self, changes: list[Change]) -> None:
        for kind, subject in changes:
            self._events.emit(kind, subject)

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with self._moved:
            while not condition():
                if self._error is not None:
                    raise self._error
                await self._moved.wait()
