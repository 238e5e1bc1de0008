"""Watches that go on by themselves over every break."""
from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, AsyncIterator, Callable, Optional

import grpc

from . import limits
from .backoff import Backoff
from .errors import ClosedError, SwitchyardError
from .lifecycle import WatchMeaning, meaning_for_watch
from .server import Caller, read_next
from .v1 import network_pb2, position_pb2

OnBreak = Callable[[SwitchyardError, float], None]


@dataclass(frozen=True)
class WatchPlan:
    """One kind of watch: how it is asked for, and what its messages mean."""

    # The stub's method, and the request that continues past a position, or begins.
    method: Any
    request: Callable[[Optional[position_pb2.Position]], Any]
    # The RESET that the client itself says when it has to begin again.
    reset: Callable[[], Any]
    # Whether a beginning is a snapshot.
    has_snapshot: bool
    # How many revisions a DELTA covers, where messages tell: then a missing revision is noticed.
    revisions: Optional[Callable[[Any], int]] = None


async def follow(
    caller: Caller, plan: WatchPlan, after: Optional[position_pb2.Position], on_break: Optional[OnBreak]
) -> AsyncIterator[Any]:
    """
    The server's messages as they are, over every break. After one it continues past the last position; where that is not
    possible it begins again, and says so with a RESET that has no position. A reader that takes its time pauses the call.
    """
    loop = asyncio.get_running_loop()
    backoff = Backoff(caller.server.random)
    has_told = after is not None
    has_shown = False
    while True:
        since = loop.time()
        metadata = await caller.credentials()
        caller.server.check_open()
        call = plan.method(plan.request(after), metadata=caller.server.metadata(metadata))
        try:
            while True:
                message = await read_next(call, limits.WATCH_SILENCE_MS)
                if message is None:
                    raise SwitchyardError(grpc.StatusCode.UNAVAILABLE, "the server ended the watch without a reason")
                has_shown = False
                _refuse_broken(plan, after, message)
                after = _position_after(plan, message)
                has_told = True
                yield message
        except SwitchyardError as failure:
            error = failure
        finally:
            call.cancel()
        if error.reason == "AUTH_REQUIRED" and not has_shown:
            has_shown = True
            if await caller.show():
                continue
        begins_again = caller.failed(error, metadata)
        meaning = meaning_for_watch(error)
        if isinstance(error, ClosedError):
            raise error
        if meaning is WatchMeaning.ENDS and not begins_again:
            raise error
        if begins_again or meaning is WatchMeaning.BEGINS_AGAIN:
            after = None
        backoff.stood(loop.time() - since)
        delay = 0.0 if caller.server.move_on(error) else backoff.after_failure(error.retry_after)
        if on_break is not None:
            on_break(error, delay)
        await asyncio.sleep(delay)
        if after is None and has_told:
            # Once: the next tries may fail as well, and nothing was told since.
            has_told = False
            yield plan.reset()


def _position_after(plan: WatchPlan, message: Any) -> Optional[position_pb2.Position]:
    """Where to continue when the watch breaks after this message; None: only from the beginning."""
    if message.kind == network_pb2.WATCH_KIND_SNAPSHOT:
        return None
    if message.kind == network_pb2.WATCH_KIND_RESET and plan.has_snapshot:
        return None
    return message.position if message.HasField("position") else None


def _refuse_broken(plan: WatchPlan, after: Optional[position_pb2.Position], message: Any) -> None:
    """The server promises a whole snapshot and then every revision, once, in order. A broken promise is not passed on."""
    if message.kind in (network_pb2.WATCH_KIND_SNAPSHOT, network_pb2.WATCH_KIND_RESET):
        return
    if not message.HasField("position"):
        raise SwitchyardError(grpc.StatusCode.DATA_LOSS, "the watch told no position")
    if message.kind == network_pb2.WATCH_KIND_SNAPSHOT_END:
        return
    if plan.has_snapshot and after is None:
        raise SwitchyardError(grpc.StatusCode.DATA_LOSS, "a message came before the end of the snapshot that it continues")
    if plan.revisions is None or after is None:
        return
    covers = plan.revisions(message) if message.kind == network_pb2.WATCH_KIND_DELTA else 0
    if message.position.epoch == after.epoch and message.position.revision == after.revision + covers:
        return
    raise SwitchyardError(
        grpc.StatusCode.DATA_LOSS,
        f"revision {message.position.revision} of {message.position.epoch} came with {covers} changes "
        f"after revision {after.revision} of {after.epoch}",
    )
