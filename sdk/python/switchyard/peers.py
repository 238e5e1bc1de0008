"""The connections of an instance to its peers: those that it asks for, and those that it is ordered."""
from __future__ import annotations

import asyncio
import functools
import math
from contextlib import contextmanager
from typing import Iterator, Optional

import grpc

from . import limits
from .background import Background
from .brokered import Brokered, Places
from .direct import NOT_COMMON, DirectPaths, places_of
from .errors import Refusal, SwitchyardError
from .path_report import is_punching, report_loss, report_path
from .peer_stream import PeerStream
from .peer_transport import PeerTransport
from .peers_owner import PeersOwner
from .punch import Puncher
from .relayed import RELAY_VERSION, RelayedPaths
from .requester import ASK_SECONDS, ConnectionRequester, too_late
from .secure import PeerIdentity
from .upgrade import seek_direct
from .v1 import connection_pb2, error_pb2, link_pb2, session_pb2

_TCP = link_pb2.LINK_TYPE_TRANSPORT_TCP
_IMMEDIATE = connection_pb2.CONNECTION_FALLBACK_IMMEDIATE
_FALLBACKS = {
    "immediate": _IMMEDIATE,
    "late": connection_pb2.CONNECTION_FALLBACK_LATE,
    "none": connection_pb2.CONNECTION_FALLBACK_NONE,
}
_NOT_DIRECT = "the connection goes through the server, which fallback none rules out"
_CROSSING_SECONDS = 3.0
_PUNCHES = (connection_pb2.CONNECTION_ROLE_PUNCH_CONTROLLING, connection_pb2.CONNECTION_ROLE_PUNCH_CONTROLLED)


