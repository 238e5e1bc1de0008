"""Two streams through the server as one pipe: bytes in order, each once, over broken calls and restarts of the server."""
from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, AsyncIterator, Awaitable, Callable, Deque, Optional, TypeVar

from . import limits
from .backoff import Backoff
from .errors import SwitchyardError
from .lifecycle import Event, event_of, is_of_month
from .relay import RelaySink, RelaySource

End = TypeVar("End", RelaySource, RelaySink)


class UnconfirmedStream(ConnectionError):
    """A stream without delivery confirmation would lose with each broken call what was on its way."""


class RelayPipe:
    """What is sent is kept until the peer has confirmed it, and repeated on the next call. Both streams ask for confirmation."""

    def __init__(
        self,
        open_source: Callable[[int], Awaitable[RelaySource]],
        open_sink: Callable[[int], Awaitable[RelaySink]],
        random: Callable[[], float],
    ) -> None:
        self._open_source = open_source
        self._open_sink = open_sink
        self._random = random
        self._loop = asyncio.get_running_loop()
        self._kept: Deque[bytes] = deque()
        self._kept_bytes = 0
        self._confirmed = 0
        self._is_complete = False
        self._error: Optional[BaseException] = None
        self._changed = asyncio.Event()
        self._source: Optional[RelaySource] = None
        self._sink: Optional[RelaySink] = None
        self._sending = asyncio.create_task(self._send())
        self._sending.add_done_callback(self._sent)

    async def send(self, data: bytes) -> None:
        """Takes bytes; done when more may follow."""
        for at in range(0, len(data), limits.RELAY_BLOCK_BYTES):
            while self._kept_bytes >= limits.RELAY_KEPT_BYTES and self._error is None:
                await self._change()
            self._check()
            block = data[at : at + limits.RELAY_BLOCK_BYTES]
            self._kept.append(block)
            self._kept_bytes += len(block)
            self._stir()

    async def flush(self) -> None:
        """Done when the peer has confirmed everything that was sent."""
        until = self._confirmed + len(self._kept)
        while self._confirmed < until:
            self._check()
            await self._change()

    async def finish(self) -> None:
        """There is no more; done when the peer has it all and was told so."""
        self._is_complete = True
        self._stir()
        await asyncio.shield(self._sending)

    async def blocks(self) -> AsyncIterator[bytes]:
        """What the peer sends, up to the end of its stream."""
        backoff = Backoff(self._random)
        taken, failure = 0, None
        while True:
            self._sink = sink = await self._open_again(lambda: self._open_sink(taken), backoff, failure)
            if sink.lost_blocks:
                raise ConnectionError(f"the server has lost {sink.lost_blocks} blocks of what the peer sent")
            since = self._loop.time()
            try:
                async for block in sink:
                    yield block
                return
            except SwitchyardError as error:
                taken, failure = sink.taken_blocks, error
                backoff.stood(self._loop.time() - since)

    def close(self) -> None:
        """Lets go of both streams at once."""
        self._sending.cancel()
        for end in (self._source, self._sink):
            if end is not None:
                end.close()

    async def _send(self) -> None:
        backoff = Backoff(self._random)
        failure: Optional[SwitchyardError] = None
        while True:
            source = await self._open_again(lambda: self._open_source(self._confirmed), backoff, failure)
            self._source = source
            source.on_confirmed = self._let_go
            self._let_go(source.confirmed_blocks)
            since = self._loop.time()
            try:
                await self._send_on(source)
                return
            except SwitchyardError as error:
                failure = error
                backoff.stood(self._loop.time() - since)
                source.close()

    async def _send_on(self, source: RelaySource) -> None:
        """Sends what is kept, and what comes, on one call; done when all of it is complete."""
        ended = source.ended
        ended.add_done_callback(lambda _: self._stir())
        while not ended.done():
            at = source.sent_blocks - self._confirmed
            if at < 0:
                raise ConnectionError(f"the server asks for block {source.sent_blocks} again, which it had confirmed")
            if at < len(self._kept):
                await source.write(self._kept[at])
            elif self._is_complete:
                await source.finish()
                return
            else:
                await self._change()
        ended.result()
        raise ConnectionError("the server has ended the call of a source that had not finished")

    async def _open_again(self, open: Callable[[], Awaitable[End]], backoff: Backoff, failure: Optional[SwitchyardError]) -> End:
        """Opens an end, and again when the server was away; what time does not heal is raised."""
        ends_at = self._loop.time() + limits.RELAY_REOPEN_MS / 1000
        while True:
            if failure is not None:
                if event_of(failure) is not Event.BROKE or is_of_month(failure) or self._loop.time() > ends_at:
                    raise failure
                await asyncio.sleep(min(limits.RELAY_REOPEN_WAIT_MS / 1000, backoff.after_failure(failure.retry_after)))
            try:
                end = await open()
            except SwitchyardError as error:
                failure = error
                continue
            if end.stream.params.delivery_confirmation:
                return end
            end.close()
            raise UnconfirmedStream("the server has made streams without delivery confirmation for a relay that needs it")

    def _let_go(self, confirmed: int) -> None:
        while self._confirmed < confirmed and self._kept:
            self._kept_bytes -= len(self._kept.popleft())
            self._confirmed += 1
        self._stir()

    def _sent(self, task: asyncio.Task[Any]) -> None:
        self._error = ConnectionError("this end of the path was closed") if task.cancelled() else task.exception()
        self._stir()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _stir(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _change(self) -> None:
        await self._changed.wait()
