"""The addresses at which a client may find its network."""
from __future__ import annotations

from typing import Callable, Collection, Dict, List, Optional, Sequence

from . import limits


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
        """Takes what a server has told. Nothing: it knows of no addresses, and those that are known stay as they are."""
        if not servers:
            return
        for address in self._told:
            self._earlier.pop(address, None)
            self._earlier[address] = None
        for address in list(self._earlier)[: -limits.SERVERS_MAX]:
            del self._earlier[address]
        self._told = list(dict.fromkeys(servers))[: limits.SERVERS_MAX]

    def pick(self, tried: Collection[str]) -> Optional[str]:
        """An address to go to, any of the best that were not tried; None: all were."""
        for addresses in (self._told, self._given, self._earlier):
            fresh = [address for address in addresses if address not in tried]
            if fresh:
                return fresh[int(self._random() * len(fresh))]
        return None
