"""A connection to a peer, as asyncio's streams: a StreamReader and a StreamWriter."""
from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Optional, Type

from .peer_transport import PeerTransport


class PeerStream:
    """
    A connection to a peer. `reader` and `writer` are asyncio's own: `await reader.read(n)`, `writer.write(data)`, `await
    writer.drain()`, `writer.write_eof()`, `writer.close()`. The reader raises when the connection breaks, and ends when the peer
    has said that its data is complete. `async with` closes it, and aborts it where its block raises.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, transport: PeerTransport) -> None:
        self.reader = reader
        self.writer = writer
        self._transport = transport
        self.peer_cvid: int = transport.get_extra_info("peer_cvid")
        self.connection_id: str = transport.get_extra_info("connection_id")
        # Whether the server cannot read it. It can with a server or a peer of release 0.1.0, or a peer that speaks system events.
        self.end_to_end: bool = transport.get_extra_info("end_to_end")
        # Whether the peer has asked for it.
        self.incoming: bool = transport.get_extra_info("incoming")

    @property
    def path(self) -> str:
        """`direct`: from end to end; `relayed`: through the server, from where it may move to a direct path, and not back."""
        path: str = self._transport.get_extra_info("path")
        return path

    @classmethod
    async def open(cls, transport: PeerTransport) -> PeerStream:
        """Waits until the peer has proved its key."""
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        await transport.secured(protocol)
        return cls(reader, asyncio.StreamWriter(transport, protocol, reader, asyncio.get_running_loop()), transport)

    async def closed(self) -> Optional[BaseException]:
        """Waits for the end of the connection; None when both ways were complete."""
        return await self._transport.over()

    def abort(self) -> None:
        """Lets go at once."""
        self._transport.abort()

    async def __aenter__(self) -> PeerStream:
        return self

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], where: Optional[TracebackType]
    ) -> None:
        if kind is not None:
            # What was to be sent is not complete, and the peer must not take it for that.
            self.abort()
            return
        self.writer.close()
        await self.closed()
