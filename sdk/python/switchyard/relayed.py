"""Opens the two streams by which a connection goes through the server."""
from __future__ import annotations

from typing import Awaitable, Callable

from .brokered import Brokered
from .direct import transport_over
from .peer_stream import PeerStream
from .peers_owner import PeersOwner
from .pipe import RelayPipe, UnconfirmedStream
from .plain_pipe import PlainChannel, PlainPipe
from .relay import RelaySink, RelaySource
from .secure import Channel, PeerIdentity
from .v1 import connection_pb2

# Frames inside TLS, and the order to relay says which end begins: docs/relay.md.
RELAY_VERSION = 3
# Frames inside TLS.
_SECURED_VERSION = 2
_SPOKEN = "switchyard-relay/2"


class RelayedPaths:
    """Those of one instance."""

    def __init__(self, owner: PeersOwner, identity: Callable[[], PeerIdentity]) -> None:
        self._owner = owner
        self._own = identity

    async def open(self, brokered: Brokered, order: connection_pb2.Connection) -> PeerStream:
        if order.relay_version >= _SECURED_VERSION:
            try:
                return await self._open_secured(brokered, order)
            except UnconfirmedStream:
                # A server of release 0.1.0 orders neither end to begin, so nothing was sent: both ends find the same.
                if order.controlling:
                    raise
        opening = (self._source_of(order), self._sink_of(order))
        pipe = await PlainPipe.open(*opening, is_framed=order.relay_version > 0)
        return await self._open_over(brokered, pipe, PlainChannel(), end_to_end=False)

    async def _open_secured(self, brokered: Brokered, order: connection_pb2.Connection) -> PeerStream:
        channel = Channel(
            self._own(),
            spoken=f"{_SPOKEN}/{order.connection_id}",
            is_client=await self._begins(order),
            peer_public_key=order.peer_public_key,
        )
        pipe = RelayPipe(self._source_of(order), self._sink_of(order), self._owner.caller.server.random)
        return await self._open_over(brokered, pipe, channel, end_to_end=True)

    async def _begins(self, order: connection_pb2.Connection) -> bool:
        """Whether this end begins TLS. Orders of version 2 do not say so: it is the end whose stream has the lower id."""
        if order.relay_version >= RELAY_VERSION:
            return order.controlling
        sink = await self._owner.open_sink(order.relay_branch_id, 0)
        sink.close()
        if not sink.stream.params.delivery_confirmation:
            raise UnconfirmedStream("the server has made streams without delivery confirmation for a relay that needs it")
        return order.relay_stream_id < sink.stream.id

    async def _open_over(
        self, brokered: Brokered, pipe: RelayPipe | PlainPipe, channel: Channel | PlainChannel, *, end_to_end: bool
    ) -> PeerStream:
        brokered.transport = transport_over(brokered, pipe, channel, path="relayed", end_to_end=end_to_end)
        return await PeerStream.open(brokered.transport)

    def _source_of(self, order: connection_pb2.Connection) -> Callable[[int], Awaitable[RelaySource]]:
        return lambda blocks: self._owner.open_source(order.relay_stream_id, blocks)

    def _sink_of(self, order: connection_pb2.Connection) -> Callable[[int], Awaitable[RelaySink]]:
        return lambda blocks: self._owner.open_sink(order.relay_branch_id, blocks)
