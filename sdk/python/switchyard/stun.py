"""STUN Binding (RFC 8489), as far as learning one's own address over TCP needs it."""
from __future__ import annotations

import asyncio
import os
import socket
from ipaddress import IPv4Address
from typing import NamedTuple, Tuple

_HEAD_BYTES = 20
_MAGIC = 0x2112A442
_REQUEST = b"\x00\x01\x00\x00" + _MAGIC.to_bytes(4, "big")
_SUCCESS = 0x0101
_XOR_MAPPED = 0x0020
_FAMILY_IPV4 = 1
# What the rendezvous answers with is smaller than this.
_BYTES_MAX = 1_024


class Place(NamedTuple):
    """An address of IPv4 and a port."""

    host: IPv4Address
    port: int


async def observe(raw: socket.socket) -> Tuple[Place, float]:
    """
    Asks the rendezvous at the other end of a connection by which address it sees this end; returns that and the seconds that it
    took. Raises a ConnectionError when the answer is none.
    """
    loop = asyncio.get_running_loop()
    transaction = os.urandom(12)
    before = loop.time()
    await loop.sock_sendall(raw, _REQUEST + transaction)
    head = await _read(raw, _HEAD_BYTES)
    length = int.from_bytes(head[2:4], "big")
    if int.from_bytes(head[:2], "big") != _SUCCESS or head[8:] != transaction or length > _BYTES_MAX:
        raise ConnectionError("the rendezvous answers with something else than STUN")
    place = mapped_address(await _read(raw, length))
    return place, loop.time() - before


def mapped_address(attributes: bytes) -> Place:
    """The address of IPv4 in XOR-MAPPED-ADDRESS. Raises a ConnectionError when there is none."""
    at = 0
    while at + 4 <= len(attributes):
        kind, length = int.from_bytes(attributes[at : at + 2], "big"), int.from_bytes(attributes[at + 2 : at + 4], "big")
        value = attributes[at + 4 : at + 4 + length]
        at += 4 + (length + 3) // 4 * 4
        if kind == _XOR_MAPPED and len(value) == length == 8 and value[1] == _FAMILY_IPV4:
            port = int.from_bytes(value[2:4], "big") ^ _MAGIC >> 16
            return Place(IPv4Address(int.from_bytes(value[4:], "big") ^ _MAGIC), port)
    raise ConnectionError("the rendezvous names no address of IPv4")


async def _read(raw: socket.socket, length: int) -> bytes:
    loop = asyncio.get_running_loop()
    came = b""
    while len(came) < length:
        part = await loop.sock_recv(raw, length - len(came))
        if not part:
            raise ConnectionError("the rendezvous has ended the connection")
        came += part
    return came