class Peers:
    """
    Connections are direct or go through the server, from where they may move to a direct path; they are encrypted between the ends
    where both and the server are of 0.2.0 or newer. When both ends ask for each other at the same moment, the server answers both requests with one
    connection, and both go on as one.
    """

    def __init__(self, owner: PeersOwner) -> None:
        self._owner = owner
        # The key of this end's connections, made when it is first needed.
        self._own = functools.cache(PeerIdentity)
        self._paths = DirectPaths(self._own)
        self._relayed = RelayedPaths(owner, self._own)
        self._by_id: dict[str, Brokered] = {}
        self._requester = ConnectionRequester(owner, self._own, self._by_id)
        self._background = Background(owner.problem)

    async def connect(self, peer_cvid: int, fallback: str, upgrade_after: float = math.inf) -> PeerStream:
        """Asks for a connection, and waits until the peer has proved its key."""
        if not upgrade_after > 0:
            raise ValueError(f"upgrade_after is a number of seconds above 0, not {upgrade_after!r}")
        if fallback not in _FALLBACKS:
            raise ValueError(f"fallback is one of {', '.join(_FALLBACKS)}, not {fallback!r}")
        ends_at = asyncio.get_running_loop().time() + limits.PEER_CONNECT_MS / 1000
        brokered = await self._requester.ask(peer_cvid, _FALLBACKS[fallback], ends_at, upgrade_after)
        try:
            left = ends_at - asyncio.get_running_loop().time()
            stream = await asyncio.wait_for(asyncio.shield(brokered.stream), left)
            if fallback == "none" and stream.path != "direct":
                raise SwitchyardError(grpc.StatusCode.ABORTED, _NOT_DIRECT)
            return stream
        except BaseException as error:
            if isinstance(error, asyncio.TimeoutError):
                error = too_late(peer_cvid)
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

    async def _gather(self, order: connection_pb2.Connection) -> bytes:
        brokered = await self._named(order, _CROSSING_SECONDS) or await self._accept(order)
        answer = self._gathered(relay_version=RELAY_VERSION)
        # Where the relay comes first it needs no addresses.
        if order.fallback != _IMMEDIATE and order.type == _TCP:
            places = places_of(order.rendezvous, self._owner.caller.server.host)
            if brokered.is_relayed:
                await self._gather_again(brokered, places, answer)
            else:
                with self._forgotten_if_refused(brokered):
                    await self._requester.tell_places(brokered, places, answer)
        return answer.SerializeToString()

    async def _gather_again(self, brokered: Brokered, places: Places, answer: connection_pb2.GatherAnswer) -> None:
        """For an attempt beside the relay, which stands whatever comes of it. What was observed of earlier sockets is old."""
        if brokered.transport is None or not brokered.transport.may_move:
            raise Refusal("UNIMPLEMENTED", "an end of this connection cannot move to another path")
        brokered.close_sockets()
        await self._requester.tell_places(brokered, places, answer)

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
            brokered = Brokered(order.peer_cvid, incoming=True, link=order.type, fallback=order.fallback)
            brokered.id = order.connection_id
            self._by_id[brokered.id] = brokered
            self._background.spawn(self._hand_over(brokered))
        return brokered

    async def _punch(self, order: connection_pb2.Connection) -> bytes:
        brokered = await self._find(order)
        attempt, answer = brokered.answered
        # Otherwise it is given again, after the answer was forgotten. They are numbered from 1.
        if attempt != order.attempt or attempt == 0:
            answer = await self._attempt(brokered, order)
            brokered.answered = (order.attempt, answer)
        return answer

    async def _attempt(self, brokered: Brokered, order: connection_pb2.Connection) -> bytes:
        if brokered.is_relayed:
            lane, answer = await self._paths.upgrade(brokered, order)
            if lane is not None and brokered.transport is not None:
                self._background.spawn(brokered.transport.move(order.attempt, lane))
            return answer
        self._leave_one_sided(brokered)
        stream, answer = await self._paths.punch(brokered, order)
        if stream is not None:
            # Before the answer: after it the server may have begun the next attempt, and take the report for one of that.
            await self._tell_path(brokered, stream)
            # The end that controls cannot know whether the peer has the path, too.
            may_be_alone = order.role == connection_pb2.CONNECTION_ROLE_PUNCH_CONTROLLING
            self._background.spawn(self._give(brokered, stream, may_be_alone=may_be_alone))
        return answer

    async def _dial(self, order: connection_pb2.Connection) -> bytes:
        """The peer listens: dials it. The answer goes out before, as the peer lets in only the key that it brings."""
        if not order.peer_public_key:
            raise Refusal("UNIMPLEMENTED", "a caller without a key is not dialled")
        brokered = self._by_id.get(order.connection_id) or await self._accept(order)
        if brokered.is_dialled:
            return self._gathered().SerializeToString()  # Given again, after the answer was forgotten.
        brokered.is_dialled = True
        # Loopback is dialled only by an end that is seen there itself, which the rendezvous says.
        with self._forgotten_if_refused(brokered):
            sockets = await brokered.open_sockets(await self._owner.rendezvous())
        self._background.spawn(self._dial_listener(brokered, sockets, order))
        return self._gathered().SerializeToString()

    async def _dial_listener(self, brokered: Brokered, sockets: Puncher, order: connection_pb2.Connection) -> None:
        try:
            stream = await self._paths.dial(brokered, sockets, order)
        except BaseException as error:
            self._drop(brokered, error)
            if isinstance(error, ConnectionError):
                return  # It is over, as the server hears.
            raise
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
        brokered = await self._named(order, ASK_SECONDS)
        if brokered is None:
            raise Refusal("CONNECTION_NOT_FOUND", f"this instance knows nothing of {order.connection_id} any more")
        return brokered

    async def _relay(self, order: connection_pb2.Connection) -> None:
        brokered = await self._find(order)
        if brokered.is_direct_only:
            self._drop(brokered, SwitchyardError(grpc.StatusCode.ABORTED, _NOT_DIRECT))
            raise Refusal("PEER_REFUSED", _NOT_DIRECT)
        if brokered.is_relayed and (brokered.transport is not None or brokered.stream.done()):
            return  # Given again, after the answer was forgotten.
        brokered.is_relayed = True
        brokered.end_attempt()
        self._leave_one_sided(brokered)
        try:
            stream = await self._relayed.open(brokered, order)
        except BaseException as error:
            self._drop(brokered, error)
            raise
        stream.writer.transport.on_moved = lambda: self._background.spawn(self._tell_moved(brokered))  # type: ignore[attr-defined]
        await self._hand_out(brokered, stream)
        is_caller = order.controlling if order.relay_version >= RELAY_VERSION else not brokered.incoming
        if is_caller and brokered.link == _TCP and brokered.upgrade_after < math.inf:
            random = self._owner.caller.server.random
            self._background.spawn(seek_direct(brokered, self._requester.ask_again, random))

    async def _tell_moved(self, brokered: Brokered) -> None:
        """The server hears of the direct path, after it has heard of the relayed one."""
        await asyncio.wait({brokered.stream})
        # One that is over by now was reported as lost.
        if brokered.transport is not None and self._by_id.get(brokered.id) is brokered:
            await report_path(self._owner, brokered, brokered.transport, brokered.transport.get_extra_info("path"))

    def _leave_one_sided(self, brokered: Brokered) -> None:
        """
        Leaves a direct path of which the peer knows nothing, as another way is ordered. Raises a Refusal where `connect` has
        returned the stream over it: what the program has does not come back.
        """
        transport = brokered.transport
        if transport is None or not brokered.is_found:
            return
        had_stream = brokered.stream.done()
        if had_stream and brokered.is_wanted:
            self._drop(brokered, ConnectionError(NOT_COMMON))
            raise Refusal("PATH_FAILED", NOT_COMMON)
        brokered.leave_path(transport, NOT_COMMON)
        if had_stream:
            self._background.spawn(self._hand_over(brokered))

    async def _hand_out(self, brokered: Brokered, stream: PeerStream) -> None:
        await self._tell_path(brokered, stream)
        await self._give(brokered, stream)

    async def _tell_path(self, brokered: Brokered, stream: PeerStream) -> None:
        """The server hears of the path before the program has it, unless it is away for long."""
        transport: PeerTransport = stream.writer.transport  # type: ignore[assignment]
        telling = self._background.spawn(report_path(self._owner, brokered, transport, stream.path))
        await asyncio.wait({telling}, timeout=limits.REPORTED_MS / 1000)

    async def _give(self, brokered: Brokered, stream: PeerStream, *, may_be_alone: bool = False) -> None:
        if may_be_alone:
            await self._decided(brokered, stream)
        if brokered.transport is not stream.writer.transport:
            return  # It was left meanwhile.
        if not brokered.stream.done():
            brokered.stream.set_result(stream)
        # Of a path that was found another attempt may follow, and a relayed connection stays what it is.
        brokered.spare_sockets()
        self._background.spawn(self._watch(brokered, stream))

    async def _decided(self, brokered: Brokered, stream: PeerStream) -> None:
        """
        Waits until the server has heard of the path from both ends. A path that ends before is left, and another one, or the relay, is
        ordered: a report of its loss would end the connection.
        """
        closed = asyncio.create_task(stream.closed())
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + limits.SPARE_MS / 1000
        rest = limits.DECIDED_FIRST_MS
        while await is_punching(self._owner, brokered, ends_at - loop.time()) and loop.time() < ends_at:
            if brokered.transport is not stream.writer.transport:
                break  # Another way was ordered.
            if closed.done():
                brokered.leave_path(stream.writer.transport, NOT_COMMON)  # type: ignore[arg-type]
                break
            await asyncio.wait({closed}, timeout=rest / 1000)
            rest = min(2 * rest, limits.DECIDED_RETRY_MS)
        closed.cancel()

    async def _watch(self, brokered: Brokered, stream: PeerStream) -> None:
        error = await stream.closed()
        if brokered.transport is stream.writer.transport:
            self._over(brokered, error)

    @contextmanager
    def _forgotten_if_refused(self, brokered: Brokered) -> Iterator[None]:
        """Nothing is left of a connection whose order is refused, which ends it at the server, too."""
        try:
            yield
        except BaseException as error:
            brokered.fail(_as_exception(error))
            self._by_id.pop(brokered.id, None)
            raise

    def _drop(self, brokered: Brokered, error: BaseException) -> None:
        """It comes to nothing."""
        error = _as_exception(error)
        brokered.fail(error)
        self._over(brokered, error)

    def _over(self, brokered: Brokered, error: Optional[BaseException]) -> None:
        """Nothing is left of it, which the server hears."""
        brokered.over()
        if self._by_id.pop(brokered.id, None) is not None:
            self._background.spawn(report_loss(self._owner, brokered, failed=error is not None))

    async def _named(self, order: connection_pb2.Connection, seconds: float) -> Optional[Brokered]:
        """
        The connection of an order. The order may overtake the answer to the request for it, so each request to the same peer that
        was under way when the order came is waited for.
        """
        asking = {future for future, cvid in self._requester.asking.items() if cvid == order.peer_cvid}
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + seconds
        while order.connection_id not in self._by_id and asking and loop.time() < ends_at:
            _, asking = await asyncio.wait(asking, timeout=ends_at - loop.time(), return_when=asyncio.FIRST_COMPLETED)
            # Whoever asked goes on in the turn after the answer.
            await asyncio.sleep(0)
        return self._by_id.get(order.connection_id)


def _as_exception(error: BaseException) -> Exception:
    """What a waiting program is given: a task of its own was not cancelled."""
    return error if isinstance(error, Exception) else ConnectionError("the connection was given up")
