"""Direct paths of connections: gathers, tries to reach the peer as ordered, and hands out what was found."""
from __future__ import annotations

import hashlib
from typing import Callable, Optional, Tuple

from . import limits
from .brokered import Brokered, Places
from .direct_pipe import DirectPipe, let_go
from .lane import Lane
from .peer_stream import PeerStream
from .peer_transport import PeerTransport
from .punch import Puncher
from .race import NONCE_BYTES, Path, Race
from .secure import Channel, PeerIdentity
from .v1 import connection_pb2

NOT_COMMON = "the peer has not found the same path"
# What is spoken inside TLS on a direct path.
_SPOKEN = "switchyard-direct/3"


def places_of(rendezvous: "connection_pb2.RendezvousAddress", server_host: str) -> Places:
    """Where the rendezvous ports of an order or a session are; one without a host is at the server."""
    return tuple((place.host or server_host, place.port) for place in rendezvous)


def transport_over(brokered: Brokered, pipe: object, channel: object, *, path: str, end_to_end: bool) -> PeerTransport:
    """What carries a connection's data over a pipe."""
    extra = {
        "peer_cvid": brokered.peer_cvid,
        "connection_id": brokered.id,
        "incoming": brokered.incoming,
        "path": path,
        "end_to_end": end_to_end,
    }
    return PeerTransport(pipe, channel, extra)  # type: ignore[arg-type]


class DirectPaths:
    """Those of one instance."""

    def __init__(self, identity: Callable[[], PeerIdentity]) -> None:
        self._identity = identity

    async def punch(self, brokered: Brokered, order: connection_pb2.Connection) -> Tuple[Optional[PeerStream], bytes]:
        """Tries once to reach the peer: the stream, if it was reached, and the answer's data."""
        brokered.keep_sockets()
        if brokered.sockets is None or brokered.transport is not None or brokered.is_relayed:
            # Nothing is dialled, which leads to the relay where the caller lets it.
            return None, connection_pb2.PunchAnswer().SerializeToString()
        controlling = order.role == connection_pb2.CONNECTION_ROLE_PUNCH_CONTROLLING
        stream, answer = await self._attempt(brokered, brokered.sockets, order, controlling=controlling)
        return stream, answer.SerializeToString()

    async def dial(self, brokered: Brokered, sockets: Puncher, order: connection_pb2.Connection) -> PeerStream:
        """Dials a peer where it listens. Raises a ConnectionError when it is not reached there."""
        to = connection_pb2.Candidate(host=order.host, port=order.port, type=connection_pb2.CANDIDATE_TYPE_REFLEXIVE)
        # There is no attempt to have a nonce of; the connection's name, which both know, serves as well.
        nonce = hashlib.sha256(order.connection_id.encode("utf-8")).digest()[:NONCE_BYTES]
        attempt = connection_pb2.Connection(candidates=[to], nonce=nonce, peer_public_key=order.peer_public_key)
        stream, _ = await self._attempt(brokered, sockets, attempt, controlling=False)
        if stream is None:
            raise ConnectionError("the peer could not be reached where it listens")
        return stream

    async def upgrade(self, brokered: Brokered, order: connection_pb2.Connection) -> Tuple[Optional[Lane], bytes]:
        """
        Tries once to find a direct path for a connection that goes through the server. As the controlled end it moves to it if and
        when the peer does; the path is for the controlling end, which moves to it once its answer is made.
        """
        brokered.keep_sockets()
        transport, sockets = brokered.transport, brokered.sockets
        if transport is None or sockets is None or not transport.may_move:
            return None, connection_pb2.PunchAnswer().SerializeToString()
        controlling = order.role == connection_pb2.CONNECTION_ROLE_PUNCH_CONTROLLING
        expected = None if controlling else transport.expect(order.attempt)
        lane: Optional[Lane] = None
        try:
            path, answer = await self._race(sockets, order, controlling=controlling)
            lane = None if path is None else transport.adopt(DirectPipe(path.raw), path.channel)
            transport.is_moving = controlling and lane is not None
        finally:
            brokered.close_sockets()
            if expected is not None:
                expected.set_result(lane)
        answer.connected = lane is not None
        return lane if controlling else None, answer.SerializeToString()

    async def _race(
        self, sockets: Puncher, order: connection_pb2.Connection, *, controlling: bool
    ) -> Tuple[Optional[Path], connection_pb2.PunchAnswer]:
        def secure() -> Channel:
            return Channel(self._identity(), spoken=_SPOKEN, is_client=controlling, peer_public_key=order.peer_public_key)

        return await Race(sockets, order, controlling=controlling, secure=secure).run()

    async def _attempt(
        self, brokered: Brokered, sockets: Puncher, order: connection_pb2.Connection, *, controlling: bool
    ) -> Tuple[Optional[PeerStream], connection_pb2.PunchAnswer]:
        path, answer = await self._race(sockets, order, controlling=controlling)
        stream = None if path is None else await self._take(brokered, path, controlling=controlling)
        answer.connected = stream is not None
        return stream, answer

    async def _take(self, brokered: Brokered, path: Path, *, controlling: bool) -> Optional[PeerStream]:
        """Takes a path that an attempt has found, if the other end has found the same."""
        if brokered.is_relayed or brokered.transport is not None or brokered.stream.done():
            let_go(path.raw, reset=True)
            return None
        transport = transport_over(brokered, DirectPipe(path.raw), path.channel, path="direct", end_to_end=True)
        # From here on whatever ends the connection ends the path, too.
        brokered.transport, brokered.is_found = transport, True
        has_taken = False
        try:
            stream = await PeerStream.open(transport)
            # A confirmation may have come too late for the peer.
            is_common = controlling or await transport.heard(limits.NOMINATE_MS / 1000)
            has_taken = is_common and brokered.transport is transport and not brokered.stream.done()
        except ConnectionError:
            return None
        finally:
            if not has_taken:
                brokered.leave_path(transport, NOT_COMMON)
        return stream if has_taken else None
