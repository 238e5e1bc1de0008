"""Which addresses of IPv4 this machine has, and which of those that a peer names it dials."""
from __future__ import annotations

import socket
import struct
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Iterator, List, Sequence, Set, Tuple

# Linux's netlink: rtnetlink(7), netdevice(7).
_RTM_NEWLINK, _RTM_GETLINK = 16, 18
_RTM_NEWADDR, _RTM_GETADDR = 20, 22
_DUMP_REQUEST = 0x301
_DONE, _ERROR = 3, 2
_HEAD = struct.Struct("=IHHII")
# Family, type, index, flags, and which flags have changed.
_LINK = struct.Struct("=BxHiII")
# Family, length of the prefix, flags, scope, and the link's index.
_ADDRESS = struct.Struct("=BBBBI")
_ATTRIBUTE = struct.Struct("=HH")
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_IFF_UP, _IFF_LOOPBACK, _IFF_RUNNING = 0x1, 0x8, 0x40
_READ_BYTES = 1 << 16

_PRIVATE = tuple(IPv4Network(one) for one in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"))
_NOWHERE = tuple(IPv4Network(one) for one in ("0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4"))


def is_private(address: IPv4Address) -> bool:
    """Private (RFC 1918) and carrier-grade (RFC 6598) addresses."""
    return any(address in network for network in _PRIVATE)


def own_addresses() -> List[IPv4Interface]:
    """
    The addresses of this machine's interfaces that are up, have a carrier and are not the loopback; none where the system does not
    tell them as Linux does.
    """
    if not hasattr(socket, "AF_NETLINK"):
        return []
    try:
        links = _dump(_RTM_GETLINK, _RTM_NEWLINK, _LINK.pack(socket.AF_UNSPEC, 0, 0, 0, 0))
        carrying = {index for index, flags in map(_link_in, links) if _carries(flags)}
        addresses = _dump(_RTM_GETADDR, _RTM_NEWADDR, _ADDRESS.pack(socket.AF_INET, 0, 0, 0, 0))
        return [one for message in addresses for one in _interfaces_in(message, carrying)]
    except OSError:
        # A sandbox may refuse it: then there are no addresses of one's own to name or to dial in.
        return []


def _dump(request: int, reply: int, body: bytes) -> List[bytes]:
    """Asks the kernel for all messages of a kind."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as asking:
        asking.send(_HEAD.pack(_HEAD.size + len(body), request, _DUMP_REQUEST, 1, 0) + body)
        found: List[bytes] = []
        while True:
            data = asking.recv(_READ_BYTES)
            at = 0
            while at + _HEAD.size <= len(data):
                length, kind, _, _, _ = _HEAD.unpack_from(data, at)
                if kind in (_DONE, _ERROR) or length < _HEAD.size:
                    return found
                if kind == reply:
                    found.append(data[at + _HEAD.size : at + length])
                at += (length + 3) & ~3


def _link_in(message: bytes) -> Tuple[int, int]:
    _, _, index, flags, _ = _LINK.unpack_from(message)
    return index, flags


def _carries(flags: int) -> bool:
    return flags & (_IFF_UP | _IFF_RUNNING | _IFF_LOOPBACK) == _IFF_UP | _IFF_RUNNING


def _interfaces_in(message: bytes, carrying: Set[int]) -> Iterator[IPv4Interface]:
    _, prefix, _, _, index = _ADDRESS.unpack_from(message)
    if index not in carrying:
        return
    at = _ADDRESS.size
    values = {}
    while at + _ATTRIBUTE.size <= len(message):
        length, kind = _ATTRIBUTE.unpack_from(message, at)
        if length < _ATTRIBUTE.size:
            break
        values[kind] = message[at + _ATTRIBUTE.size : at + length]
        at += (length + 3) & ~3
    # On a link between two points IFA_ADDRESS is the other end's.
    own = values.get(_IFA_LOCAL, values.get(_IFA_ADDRESS))
    if own is not None and len(own) == 4:
        yield IPv4Interface((own, prefix))


def dials(address: IPv4Address, attached: Sequence[IPv4Network], is_local: bool) -> bool:
    """
    Whether this end dials an address that a peer names. A peer could name any: so what is private is dialled only in the networks
    that this machine is directly attached to, and loopback only where this end is reached there (`is_local`).
    """
    if any(address in network for network in _NOWHERE):
        return False
    if address.is_loopback:
        return is_local
    return not is_private(address) or any(address in network for network in attached)
