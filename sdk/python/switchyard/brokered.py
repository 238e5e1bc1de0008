"""One connection to a peer, from the request to its stream."""
from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any, Optional, Sequence, Tuple

from . import limits
from .peer_transport import PeerTransport
from .punch import Puncher
from .v1 import connection_pb2, link_pb2

if TYPE_CHECKING:
    from .peer_stream import PeerStream

_IMMEDIATE = connection_pb2.CONNECTION_FALLBACK_IMMEDIATE
# Where rendezvous ports are: host and port of each.
Places = Sequence[Tuple[str, int]]


class Brokered:
    """What this end knows of a connection."""

    def __init__(
        self, peer_cvid: int, *, incoming: bool, link: Any = link_pb2.LINK_TYPE_TRANSPORT_TCP, fallback: Any = _IMMEDIATE
    ) -> None:
        self.id = ""
        self.peer_cvid = peer_cvid
        self.incoming = incoming
        self.link = link
        # As it was asked for.
        self.fallback = fallback
        # An end has asked for a connection that never goes through the server.
        self.is_direct_only = fallback == connection_pb2.CONNECTION_FALLBACK_NONE
        # Whether this end asks for it itself: then it gets the stream, also of a connection that the peer asked for first.
        self.is_wanted = not incoming
        # The relay was ordered: later orders are about a direct path, which the connection may move to.
        self.is_relayed = False
        # The path that it stands on was found by an attempt, or by dialling: the peer may not have it.
        self.is_found = False
        # The last attempt that this end has answered, and with what; and whether the peer was dialled.
        self.answered: Tuple[int, bytes] = (0, b"")
        self.is_dialled = False
        # Before the second try to move from the relay to a direct path, in seconds; infinite: none is made.
        self.upgrade_after = math.inf
        self.transport: Optional[PeerTransport] = None
        self.stream = _stream_to_come()
        # Held by a report to the server until that has it, so that none overtakes the one before.
        self.reporting = asyncio.Lock()
        # The last one that was sent.
        self.report: Optional[asyncio.Future[Any]] = None
        # The sockets of a direct path, once they are open.
        self.sockets: Optional[Puncher] = None
        self._is_over = False
        self._sparing: Optional[asyncio.TimerHandle] = None

    def is_same(self, other: Brokered) -> bool:
        """Whether both are to the same peer, over the same kind of link, and with the same fallback."""
        return (self.peer_cvid, self.link, self.fallback) == (other.peer_cvid, other.link, other.fallback)

    def join(self, mine: Brokered) -> bool:
        """Whether a request of this end's own goes on as this connection, which the peer has asked for: at most one may."""
        if not self.incoming or self.is_wanted or self.stream.done():
            return False
        self.is_wanted = True
        self.is_direct_only |= mine.is_direct_only
        self.upgrade_after = mine.upgrade_after
        self.take_sockets(mine)
        return True

    async def open_sockets(self, rendezvous: Places) -> Puncher:
        """Opens the sockets of a direct path, once. Raises a ConnectionError when it was given up meanwhile."""
        if self.sockets is not None:
            return self.sockets
        opened = await Puncher.open(rendezvous)
        if self._is_over or self.sockets is not None:
            opened.close()
        if self._is_over:
            raise ConnectionError("the connection was given up")
        if self.sockets is None:
            self.sockets = opened
        return self.sockets

    def take_sockets(self, other: Brokered) -> None:
        """Takes the sockets of a request for the same connection, unless it has named those of its own."""
        if self.sockets is None and not self._is_over:
            self.sockets, other.sockets = other.sockets, None

    def spare_sockets(self) -> None:
        """Closes them in a while: another attempt is ordered by then, should the peer not have found the same path."""
        self.keep_sockets()
        self._sparing = asyncio.get_running_loop().call_later(limits.SPARE_MS / 1000, self.close_sockets)

    def keep_sockets(self) -> None:
        """Closes them later than was said: an attempt needs them."""
        if self._sparing is not None:
            self._sparing.cancel()
            self._sparing = None

    def end_attempt(self) -> None:
        """Gives up an attempt that is under way: its answer is that there is no path."""
        if self.sockets is not None and self.sockets.race is not None:
            self.sockets.race.end()

    def leave_path(self, transport: PeerTransport, why: str) -> None:
        """Ends what would have carried it. Where the program had a stream over it, the next one is for a program that takes it anew."""
        if self.transport is transport:
            self.transport, self.is_found = None, False
            if self.stream.done() and not self._is_over:
                self.stream = _stream_to_come()
        transport.fail(ConnectionError(why))

    def stands_on(self, transport: PeerTransport) -> bool:
        """Whether it goes, or will go, over this: false once it is over or another way was ordered."""
        return self.transport is transport and not self._is_over

    def over(self) -> None:
        """Nothing is left of it but its stream. What is being reported of it is given up in a while, as its loss is reported next."""
        if not self._is_over and self.report is not None:
            asyncio.get_running_loop().call_later(limits.REPORTED_BEFORE_LOSS_MS / 1000, self.report.cancel)
        self._is_over = True
        self.close_sockets()

    def fail(self, error: BaseException) -> None:
        """It comes to nothing, or has ended."""
        self.over()
        if not self.stream.done():
            self.stream.set_exception(error)
        if self.transport is not None:
            self.transport.fail(error)

    def close_sockets(self) -> None:
        """Gives them back; an attempt on them ends."""
        self.keep_sockets()
        if self.sockets is not None:
            self.sockets.close()
            self.sockets = None


def _stream_to_come() -> asyncio.Future[PeerStream]:
    stream: asyncio.Future[PeerStream] = asyncio.get_running_loop().create_future()
    stream.add_done_callback(lambda future: future.cancelled() or future.exception())
    return stream
