"""The tries of a caller to move what goes through the server to a direct path."""
from __future__ import annotations

import asyncio
from typing import Awaitable, Callable

from . import limits
from .brokered import Brokered
from .errors import SwitchyardError
from .v1 import connection_pb2


async def seek_direct(brokered: Brokered, ask: Callable[[Brokered], Awaitable[None]], random: Callable[[], float]) -> None:
    """
    Asks for an attempt at once, and again after waits that double, until the connection has moved, is over, or the bound is
    reached. Where attempts came before the relay it waits first: they have just failed, and the server takes no request before both
    ends have answered the order to relay. A try that fails costs nothing but itself: what came of it is in the connection's record.
    """
    transport = brokered.transport
    loop = asyncio.get_running_loop()
    busy_until = 0.0
    waits_first = brokered.fallback != connection_pb2.CONNECTION_FALLBACK_IMMEDIATE
    for tries in range(limits.UPGRADES_MAX):
        if transport is None or not transport.may_move:
            return
        # Another attempt would close the sockets of one that is under way, and at the peer the path that this end moves to.
        is_due = tries > 0 or not waits_first
        if is_due and not transport.is_moving and (brokered.sockets is None or loop.time() >= busy_until):
            busy_until = loop.time() + limits.UPGRADE_TAKES_MS / 1000
            try:
                await ask(brokered)
            except (SwitchyardError, OSError):
                brokered.close_sockets()
        # Up to a quarter more, so that many connections that fell back at one moment do not try at one moment.
        window = min(limits.UPGRADE_MAX_MS / 1000, brokered.upgrade_after * 2**tries)
        try:
            await asyncio.wait_for(transport.over(), window * (1 + random() / 4))
        except asyncio.TimeoutError:
            pass
