"""The channels of one client, one for each server that is used: its instances share a connection to each."""
from __future__ import annotations

import asyncio
from typing import Callable, Dict, Set

import grpc

from .errors import ClosedError


class UsedChannel:
    """A channel, and how many use it."""

    def __init__(self, address: str, channel: grpc.aio.Channel) -> None:
        self.address = address
        self.channel = channel
        self.users = 0

    async def ready(self, seconds: float) -> bool:
        """Waits until a connection stands. False: it could not be made, or not in time."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + seconds
        while True:
            state = self.channel.get_state(try_to_connect=True)
            if state is grpc.ChannelConnectivity.READY:
                return True
            left = ends_at - loop.time()
            if state in (grpc.ChannelConnectivity.TRANSIENT_FAILURE, grpc.ChannelConnectivity.SHUTDOWN) or left <= 0:
                return False
            changing = asyncio.ensure_future(self.channel.wait_for_state_change(state))
            # One that is given up, or whose channel is closed meanwhile, concerns nobody.
            changing.add_done_callback(lambda done: done.cancelled() or done.exception())
            try:
                # No `wait_for`: before Python 3.12 it swallows a cancellation that comes with the result.
                await asyncio.wait({changing}, timeout=left)
            finally:
                changing.cancel()


class Channels:
    """Opens and closes them."""

    def __init__(self, make: Callable[[str], grpc.aio.Channel]) -> None:
        self._make = make
        self._open: Dict[str, UsedChannel] = {}
        # The event loop itself keeps no task alive.
        self._closing: Set[asyncio.Task[None]] = set()
        self.is_closed = False

    def use(self, address: str) -> UsedChannel:
        """The channel to a server, which is closed when all who use it have released it."""
        if self.is_closed:
            raise ClosedError
        used = self._open.get(address)
        if used is None:
            used = self._open[address] = UsedChannel(address, self._make(address))
        used.users += 1
        return used

    def share(self, used: UsedChannel) -> None:
        """A channel that is in use is used by one more, also once all are closed: calls say so."""
        used.users += 1

    def release(self, used: UsedChannel) -> None:
        """It is used by one less."""
        used.users -= 1
        if used.users > 0 or self.is_closed:
            return
        del self._open[used.address]
        closing = asyncio.ensure_future(used.channel.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Ends every call at once."""
        self.is_closed = True
        open, self._open = self._open, {}
        await asyncio.gather(*(used.channel.close() for used in open.values()), *self._closing)
