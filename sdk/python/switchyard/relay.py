"""The ends of streams."""
from __future__ import annotations

import asyncio
from typing import Any, AsyncIterator, Callable, Optional

import grpc

from .errors import SwitchyardError, error_of
from .server import Caller, is_cancelling
from .v1 import stream_pb2, stream_service_pb2


class _RelayCall:
    """One Relay call: what both ends of a stream are made of."""

    def __init__(self, call: Any, opened: Any) -> None:
        self.call = call
        self.stream: stream_pb2.Stream = opened.opened.stream
        self.channel: int = opened.opened.channel
        self.confirmed_blocks: int = opened.confirmed_blocks
        self.lost_blocks: int = opened.lost_blocks

    @classmethod
    async def open(cls, caller: Caller, id: int, blocks: Optional[int]) -> _RelayCall:
        """Calls Relay as one end, once more where the caller had yet to show itself."""
        try:
            return await cls._open_once(caller, id, blocks)
        except SwitchyardError as error:
            if error.reason != "AUTH_REQUIRED" or not await caller.show():
                raise
        return await cls._open_once(caller, id, blocks)

    @classmethod
    async def _open_once(cls, caller: Caller, id: int, blocks: Optional[int]) -> _RelayCall:
        metadata = await caller.credentials()
        caller.server.check_open()
        call = caller.server.streams.Relay(metadata=caller.server.metadata(metadata))
        try:
            await _write(call, stream_service_pb2.RelayRequest(open=stream_service_pb2.RelayOpen(id=id, blocks=blocks)))
            first = await _read(call)
            if first is None or not first.HasField("opened"):
                raise SwitchyardError(grpc.StatusCode.DATA_LOSS, "Relay did not begin with `opened`")
            return cls(call, first)
        except SwitchyardError as error:
            call.cancel()
            caller.failed(error, metadata)
            raise


class RelaySource:
    """
    The end of a stream that data goes into. Nothing is repeated by itself: when the call breaks every write says so, and opening
    the stream again goes on with it, with `blocks` as docs/relay.md says.
    """

    def __init__(self, call: _RelayCall, blocks: Optional[int]) -> None:
        self._call = call.call
        # The stream as it was when this end was opened.
        self.stream = call.stream
        # Which channel of the server it is an end of: another number after a restart.
        self.channel = call.channel
        # How many blocks of the stream every sink has confirmed; only where the stream asks for delivery confirmation.
        self.confirmed_blocks = call.confirmed_blocks
        confirms = call.stream.params.delivery_confirmation
        # How many blocks of the stream were sent: those that it was opened with, and those written since.
        self.sent_blocks = call.confirmed_blocks if confirms else (blocks or 0)
        # Called with `confirmed_blocks` whenever there are more.
        self.on_confirmed: Callable[[int], None] = lambda blocks: None
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def open(cls, caller: Caller, id: int, blocks: Optional[int] = None) -> RelaySource:
        return cls(await _RelayCall.open(caller, id, blocks), blocks)

    @property
    def ended(self) -> asyncio.Future[None]:
        """Done when the call is over; its exception says why."""
        return self._listening

    async def write(self, block: bytes) -> None:
        """Sends a block of at least 1 byte; done when there is room for the next."""
        if not block:
            raise SwitchyardError(grpc.StatusCode.INVALID_ARGUMENT, "a block has at least 1 byte")
        if self._listening.done():
            self._listening.result()
            raise SwitchyardError(grpc.StatusCode.FAILED_PRECONDITION, "the data of this end is complete")
        try:
            await _write(self._call, stream_service_pb2.RelayRequest(block=block))
        except SwitchyardError:
            # The end of the call says more than a write that found it ended.
            await self._listening
            raise
        self.sent_blocks += 1

    async def finish(self) -> None:
        """Says that there is no more data; done when every sink has all of it."""
        try:
            await self._call.done_writing()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            pass  # It has ended already, and the line below says how.
        await self._listening

    def close(self) -> None:
        """Lets go at once. The stream stays, and can be opened again."""
        self._call.cancel()
        self._listening.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def _listen(self) -> None:
        while True:
            message = await _read(self._call)
            if message is None:
                return
            self.confirmed_blocks = message.confirmed_blocks
            self.on_confirmed(self.confirmed_blocks)


class RelaySink:
    """
    The end of a stream that data comes out of: `async for block in sink`, by one reader. A block counts as taken, and is
    confirmed where the stream asks for that, when the next one is asked for. The loop ends after the last block, and raises when
    the stream stops or the call breaks; opening it again goes on after what was taken.
    """

    def __init__(self, caller_call: _RelayCall) -> None:
        self._call = caller_call.call
        self.stream = caller_call.stream
        self.channel = caller_call.channel
        # How many blocks of the stream were taken, those of earlier calls and those that are lost included.
        self.taken_blocks = caller_call.confirmed_blocks
        # How many of these were lost. They are missing before the block that came last.
        self.lost_blocks = caller_call.lost_blocks
        self._is_given = False

    @classmethod
    async def open(cls, caller: Caller, branch_id: int, blocks: Optional[int] = None) -> RelaySink:
        return cls(await _RelayCall.open(caller, branch_id, blocks))

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        await self._take_last()
        while True:
            message = await _read(self._call)
            if message is None:
                raise StopAsyncIteration
            self.lost_blocks += message.lost_blocks
            self.taken_blocks += message.lost_blocks
            if message.block:
                self._is_given = True
                return bytes(message.block)

    def close(self) -> None:
        """Lets go at once. The stream stays, and can be opened again."""
        self._call.cancel()

    async def _take_last(self) -> None:
        if not self._is_given:
            return
        self._is_given = False
        self.taken_blocks += 1
        if self.stream.params.delivery_confirmation:
            try:
                await _write(self._call, stream_service_pb2.RelayRequest(confirmed_blocks=self.taken_blocks))
            except SwitchyardError:
                pass  # The call has ended, and the next read says how.


async def _write(call: Any, request: stream_service_pb2.RelayRequest) -> None:
    try:
        await call.write(request)
    except grpc.aio.AioRpcError as failure:
        raise error_of(failure) from None
    except asyncio.InvalidStateError:
        raise SwitchyardError(grpc.StatusCode.CANCELLED, "this end of the stream has ended") from None


async def _read(call: Any) -> Any:
    try:
        message = await call.read()
    except grpc.aio.AioRpcError as failure:
        raise error_of(failure) from None
    except asyncio.CancelledError:
        if call.cancelled() and not is_cancelling():
            raise SwitchyardError(grpc.StatusCode.CANCELLED, "this end of the stream was closed") from None
        raise
    return None if message is grpc.aio.EOF else message
