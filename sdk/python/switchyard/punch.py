"""The sockets by which one connection can be reached directly over TCP and IPv4: docs/direct-connections.md."""
from __future__ import annotations

import asyncio
import socket
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any, List, Optional, Sequence, Set, Tuple, Union

from . import limits
from .direct_pipe import let_go
from .reach import dials, is_private, own_addresses
from .stubs import duration_of
from .stun import Place, observe
from .v1 import connection_pb2, network_service_pb2

if TYPE_CHECKING:
    from .race import Race

# The type preferences of RFC 8445, section 5.1.2.2.
_HOST_PREFERENCE = 126
_REFLEXIVE_PREFERENCE = 100
# Connections that the kernel has taken and this end has not looked at.
_BACKLOG = 16


class Puncher:
    """
    The sockets for all attempts of one connection: what was observed of them is true only for them.

    There are two ports, because a port that listens cannot be dialled from. The listening port is for peers that can reach it. The
    dialling port never listens: everything is dialled from it, and where both ends dial each other's at the same moment the two
    connections become one (simultaneous open; RFC 9293, section 3.5).
    """

    def __init__(self, listener: socket.socket, dial_port: int) -> None:
        self.dial_port = dial_port
        self.candidates: List[connection_pb2.Candidate] = []
        # The attempt of the moment: connections that come are its own.
        self.race: Optional[Race] = None
        # The round trip to the rendezvous in seconds; None: it did not answer.
        self._round_trip: Optional[float] = None
        self._listener = listener
        self._observers: List[socket.socket] = []
        self._early: List[socket.socket] = []
        addresses = own_addresses()
        self._own = [one for one in addresses if not one.ip.is_loopback and not one.ip.is_link_local]
        self._attached = [one.network for one in self._own]
        self._is_local = False
        self._accepting: Optional[asyncio.Task[None]] = None

    @classmethod
    async def open(cls, rendezvous: Sequence[Tuple[str, int]]) -> Puncher:
        """Opens the sockets and learns what others see of them. What asked for it closes it."""
        dial_port = _free_port()
        listener = _bound(0)
        puncher = cls(listener, dial_port)
        try:
            listen_port = listener.getsockname()[1]
            ports = (listen_port, puncher.dial_port)
            seen = await asyncio.gather(*(puncher._observe(rendezvous, port) for port in ports))
            # A port with an outbound connection may still begin to listen; the other way around it may not.
            listener.listen(_BACKLOG)
            puncher._gather([place for place in seen if place is not None], ports)
            puncher._accepting = asyncio.create_task(puncher._accept())
        except BaseException:
            puncher.close()
            raise
        return puncher

    def tell(self, message: Union[connection_pb2.GatherAnswer, network_service_pb2.DirectConnectionRequest]) -> None:
        """Says where this end may be reached, and how far the rendezvous is."""
        message.candidates.extend(self.candidates)
        if self._round_trip is not None:
            message.round_trip.CopyFrom(duration_of(self._round_trip))

    def dials(self, address: IPv4Address) -> bool:
        """Whether this end dials an address that the peer names."""
        return dials(address, self._attached, self._is_local)

    def take_early(self) -> List[socket.socket]:
        """Connections that came before the attempt was ordered."""
        early, self._early = self._early, []
        return _open_of(early)

    def close(self) -> None:
        """Gives everything back but a path that was handed out."""
        if self._accepting is not None:
            self._accepting.cancel()
        if self.race is not None:
            self.race.end()
        for raw in (self._listener, *self._early, *self._observers):
            let_go(raw)

    async def _observe(self, rendezvous: Sequence[Tuple[str, int]], port: int) -> Optional[Place]:
        """What the first rendezvous that answers sees of a port. The connection stays open: it holds the mapping."""
        try:
            return await asyncio.wait_for(self._observe_one(rendezvous, port), limits.GATHER_MS / 1000)
        except asyncio.TimeoutError:
            return None

    async def _observe_one(self, rendezvous: Sequence[Tuple[str, int]], port: int) -> Optional[Place]:
        for host, at in rendezvous:
            raw: Optional[socket.socket] = None
            try:
                raw = await dial(port, host, at)
                place, took = await observe(raw)
            except OSError:
                if raw is not None:
                    let_go(raw)
                continue
            except BaseException:
                if raw is not None:
                    let_go(raw)
                raise
            self._observers.append(raw)
            self._round_trip = took if self._round_trip is None else min(took, self._round_trip)
            return place
        return None

    def _gather(self, seen: Sequence[Place], ports: Sequence[int]) -> None:
        """The listening port first: to be let in is surer than to meet in the middle."""
        observed = {place.host for place in seen}
        self._is_local = any(host.is_loopback for host in observed)
        # The server's own rule, so that one address of many does not cost the whole answer.
        hosts = [one.ip for one in self._own if is_private(one.ip) or one.ip in observed]
        named: Set[Tuple[IPv4Address, int]] = set()
        rank = 0
        for host in hosts[: limits.HOST_ADDRESSES_MAX]:
            for port in ports:
                self._add(named, connection_pb2.CANDIDATE_TYPE_HOST, _HOST_PREFERENCE, rank, Place(host, port))
                rank += 1
        for rank, place in enumerate(seen):
            self._add(named, connection_pb2.CANDIDATE_TYPE_REFLEXIVE, _REFLEXIVE_PREFERENCE, rank, place)

    def _add(self, named: Set[Tuple[IPv4Address, int]], kind: Any, preference: int, rank: int, place: Place) -> None:
        if place in named or len(self.candidates) >= limits.CANDIDATES_MAX:
            return
        named.add(place)
        priority = (preference << 24) + ((0x7FFF - rank) << 8) + 255
        host, port = place
        self.candidates.append(connection_pb2.Candidate(host=str(host), port=port, type=kind, priority=priority))

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                raw, _ = await loop.sock_accept(self._listener)
            except OSError:
                if self._listener.fileno() < 0:
                    return
                # The connection was reset before it was taken, or this process has too many files open at the moment.
                await asyncio.sleep(limits.REDIAL_AFTER_MS / 1000)
                continue
            self._enter(raw)
            # The event loop's own call does not yield while connections wait.
            await asyncio.sleep(0)

    def _enter(self, raw: socket.socket) -> None:
        try:
            raw.setblocking(False)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            # It is gone already, which some systems say only here.
            raw.close()
            return
        if self.race is not None:
            self.race.enter_accepted(raw)
            return
        if len(self._early) >= limits.EARLY_MAX:
            self._early = _open_of(self._early)
        if len(self._early) >= limits.EARLY_MAX:
            # Which of them is the peer is not known: half of those that are kept came first, and half last. Reset, it dials again.
            let_go(self._early.pop(limits.EARLY_MAX // 2), reset=True)
        self._early.append(raw)


def _open_of(raws: Sequence[socket.socket]) -> List[socket.socket]:
    """Those whose other end is still there; closes the others."""
    still = []
    for raw in raws:
        if _is_open(raw):
            still.append(raw)
        else:
            let_go(raw)
    return still


def _is_open(raw: socket.socket) -> bool:
    try:
        return raw.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


async def dial(port: int, host: str, to: int) -> socket.socket:
    """Connects from a local port. Raises an OSError."""
    loop = asyncio.get_running_loop()
    places = await loop.getaddrinfo(host, to, family=socket.AF_INET, type=socket.SOCK_STREAM)
    raw = _bound(port)
    try:
        await loop.sock_connect(raw, places[0][4])
    except BaseException:
        let_go(raw)
        raise
    return raw


def _bound(port: int) -> socket.socket:
    """A socket of a local port; 0: a free one. Several sockets that do not listen may have one."""
    raw = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        raw.setblocking(False)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Frames are whole messages: one that waits for the confirmation of the one before costs up to 40 ms.
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        raw.bind(("", port))
    except BaseException:
        raw.close()
        raise
    return raw


def _free_port() -> int:
    with _bound(0) as raw:
        port: int = raw.getsockname()[1]
        return port
