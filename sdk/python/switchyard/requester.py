"""Asks the server for connections, or joins those that peers ask for at the same time."""
from __future__ import annotations

import asyncio
from typing import Any, Callable, Dict, Optional, Tuple, Union

import grpc

from .backoff import Backoff
from .brokered import Brokered, Places
from .errors import SwitchyardError
from .peers_owner import PeersOwner
from .relayed import RELAY_VERSION
from .secure import PeerIdentity
from .server import draw_request_id
from .v1 import connection_pb2, network_service_pb2

# The server answers once the peer has accepted: its order has 10 s, and a server may restart.
ASK_SECONDS = 30.0
_IMMEDIATE = connection_pb2.CONNECTION_FALLBACK_IMMEDIATE


class ConnectionRequester:
    """
    Makes the requests of one instance. When both ends ask for each other at the same moment, the server answers both requests with
    one connection, and both go on as one. No two callers are given the same connection.
    """

    def __init__(self, owner: PeersOwner, own: Callable[[], PeerIdentity], by_id: Dict[str, Brokered]) -> None:
        self._owner = owner
        self._own = own
        self._by_id = by_id
        # Asked for, until the server has answered: by the peer that was asked for.
        self.asking: Dict[asyncio.Future[None], int] = {}

    async def ask(self, peer_cvid: int, fallback: Any, ends_at: float, upgrade_after: float) -> Brokered:
        """A connection for one caller. Raises a SwitchyardError when there is none by then."""
        backoff = Backoff(self._owner.caller.server.random)
        while True:
            mine = Brokered(peer_cvid, incoming=False, fallback=fallback)
            mine.upgrade_after = upgrade_after
            used, is_own = mine, False
            try:
                # No `wait_for`: before Python 3.12 it swallows a cancellation that comes with the result.
                async with asyncio.timeout_at(ends_at):
                    used, is_own = await self._join_or_ask(mine)
                    if not is_own:
                        await _decided(used, backoff)
            except asyncio.TimeoutError:
                raise too_late(peer_cvid) from None
            finally:
                if not is_own or used is not mine:
                    mine.over()
            if is_own:
                return used

    async def tell_places(
        self,
        brokered: Brokered,
        rendezvous: Places,
        message: Union[connection_pb2.GatherAnswer, network_service_pb2.DirectConnectionRequest],
    ) -> None:
        """Says where this end may be reached: nowhere, if no sockets can be opened and the relay serves as well."""
        try:
            sockets = await brokered.open_sockets(rendezvous)
        except ConnectionError:
            raise
        except OSError as error:
            if brokered.is_direct_only:
                raise
            self._owner.problem(error)
            return
        sockets.tell(message)

    async def _join_or_ask(self, mine: Brokered) -> Tuple[Brokered, bool]:
        """The connection that there is, and whether it is for this caller."""
        theirs = self._join(mine)
        if theirs is not None:
            return theirs, True
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.asking[answered] = mine.peer_cvid
        try:
            return await self._gather_and_ask(mine)
        finally:
            del self.asking[answered]
            answered.set_result(None)

    def _join(self, mine: Brokered) -> Optional[Brokered]:
        """
        The same connection as the peer asks for it, instead of one's own. With another fallback the server decides: it takes the
        stricter one of both for a connection that is not yet decided.
        """
        for theirs in self._by_id.values():
            if theirs.is_same(mine) and theirs.join(mine):
                return theirs
        return None

    async def _gather_and_ask(self, mine: Brokered) -> Tuple[Brokered, bool]:
        request = self._request(mine)
        if mine.fallback != _IMMEDIATE:
            await self.tell_places(mine, await self._owner.rendezvous(), request)
        # Until orders reach the instance: that is not of the time that the request has.
        await self._owner.asker.credentials()
        # Meanwhile the peer may have asked for the same.
        theirs = self._join(mine)
        if theirs is not None:
            return theirs, True
        method = self._owner.caller.server.network.DirectConnection
        answer = await self._owner.asker.call(method, request, timeout=ASK_SECONDS, retry=True)
        known = self._by_id.get(answer.request.connection_id)
        if known is not None:
            # The server knows the places that the request has named.
            return known, known.join(mine)
        mine.id = answer.request.connection_id
        self._by_id[mine.id] = mine
        return mine, True

    async def ask_again(self, brokered: Brokered) -> None:
        """Asks for an attempt at a direct path beside the relay; the order to punch comes of it."""
        request = self._request(brokered)
        request.connection_id = brokered.id
        # What was observed of earlier sockets is old.
        brokered.close_sockets()
        await self.tell_places(brokered, await self._owner.rendezvous(), request)
        method = self._owner.caller.server.network.DirectConnection
        await self._owner.asker.call(method, request, timeout=ASK_SECONDS)

    def _request(self, brokered: Brokered) -> network_service_pb2.DirectConnectionRequest:
        return network_service_pb2.DirectConnectionRequest(
            cvid=brokered.peer_cvid,
            type=brokered.link,
            public_key=self._own().public_key,
            endorsement=self._owner.endorse(self._own().public_key),
            relay_version=RELAY_VERSION,
            request_id=draw_request_id(),
            fallback=brokered.fallback,
        )


async def _decided(used: Brokered, backoff: Backoff) -> None:
    """What a caller has is not given twice: waits until asking again makes sense, as the server then makes another connection."""
    if used.stream.done():
        # It is decided here, and the server has not heard of that: the peer may still be at it.
        await asyncio.sleep(backoff.after_failure())
    else:
        await asyncio.wait({used.stream})


def too_late(peer_cvid: int) -> SwitchyardError:
    """What is raised when there is no connection in time."""
    return SwitchyardError(grpc.StatusCode.DEADLINE_EXCEEDED, f"no connection to {peer_cvid} within a minute")
