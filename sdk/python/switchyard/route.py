"""A way to the servers of one network."""
from __future__ import annotations

import asyncio
import math
from typing import Any, Awaitable, Callable, Optional, Set, Tuple

import grpc

from . import limits
from .channels import Channels, UsedChannel
from .errors import SwitchyardError, error_of
from .servers import ServerList
from .v1 import position_pb2, session_service_pb2

AFTER = "switchyard-after"
_CODES = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
}
# Where a reason is said, it decides: what another server would answer too, or what is about a peer, says nothing of this one.
_REASONS = {"DRAINING", "JOURNAL_UNAVAILABLE", "BEHIND", "SERVER_CUT_OFF", "OUTCOME_UNKNOWN", "INTERNAL"}

# Seconds before the end of a call's time from which on DEADLINE_EXCEEDED is the call's own and says nothing of the server.
_DEADLINE_SLACK = 0.2

_Metadata = Tuple[Tuple[str, str], ...]


def is_of_server(error: SwitchyardError) -> bool:
    """Whether an error is of its server: it is away or goes down, it does not answer, or it has lost the others."""
    return error.code in _CODES and (error.reason is None or error.reason in _REASONS)


class Route:
    """
    What gRPC's stubs take for a channel: calls go to one of the servers, any at first, until it fails; then to the others. After a
    change of servers calls ask for at least the revision that was seen, so that a client reads its own writes, until one was answered.

    `is_eager`: a call that fails as a server does that is away moves the calls after it, as nothing else would notice.
    """

    def __init__(self, channels: Channels, servers: ServerList, here: UsedChannel, is_eager: bool = False) -> None:
        self.channels = channels
        self.servers = servers
        self._is_eager = is_eager
        # Asked since the last rest, or since one of them stood for long.
        self._tried: Set[str] = set()
        self._here = here
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()
        self._seen: Optional[position_pb2.Position] = None
        # The server has yet to answer as of what was seen.
        self._is_owed = False
        self._is_released = False

    @classmethod
    def to(cls, channels: Channels, servers: ServerList) -> Route:
        """A way that begins at any of the servers."""
        first = servers.pick(())
        if first is None:
            raise ValueError("server: at least one address is needed")
        return cls(channels, servers, channels.use(first), is_eager=True)

    def sibling(self) -> Route:
        """Another way to the same servers, which begins where this one is."""
        self.channels.share(self._here)
        return Route(self.channels, self.servers, self._here)

    @property
    def address(self) -> str:
        """That of the server that calls go to."""
        return self._here.address

    def release(self) -> None:
        """Its user is over. Calls that run go on."""
        if not self._is_released:
            self._is_released = True
            self.channels.release(self._here)

    def move_on(self, error: SwitchyardError) -> bool:
        """
        Goes on at another server after an error, if that is one that another may not give. True: it was not asked since the last
        rest, so there is no need to wait.
        """
        if not is_of_server(error) or len(self.servers) < 2 or self.channels.is_closed:
            return False
        if self.leave(error.server or self.address):
            return True
        # All were asked. One that is at another history would never reach what was seen of this one.
        self._tried.clear()
        self._is_owed = False
        return False

    def leave(self, address: str) -> bool:
        """Leaves a server for one that was not tried lately. False: there is none. True also where it was left already."""
        if address != self.address:
            return True
        now = self._loop.time()
        if (now - self._since) * 1000 >= limits.STEADY_MS:
            self._tried.clear()
        self._tried.add(address)
        following = self.servers.pick(self._tried)
        if following is None or self._is_released or self.channels.is_closed:
            return False
        left, self._here = self._here, self.channels.use(following)
        self.channels.release(left)
        self._since = now
        self._is_owed = True
        return True

    async def enter(self, ends_at: float = math.inf) -> UsedChannel:
        """
        The server that the next call goes to: where several are known, one to which there is a connection, if there is such a one.
        Each has its own time to be reached; a call whose own time `ends_at` leaves no server for that. It is to be released after
        the call.
        """
        while True:
            used = self.channels.use(self.address)
            try:
                within = min(limits.CONNECT_MS / 1000, ends_at - self._loop.time())
                is_found = len(self.servers) < 2 or await used.ready(within)
                is_found = is_found or self._loop.time() >= ends_at or not self.leave(used.address)
            except BaseException:
                self.channels.release(used)
                raise
            if is_found and not self.channels.is_closed:
                return used
            self.channels.release(used)

    def with_after(self, metadata: _Metadata) -> _Metadata:
        """The metadata of a call that is made now."""
        if not self._is_owed or self._seen is None:
            return metadata
        return (*metadata, (AFTER, str(self._seen.revision)))

    def answered(self, address: str, message: Any) -> None:
        """Takes what an answer tells of the network and its servers."""
        if address == self.address:
            self._is_owed = False
        if isinstance(message, session_service_pb2.SessionResponse):
            self.servers.learn(message.servers)
        position = getattr(message, "position", None)
        if isinstance(message, session_service_pb2.AttachResponse):
            self.servers.learn(message.order.heartbeat.servers)
            position = message.order.heartbeat.position
        if position is None or not position.epoch:
            return
        if self._seen is None or self._seen.epoch != position.epoch or self._seen.revision < position.revision:
            self._seen = position

    def failed(self, address: str, failure: grpc.aio.AioRpcError) -> SwitchyardError:
        """Reads an error of a server, which may name others."""
        error = error_of(failure)
        error.server = address
        self.servers.learn([one for one in error.metadata.get("servers", "").split(",") if one])
        return error

    def unary_unary(self, path: str, **codecs: Any) -> Callable[..., Awaitable[Any]]:
        """See `grpc.aio.Channel.unary_unary`; raises a SwitchyardError."""

        async def make(request: Any, *, timeout: float, metadata: _Metadata) -> Any:
            ends_at = self._loop.time() + timeout
            used = await self.enter(ends_at)
            try:
                method = used.channel.unary_unary(path, **codecs)
                left = max(0.001, ends_at - self._loop.time())
                answer = await method(request, timeout=left, metadata=self.with_after(metadata))
                self.answered(used.address, answer)
                return answer
            except grpc.aio.AioRpcError as failure:
                error = self.failed(used.address, failure)
                # The server keeps the call's deadline, too, and gRPC's clock may be ahead of the loop's.
                is_late = error.code is grpc.StatusCode.DEADLINE_EXCEEDED and self._loop.time() >= ends_at - _DEADLINE_SLACK
                if self._is_eager and is_of_server(error) and not is_late:
                    self.leave(used.address)
                raise error from None
            finally:
                self.channels.release(used)

        return make

    def unary_stream(self, path: str, **codecs: Any) -> Callable[..., RoutedCall]:
        """See `grpc.aio.Channel.unary_stream`."""

        def make(request: Any, *, metadata: _Metadata) -> RoutedCall:
            return RoutedCall(self, lambda to: to.unary_stream(path, **codecs)(request, metadata=self.with_after(metadata)))

        return make

    def stream_stream(self, path: str, **codecs: Any) -> Callable[..., RoutedCall]:
        """See `grpc.aio.Channel.stream_stream`."""

        def make(*, metadata: _Metadata) -> RoutedCall:
            return RoutedCall(self, lambda to: to.stream_stream(path, **codecs)(metadata=self.with_after(metadata)))

        return make


