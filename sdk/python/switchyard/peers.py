"""The connections of an instance to its peers: those that it asks for, and those that it is ordered."""
from __future__ import annotations

import asyncio
import base64
import os
from dataclasses import dataclass
from typing import Any, Awaitable, Callable, Optional

import grpc

from . import limits
from .brokered import Brokered, Places
from .direct import NOT_COMMON, DirectPaths, places_of
from .errors import Refusal, SwitchyardError
from .orders import Handlers
from .peer_stream import PeerStream
from .punch import Puncher
from .relay import RelaySink, RelaySource
from .relayed import RELAY_VERSION, RelayedPaths
from .secure import PeerIdentity
from .server import Caller
from .v1 import connection_pb2, error_pb2, link_pb2, network_service_pb2, session_pb2

_TCP = link_pb2.LINK_TYPE_TRANSPORT_TCP
_IMMEDIATE = connection_pb2.CONNECTION_FALLBACK_IMMEDIATE
_NONE = connection_pb2.CONNECTION_FALLBACK_NONE
_FALLBACKS = {
    "immediate": _IMMEDIATE,
    "late": connection_pb2.CONNECTION_FALLBACK_LATE,
    "none": _NONE,
}
_PATHS = {"relayed": connection_pb2.PATH_KIND_RELAYED, "direct": connection_pb2.PATH_KIND_DIRECT}
_NOT_DIRECT = "the connection goes through the server, which fallback none rules out"
_ASK_SECONDS = 30.0
_CROSSING_SECONDS = 3.0
_PUNCHES = (connection_pb2.CONNECTION_ROLE_PUNCH_CONTROLLING, connection_pb2.CONNECTION_ROLE_PUNCH_CONTROLLED)


@dataclass(frozen=True)
class PeersOwner:
    """What the connections need of their instance."""

    handlers: Handlers
    caller: Caller
    open_source: Callable[[int, int], Awaitable[RelaySource]]
    open_sink: Callable[[int, int], Awaitable[RelaySink]]
    # Something went wrong that nobody waits for.
    problem: Callable[[Exception], None]
    # Where the session's rendezvous ports are; waits until there is a session.
    rendezvous: Callable[[], Awaitable[Places]]
    # Signs the key of this end by that of its identity; None: it has none.
    endorse: Callable[[bytes], Optional[bytes]]


