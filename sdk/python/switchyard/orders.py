"""The orders of one session: each is carried out once, and answered as often as it is given."""
from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Awaitable, Callable, Optional

from . import limits
from .errors import Refusal, SwitchyardError
from .v1 import connection_pb2, error_pb2, session_pb2, session_service_pb2

if TYPE_CHECKING:
    from .peer_stream import PeerStream

_FALLBACK_DESCRIPTION = "the order could not be carried out"


@dataclass
class Handlers:
    """
    What an instance does with its orders; may be changed at any time. An order may be given again after its answer was
    forgotten here, so carrying it out twice must be harmless.
    """

    # Whether a peer, by its cvid, may connect. Absent: every peer is refused with PEER_REFUSED.
    accept: Optional[Callable[[int], Awaitable[bool]]] = None
    # Gets the connection of a peer that was accepted.
    accepted: Optional[Callable[[PeerStream], Awaitable[None]]] = None
    # Carries out orders about connections in the program's own way, and `accept` is not asked: returns the answer's data, or
    # None, to accept; raises a Refusal to refuse.
    connection: Optional[Callable[[connection_pb2.Connection], Awaitable[Optional[bytes]]]] = None
    # The session is about to end: the last moment to tidy up. Answered with success whatever comes of it.
    terminate: Optional[Callable[[str], Awaitable[None]]] = None


@dataclass(frozen=True)
class OrdersOwner:
    """What the orders need of their instance."""

    handlers: Handlers
    # Carries out an order about a connection to a peer, and returns the answer's data.
    connection: Callable[[connection_pb2.Connection], Awaitable[Optional[bytes]]]
    # Brings an answer to the server, as often as it takes.
    answer: Callable[[session_service_pb2.AnswerRequest], Awaitable[None]]
    # An order to end the session was answered.
    terminated: Callable[[str], None]
    # Something went wrong that nobody waits for.
    problem: Callable[[Exception], None]


class Orders:
    """Answers are remembered within the bounds of limits.py, the oldest forgotten first."""

    def __init__(self, owner: OrdersOwner) -> None:
        self._owner = owner
        self._running: dict[str, asyncio.Task[None]] = {}
        self._answers: OrderedDict[str, session_service_pb2.AnswerRequest] = OrderedDict()
        self._answers_bytes = 0

    def take(self, order: session_pb2.Order) -> None:
        """Takes an order, and returns at once."""
        if order.order_id in self._running:
            return
        if len(self._running) >= limits.ORDERS_AT_ONCE:
            # Not refused: the server gives it again after the next attachment, and perhaps there is room then.
            self._owner.problem(RuntimeError(f"order {order.order_id} is left: {limits.ORDERS_AT_ONCE} are carried out"))
            return
        self._running[order.order_id] = asyncio.create_task(self._serve(order))

    def end(self) -> None:
        """The session is over: its answers reach nobody."""
        current = asyncio.current_task()
        for task in list(self._running.values()):
            if task is not current:
                task.cancel()

    async def _serve(self, order: session_pb2.Order) -> None:
        try:
            answer = self._answers.get(order.order_id)
            if answer is None:
                answer = await self._carry_out(order)
                self._remember(answer)
            try:
                await self._owner.answer(answer)
            except SwitchyardError as error:
                # The server no longer waits for it: answered before, or too late. That is as good as answered.
                if error.reason != "ORDER_NOT_FOUND":
                    raise
            if order.WhichOneof("kind") == "terminate_session":
                self._owner.terminated(order.terminate_session.reason)
        except Exception as error:
            self._owner.problem(error)
        finally:
            self._running.pop(order.order_id, None)

    async def _carry_out(self, order: session_pb2.Order) -> session_service_pb2.AnswerRequest:
        handlers = self._owner.handlers
        kind = order.WhichOneof("kind")
        try:
            if kind == "connection":
                carry_out = handlers.connection or self._owner.connection
                data = await carry_out(order.connection)
                return session_service_pb2.AnswerRequest(order_id=order.order_id, data=data or b"")
            if kind == "terminate_session":
                await self._tidy_up(order.terminate_session.reason)
                return session_service_pb2.AnswerRequest(order_id=order.order_id)
            raise Refusal("UNIMPLEMENTED", "this client does not know this order")
        except Refusal as refusal:
            return _refused(order.order_id, refusal.reason, refusal.description)
        except Exception as error:
            self._owner.problem(error)
            return _refused(order.order_id, "INTERNAL", _FALLBACK_DESCRIPTION)

    async def _tidy_up(self, reason: str) -> None:
        """A program that cannot tidy up has to end all the same."""
        try:
            if self._owner.handlers.terminate is not None:
                await self._owner.handlers.terminate(reason)
        except Exception as error:
            self._owner.problem(error)

    def _remember(self, answer: session_service_pb2.AnswerRequest) -> None:
        self._answers[answer.order_id] = answer
        self._answers_bytes += answer.ByteSize()
        while (
            len(self._answers) > limits.ANSWERS_REMEMBERED or self._answers_bytes > limits.ANSWERS_REMEMBERED_BYTES
        ) and self._answers:
            _, oldest = self._answers.popitem(last=False)
            self._answers_bytes -= oldest.ByteSize()


def _refused(order_id: str, reason: str, description: str) -> session_service_pb2.AnswerRequest:
    code = error_pb2.Reason.Value(f"REASON_{reason}")
    return session_service_pb2.AnswerRequest(order_id=order_id, code=code, description=description)