class RoutedCall:
    """A call of many messages, at the server of the moment. It begins at once; what reads or writes waits for that."""

    def __init__(self, route: Route, make: Callable[[grpc.aio.Channel], Any]) -> None:
        self._route = route
        self._make = make
        self._call: Any = None
        self._address = ""
        self._beginning = asyncio.ensure_future(self._begin())
        # Who reads or writes is told.
        self._beginning.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def read(self) -> Any:
        """The next message, or `grpc.aio.EOF`. Raises the SwitchyardError that the call ended with."""
        call = self._call or await asyncio.shield(self._beginning)
        try:
            message = await call.read()
        except grpc.aio.AioRpcError as failure:
            raise self._route.failed(self._address, failure) from None
        if message is not grpc.aio.EOF:
            self._route.answered(self._address, message)
        return message

    async def write(self, request: Any) -> None:
        """Sends a message."""
        await (self._call or await asyncio.shield(self._beginning)).write(request)

    async def done_writing(self) -> None:
        """Says that no more messages follow."""
        await (self._call or await asyncio.shield(self._beginning)).done_writing()

    def cancel(self) -> None:
        """Gives it up."""
        self._beginning.cancel()
        if self._call is not None:
            self._call.cancel()

    def cancelled(self) -> bool:
        """Whether it was given up, or its channel was closed."""
        return self._beginning.cancelled() or (self._call is not None and self._call.cancelled())

    async def _begin(self) -> Any:
        used = await self._route.enter()
        self._address = used.address
        self._call = self._make(used.channel)
        self._call.add_done_callback(lambda call: self._route.channels.release(used))
        return self._call