class Peers:
    """
    Connections are direct or go through the server, and stay what they are; they are encrypted between the ends where both and the
    server are of 0.2.0 or newer. When both ends ask for each other at the same moment, the server answers both requests with one
    connection, and both go on as one.
    """

    def __init__(self, owner: PeersOwner) -> None:
        self._owner = owner
        self._identity: Optional[PeerIdentity] = None
        self._paths = DirectPaths(self._own)
        self._relayed = RelayedPaths(owner, self._own)
        self._by_id: dict[str, Brokered] = {}
        # Asked for, until the server has answered: by the peer that was asked for.
        self._asking: dict[asyncio.Future[None], int] = {}
        self._background: set[asyncio.Task[Any]] = set()

    async def connect(self, peer_cvid: int, fallback: str) -> PeerStream:
        """Asks for a connection, and waits until the peer has proved its key."""
        if fallback not in _FALLBACKS:
            raise ValueError(f"fallback is one of {', '.join(_FALLBACKS)}, not {fallback!r}")
        brokered = await self._ask(peer_cvid, _FALLBACKS[fallback])
        try:
            stream = await asyncio.wait_for(asyncio.shield(brokered.stream), limits.PEER_CONNECT_MS / 1000)
            if fallback == "none" and stream.path != "direct":
                raise SwitchyardError(grpc.StatusCode.ABORTED, _NOT_DIRECT)
            return stream
        except BaseException as error:
            if isinstance(error, asyncio.TimeoutError):
                error = SwitchyardError(grpc.StatusCode.DEADLINE_EXCEEDED, f"no connection to {peer_cvid} within a minute")
            self._drop(brokered, error)
            raise error

    async def order(self, order: connection_pb2.Connection) -> Optional[bytes]:
        """Carries out an order about a connection; returns the answer's data."""
        if order.role == connection_pb2.CONNECTION_ROLE_GATHER:
            return await self._gather(order)
        if order.role in _PUNCHES:
            return await self._punch(order)
        if order.role == connection_pb2.CONNECTION_ROLE_DIAL:
            return await self._dial(order)
        if order.role != connection_pb2.CONNECTION_ROLE_RELAY:
            raise Refusal("UNIMPLEMENTED", "this client does not know this role in a connection")
        await self._relay(order)
        return None

    def ended(self, ended: session_pb2.Order) -> None:
        """The server says that a connection is over. A stream that stands ends by itself, unless its path is dead."""
        word = ended.connection_ended
        brokered = self._by_id.get(word.connection_id)
        if brokered is None or (brokered.stream.done() and word.reason != error_pb2.REASON_PATH_FAILED):
            return
        reason = error_pb2.Reason.Name(word.reason).removeprefix("REASON_")
        brokered.fail(SwitchyardError(grpc.StatusCode.ABORTED, word.description, reason=reason))
        self._by_id.pop(word.connection_id, None)

    def end(self, error: BaseException) -> None:
        """The session is over: what is being made comes to nothing. Streams that stand go on until the server stops them."""
        for brokered in list(self._by_id.values()):
            if not brokered.stream.done():
                brokered.fail(error)
                self._by_id.pop(brokered.id, None)

    async def _ask(self, peer_cvid: int, fallback: Any) -> Brokered:
        mine = Brokered(peer_cvid, incoming=False, fallback=fallback)
        try:
            used = self._join(mine) or await self._ask_as(mine)
        except BaseException:
            mine.over()
            raise
        if used is not mine:
            mine.over()
        return used

    def _join(self, mine: Brokered) -> Optional[Brokered]:
        """
        The same connection as the peer asks for it, instead of one's own. With another fallback the server decides: it takes the
        stricter one of both for a connection that is not yet decided.
        """
        for theirs in self._by_id.values():
            if theirs.incoming and not theirs.stream.done() and theirs.is_same(mine):
                theirs.is_wanted = True
                return theirs
        return None

    async def _ask_as(self, mine: Brokered) -> Brokered:
        request = network_service_pb2.DirectConnectionRequest(
            cvid=mine.peer_cvid,
            type=mine.link,
            public_key=self._own().public_key,
            endorsement=self._owner.endorse(self._own().public_key),
            relay_version=RELAY_VERSION,
            request_id=base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("="),
            fallback=mine.fallback,
        )
        if mine.fallback != _IMMEDIATE:
            sockets = await mine.open_sockets(await self._owner.rendezvous())
            sockets.tell(request)
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._asking[answered] = mine.peer_cvid
        try:
            method = self._owner.caller.server.network.DirectConnection
            answer = await self._owner.caller.call(method, request, timeout=_ASK_SECONDS, retry=True)
            known = self._by_id.get(answer.request.connection_id)
            if known is not None:
                known.is_wanted = True
                known.is_direct_only |= mine.is_direct_only
                return known
            return self._name(mine, answer.request.connection_id)
        finally:
            del self._asking[answered]
            answered.set_result(None)

    async def _gather(self, order: connection_pb2.Connection) -> bytes:
        brokered = await self._named(order, _CROSSING_SECONDS) or await self._accept(order)
        answer = self._gathered(relay_version=RELAY_VERSION)
        # The relay needs no addresses, and what goes through it does not move.
        if order.fallback != _IMMEDIATE and order.type == _TCP and not brokered.is_relayed:
            sockets = await brokered.open_sockets(places_of(order.rendezvous, self._owner.caller.server.host))
            sockets.tell(answer)
        return answer.SerializeToString()

    def _gathered(self, relay_version: int = 0) -> connection_pb2.GatherAnswer:
        key = self._own().public_key
        return connection_pb2.GatherAnswer(public_key=key, endorsement=self._owner.endorse(key), relay_version=relay_version)

    async def _accept(self, order: connection_pb2.Connection) -> Brokered:
        """Takes a connection that a peer asks for, if the program wants to."""
        handlers = self._owner.handlers
        if handlers.accept is None:
            raise Refusal("PEER_REFUSED", "this instance takes no connections")
        if not await handlers.accept(order.peer_cvid):
            raise Refusal("PEER_REFUSED", "not open to you")
        brokered = self._by_id.get(order.connection_id)
        if brokered is None:
            brokered = self._name(Brokered(order.peer_cvid, incoming=True, link=order.type, fallback=order.fallback), order.connection_id)
            self._spawn(self._hand_over(brokered))
        return brokered

    async def _punch(self, order: connection_pb2.Connection) -> bytes:
        brokered = await self._find(order)
        self._leave_one_sided(brokered)
        stream, answer = await self._paths.punch(brokered, order)
        if stream is not None:
            self._spawn(self._hand_out(brokered, stream))
        return answer

    async def _dial(self, order: connection_pb2.Connection) -> bytes:
        """The peer listens: dials it. The answer goes out before, as the peer lets in only the key that it brings."""
        if not order.peer_public_key:
            raise Refusal("UNIMPLEMENTED", "a caller without a key is not dialled")
        brokered = await self._accept(order)
        # Loopback is dialled only by an end that is seen there itself, which the rendezvous says.
        sockets = await brokered.open_sockets(await self._owner.rendezvous())
        self._spawn(self._dial_listener(brokered, sockets, order))
        return self._gathered().SerializeToString()

    async def _dial_listener(self, brokered: Brokered, sockets: Puncher, order: connection_pb2.Connection) -> None:
        try:
            stream = await self._paths.dial(brokered, sockets, order)
        except ConnectionError as error:
            self._drop(brokered, error)
            return
        await self._hand_out(brokered, stream)

    async def _hand_over(self, brokered: Brokered) -> None:
        try:
            stream = await asyncio.shield(brokered.stream)
        except Exception:
            return  # The order's answer says why there is none.
        accepted = self._owner.handlers.accepted
        if not brokered.is_wanted and accepted is not None:
            await accepted(stream)

    async def _find(self, order: connection_pb2.Connection) -> Brokered:
        brokered = await self._named(order, _ASK_SECONDS)
        if brokered is None:
            raise Refusal("CONNECTION_NOT_FOUND", f"this instance knows nothing of {order.connection_id} any more")
        return brokered

    async def _relay(self, order: connection_pb2.Connection) -> None:
        brokered = await self._find(order)
        if brokered.is_direct_only:
            self._drop(brokered, SwitchyardError(grpc.StatusCode.ABORTED, _NOT_DIRECT))
            raise Refusal("PEER_REFUSED", _NOT_DIRECT)
        brokered.is_relayed = True
        brokered.end_attempt()
        self._leave_one_sided(brokered)
        try:
            stream = await self._relayed.open(brokered, order)
        except BaseException as error:
            self._drop(brokered, error)
            raise
        await self._hand_out(brokered, stream)

    def _leave_one_sided(self, brokered: Brokered) -> None:
        """
        Leaves a direct path of which the peer knows nothing, as another way is ordered. Raises a Refusal where `connect` has
        returned the stream over it: what the program has does not come back.
        """
        transport = brokered.transport
        if transport is None or transport.get_extra_info("path") != "direct":
            return
        had_stream = brokered.stream.done()
        if had_stream and brokered.is_wanted:
            self._drop(brokered, ConnectionError(NOT_COMMON))
            raise Refusal("PATH_FAILED", NOT_COMMON)
        brokered.leave_path(transport, NOT_COMMON)
        if had_stream:
            self._spawn(self._hand_over(brokered))

    async def _hand_out(self, brokered: Brokered, stream: PeerStream) -> None:
        await self._report(brokered, established=True, path=stream.path)
        if brokered.transport is not stream.writer.transport:
            return  # It was left meanwhile.
        if not brokered.stream.done():
            brokered.stream.set_result(stream)
        # Of a path that was found another attempt may follow, and a relayed connection stays what it is.
        brokered.spare_sockets()
        self._spawn(self._watch(brokered, stream))

    async def _watch(self, brokered: Brokered, stream: PeerStream) -> None:
        error = await stream.closed()
        if brokered.transport is stream.writer.transport:
            self._over(brokered, error)

    def _drop(self, brokered: Brokered, error: BaseException) -> None:
        """It comes to nothing."""
        brokered.fail(error)
        self._over(brokered, error)

    def _over(self, brokered: Brokered, error: Optional[BaseException]) -> None:
        """Nothing is left of it, which the server hears."""
        brokered.over()
        if self._by_id.pop(brokered.id, None) is not None:
            self._spawn(self._report(brokered, established=False, failed=error is not None))

    async def _report(self, brokered: Brokered, *, established: bool, path: str = "", failed: bool = False) -> None:
        request = network_service_pb2.ReportLinkRequest(
            peer_cvid=brokered.peer_cvid,
            link=brokered.link,
            state=network_service_pb2.LINK_STATE_ESTABLISHED if established else network_service_pb2.LINK_STATE_LOST,
            connection_id=brokered.id,
            path=_PATHS.get(path, connection_pb2.PATH_KIND_UNSPECIFIED),
            failed=failed,
        )
        try:
            await self._owner.caller.call(self._owner.caller.server.network.ReportLink, request)
        except SwitchyardError as error:
            # That it is lost the server may know already.
            if established:
                self._owner.problem(error)

    async def _named(self, order: connection_pb2.Connection, seconds: float) -> Optional[Brokered]:
        """
        The connection of an order. The order may overtake the answer to the request for it, so each request to the same peer that
        was under way when the order came is waited for.
        """
        asking = {future for future, cvid in self._asking.items() if cvid == order.peer_cvid}
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + seconds
        while order.connection_id not in self._by_id and asking and loop.time() < ends_at:
            _, asking = await asyncio.wait(asking, timeout=ends_at - loop.time(), return_when=asyncio.FIRST_COMPLETED)
            # Whoever asked goes on in the turn after the answer.
            await asyncio.sleep(0)
        return self._by_id.get(order.connection_id)

    def _name(self, brokered: Brokered, connection_id: str) -> Brokered:
        brokered.id = connection_id
        self._by_id[connection_id] = brokered
        return brokered

    def _own(self) -> PeerIdentity:
        if self._identity is None:
            self._identity = PeerIdentity()
        return self._identity

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._background.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            self._owner.problem(error)
