"""A TCP connection between the two ends, as a pipe of bytes."""
from __future__ import annotations

import asyncio
import socket
import struct
from typing import AsyncIterator

# Room for a record of TLS, and more at once.
READ_BYTES = 1 << 16
# Linger for 0 s: the connection is reset, and nothing of it lingers.
_RESET = struct.pack("ii", 1, 0)


def let_go(raw: socket.socket, *, reset: bool = False) -> None:
    """
    Closes a socket that the event loop may be waiting for. `reset`: without a trace, because what lingers would be in the way of the
    next attempt between the same two ports.
    """
    if raw.fileno() < 0:
        return
    loop = asyncio.get_running_loop()
    loop.remove_reader(raw)
    loop.remove_writer(raw)
    if reset:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    raw.close()


async def receive(raw: socket.socket, most: int) -> bytes:
    """Waits for bytes; none: the peer has ended its way. Other tasks run meanwhile also where there are bytes at once."""
    data = await asyncio.get_running_loop().sock_recv(raw, most)
    # The event loop's own call does not yield while there are bytes, and a peer can see to it that there always are.
    await asyncio.sleep(0)
    return data


async def send_all(raw: socket.socket, data: bytes) -> None:
    """Sends bytes. Other tasks run meanwhile also where the kernel takes them at once."""
    await asyncio.get_running_loop().sock_sendall(raw, data)
    await asyncio.sleep(0)


class DirectPipe:
    """What is sent is with the kernel, which outlives this process."""

    def __init__(self, raw: socket.socket) -> None:
        self._raw = raw

    async def send(self, data: bytes) -> None:
        """Sends bytes; done when more may follow."""
        try:
            await send_all(self._raw, data)
        except OSError as error:
            raise _cut(error) from None

    async def flush(self) -> None:
        """There is nothing to wait for."""

    async def finish(self) -> None:
        """There is no more."""
        try:
            self._raw.shutdown(socket.SHUT_WR)
        except OSError as error:
            raise _cut(error) from None

    async def blocks(self) -> AsyncIterator[bytes]:
        """What the peer sends, up to the end of its way. The first is empty: TLS may hold what came with the end of its agreement."""
        yield b""
        try:
            while data := await receive(self._raw, READ_BYTES):
                yield data
        except OSError as error:
            raise _cut(error) from None

    def close(self) -> None:
        """Lets go at once."""
        let_go(self._raw)


def _cut(error: OSError) -> ConnectionError:
    return ConnectionError(f"the path was cut: {error.strerror or error}")
