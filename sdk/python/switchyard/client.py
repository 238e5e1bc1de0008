"""A server, as an observer or an administrator sees it, and the place where instances come from."""
from __future__ import annotations

import asyncio
import random as random_module
from types import TracebackType
from typing import Any, AsyncIterator, Callable, Mapping, Optional, Sequence, Type, Union

from .instance import Instance, InstanceOptions
from .network import Network
from .server import Caller, Server, Tls
from .v1 import network_pb2, network_service_pb2, position_pb2, session_pb2, session_service_pb2
from .watch import OnBreak, WatchPlan, follow

DEFAULT_SERVER = "127.0.0.1:8768"
_TERMINATE_SECONDS = 60.0
_PAGE_SIZE = 500


class Switchyard:
    """
    One object is one connection to each server that it uses; as many instances and watches as needed share it. Make it within a running event loop, and close
    it, or use `async with`, which lets every instance say goodbye.
    """

    def __init__(
        self,
        # HOST:PORT; several: servers of one network, of which any one is used until it fails. Servers tell of further ones.
        server: Union[str, Sequence[str]] = DEFAULT_SERVER,
        *,
        tls: Optional[Tls] = None,
        # The network of the server to be in. None: `default`.
        network: Optional[str] = None,
        # The calls of this object, but not of its instances, are an administrator's, or the principal's of an access token.
        admin_token: Optional[str] = None,
        access_token: Optional[str] = None,
        random: Callable[[], float] = random_module.random,
    ) -> None:
        self._server = Server.to([server] if isinstance(server, str) else server, tls, random, network)
        named = {"switchyard-admin": admin_token, "switchyard-access": access_token}
        metadata = {name: value for name, value in named.items() if value is not None}

        async def credentials() -> Mapping[str, str]:
            return metadata

        self._caller = Caller(self._server, credentials)
        self._instances: set[Instance] = set()
        self._networks: set[Network] = set()

    def join(self, options: InstanceOptions) -> Instance:
        """Joins the network as an instance, which then stays on it by itself. Returns at once."""
        instance = Instance(self._server.of_instance(), options)
        self._instances.add(instance)
        instance.on("ended", lambda error: self._instances.discard(instance))
        return instance

    def watch_network(self, *, coalesce: bool = False, cvids: Sequence[int] = ()) -> Network:
        """A replica of the graph: all of it, or what touches some nodes. Keeps itself up to date until it is closed."""

        async def now() -> position_pb2.Position:
            # The cheapest call that answers with a position.
            request = session_service_pb2.ListSessionsRequest(page_size=1)
            return (await self._caller.call(self._server.sessions.ListSessions, request, retry=True)).position

        def deltas(on_break: OnBreak) -> AsyncIterator[Any]:
            return self.watch_network_delta(coalesce=coalesce, cvids=cvids, on_break=on_break)

        network = Network(deltas, now)
        self._networks.add(network)
        network.on("ended", lambda error: self._networks.discard(network))
        return network

    def watch_network_delta(
        self,
        *,
        after: Optional[position_pb2.Position] = None,
        coalesce: bool = False,
        cvids: Sequence[int] = (),
        on_break: Optional[OnBreak] = None,
    ) -> AsyncIterator[network_service_pb2.WatchNetworkDeltaResponse]:
        """The server's messages as they are, over every break; from the beginning, or past a position that was told before."""
        # Filtered and coalesced watches leave revisions out, so there a gap means nothing.
        is_whole = not coalesce and not cvids
        plan = WatchPlan(
            method=self._server.network.WatchNetworkDelta,
            request=lambda position: network_service_pb2.WatchNetworkDeltaRequest(
                after=position, coalesce=coalesce, cvids=cvids
            ),
            reset=lambda: network_service_pb2.WatchNetworkDeltaResponse(kind=network_pb2.WATCH_KIND_RESET),
            has_snapshot=True,
            revisions=(lambda message: len(message.deltas)) if is_whole else None,
        )
        return follow(self._caller, plan, after, on_break)

    def watch_endpoint_closed(
        self,
        *,
        after: Optional[position_pb2.Position] = None,
        cvids: Sequence[int] = (),
        on_break: Optional[OnBreak] = None,
    ) -> AsyncIterator[network_service_pb2.WatchEndpointClosedResponse]:
        """
        The sessions that end, over every break; past a position that was told before, or from now on. Begins with a BOOKMARK at
        the position from which it listens: what ended before is not told.
        """
        plan = WatchPlan(
            method=self._server.network.WatchEndpointClosed,
            request=lambda position: network_service_pb2.WatchEndpointClosedRequest(after=position, cvids=cvids),
            reset=lambda: network_service_pb2.WatchEndpointClosedResponse(kind=network_pb2.WATCH_KIND_RESET),
            has_snapshot=False,
        )
        return follow(self._caller, plan, after, on_break)

    async def get_node(self, cvid: int, *, timeout: Optional[float] = None) -> network_pb2.Node:
        """Reads a node with its links."""
        request = network_service_pb2.GetNodeRequest(cvid=cvid)
        return (await self._caller.call(self._server.network.GetNode, request, timeout=timeout)).node

    async def get_session(self, cvid: int, *, timeout: Optional[float] = None) -> session_pb2.Session:
        """Reads a session."""
        request = session_service_pb2.GetSessionRequest(cvid=cvid)
        return (await self._caller.call(self._server.sessions.GetSession, request, timeout=timeout)).session

    async def list_sessions(self) -> AsyncIterator[session_pb2.Session]:
        """Every session, page by page."""
        token = ""
        while True:
            request = session_service_pb2.ListSessionsRequest(page_size=_PAGE_SIZE, page_token=token)
            page = await self._caller.call(self._server.sessions.ListSessions, request)
            for session in page.sessions:
                yield session
            token = page.next_page_token
            if not token:
                return

    async def terminate_session(self, cvid: int, reason: str) -> None:
        """Ends another's session, as an administrator: returns once it has ended."""
        request = session_service_pb2.TerminateSessionRequest(cvid=cvid, reason=reason)
        await self._caller.call(self._server.sessions.TerminateSession, request, timeout=_TERMINATE_SECONDS)

    async def close(self) -> None:
        """Lets every instance say goodbye, then ends every call and watch."""
        await asyncio.gather(*(instance.leave() for instance in list(self._instances)))
        await asyncio.gather(*(network.close() for network in list(self._networks)))
        await self._server.close()

    async def __aenter__(self) -> Switchyard:
        return self

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], where: Optional[TracebackType]
    ) -> None:
        await self.close()
