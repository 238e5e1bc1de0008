"""The addresses at which a client may find its network."""
from __future__ import annotations

import re
import socket
from typing import Callable, Collection, Dict, List, Optional, Sequence

from . import limits

# HOST:PORT or [IPV6]:PORT.
_HOST_AND_PORT = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|[^\s:\[\]/]+):([0-9]{1,5})")
# A host of such a name would be read as another kind of address by gRPC: a socket of this machine, or a name server's answer.
_SCHEMES = re.compile(r"(?:dns|ip|ipv4|ipv6|passthrough|unix|unix-abstract|vsock|xds):", re.IGNORECASE)


def _is_host_and_port(address: str) -> bool:
    """Whether what a server names is an address to go to."""
    if len(address.encode()) > limits.SERVER_BYTES_MAX or _SCHEMES.match(address):
        return False
    found = _HOST_AND_PORT.fullmatch(address)
    return found is not None and 0 < int(found[2]) < 1 << 16 and (found[1] is None or _is_ipv6(found[1]))


def _is_ipv6(host: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET6, host)
    except OSError:
        return False
    return True


class ServerList:
    """
    Those that it was given, and those that servers told it. What servers tell now comes first. Others are asked last and stay: where
    all servers have moved at once, what was told is stale, and a given address may be the only way back.
    """

    def __init__(self, given: Sequence[str], random: Callable[[], float]) -> None:
        self._given = list(dict.fromkeys(given))
        self._random = random
        self._told: List[str] = []
        # Told before, the latest last.
        self._earlier: Dict[str, None] = {}

    def __len__(self) -> int:
        return len({*self._given, *self._told, *self._earlier})

    def learn(self, servers: Sequence[str]) -> None:
        """
        Takes what a server has told, as far as it is HOST:PORT. Nothing: it knows of no addresses, and those that are known stay as
        they are.
        """
        addresses = [address for address in servers if _is_host_and_port(address)]
        if not addresses:
            return
        for address in self._told:
            self._earlier.pop(address, None)
            self._earlier[address] = None
        for address in list(self._earlier)[: -limits.SERVERS_MAX]:
            del self._earlier[address]
        self._told = list(dict.fromkeys(addresses))[: limits.SERVERS_MAX]

    def pick(self, tried: Collection[str]) -> Optional[str]:
        """An address to go to, any of the best that were not tried; None: all were."""
        for addresses in (self._told, self._given, self._earlier):
            fresh = [address for address in addresses if address not in tried]
            if fresh:
                return fresh[int(self._random() * len(fresh))]
        return None
