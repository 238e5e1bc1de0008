"""An instance that stays on the network."""
from __future__ import annotations

import asyncio
import dataclasses
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Callable, Coroutine, Mapping, Optional, Sequence, Type

import grpc

from . import limits
from .backoff import Backoff
from .brokered import Places
from .direct import places_of
from .emitter import Emitter, Listener
from .errors import ClosedError, SwitchyardError
from .keys import SigningKey, endorse, prove
from .lifecycle import Event, State, event_of, next_state
from .orders import Handlers, Orders, OrdersOwner
from .peer_stream import PeerStream
from .peers import Peers
from .peers_owner import PeersOwner
from .relay import RelaySink, RelaySource
from .server import Caller, Server, draw_request_id, read_next
from .stubs import duration_of, seconds_of
from .v1 import identity_pb2, position_pb2, session_pb2, session_service_pb2, stream_pb2, stream_service_pb2

_EVENTS = frozenset(("opened", "attached", "lost", "broken", "stream_stopped", "problem", "ended"))
_TOKEN = "switchyard-session"


@dataclass
class InstanceOptions:
    """Who joins, and how."""

    # Any RFC 9562 UUID. The instance is known by it for ever: a newer session of the same UUID ends the older.
    uuid: str
    # 2-7, and 0-31.
    type: int
    flavor: int = 0
    # For people, and for other programs.
    name: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    # How many seconds the session should live without being renewed. The server has the last word.
    ttl: Optional[float] = None
    handlers: Handlers = field(default_factory=Handlers)
    # By what the instance proves itself. The first key that it shows binds its UUID.
    key: Optional[SigningKey] = None
    # Whether a session that expired or was lost is followed by a new one.
    reopen: bool = True


@dataclass(frozen=True)
class OwnSession:
    """A session of one's own, with the secret that proves it."""

    cvid: int
    server_cvid: int
    server_uuid: str
    # Whoever has it is the session. Keep it out of logs.
    token: str = field(repr=False)
    # What the server granted, in seconds.
    ttl: float
    # The stream that exists from the start.
    stream_id: int
    # The revision in which its node entered the graph.
    position: position_pb2.Position
    # Where the server tells by which address it sees others: host and port of each.
    rendezvous: Places
    # As whom it was opened; None when nothing was proved.
    identity: Optional[identity_pb2.Principal]
    # Whether the server does once what is asked for again with the same request id: one of 0.1.0 does not look at it.
    takes_request_ids: bool


class Instance:
    """
    Opens a session, attaches, renews, and comes back over every break and restart of the server with the same session for as long
    as there is one. What it does in which state stands in lifecycle.py. Make it with `Switchyard.join`; `async with` waits until
    it is attached, and says goodbye at the end.

    Events of `on`: `opened` and `attached` (an OwnSession), `lost` (a SwitchyardError), `broken` (a SwitchyardError and the wait in
    seconds), `stream_stopped` (a StreamStopped), `problem` (an Exception that nobody waits for), `ended` (a SwitchyardError, or
    None when it left).
    """

    def __init__(self, server: Server, options: InstanceOptions) -> None:
        self._options = options
        self.handlers = options.handlers
        self.state = State.OPENING
        # The present session; None while there is none.
        self.session: Optional[OwnSession] = None
        self._events = Emitter(_EVENTS)
        self._anybody = Caller(server)
        self._caller = Caller(server, self._credentials, self._refused, self._show)
        self._attach_backoff = Backoff(server.random)
        # Apart, because a server that has lost the session is there again: no need to wait long.
        self._open_backoff = Backoff(server.random)
        self._orders: Optional[Orders] = None
        self._peers = Peers(
            PeersOwner(
                handlers=self.handlers,
                caller=self._caller,
                asker=dataclasses.replace(self._caller, credentials=self._attached_credentials),
                open_source=lambda id, blocks: self.open_source(id, blocks=blocks),
                open_sink=lambda id, blocks: self.open_sink(id, blocks=blocks),
                problem=lambda error: self._events.emit("problem", error),
                rendezvous=self._rendezvous,
                endorse=self._endorse,
            )
        )
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()
        self._changed = asyncio.Event()
        self._ended: asyncio.Future[Optional[SwitchyardError]] = self._loop.create_future()
        self._showing: Optional[asyncio.Task[bool]] = None
        self._work: Optional[asyncio.Task[None]] = None
        self._run(self._open())

    def on(self, name: str, listener: Listener) -> Callable[[], None]:
        """Has a listener called for each event of a name; the function that is returned ends that."""
        return self._events.on(name, listener)

    async def attached(self) -> OwnSession:
        """Waits until orders reach it. Raises when it ends before."""
        while self.state is not State.ATTACHED or self.session is None:
            await self._next_change()
        return self.session

    async def ended(self) -> Optional[SwitchyardError]:
        """Waits until it is over; None when it left, otherwise why. Never raises that error."""
        return await asyncio.shield(self._ended)

    async def leave(self) -> None:
        """Says goodbye, and is gone: session, node, links and streams go at once."""
        self._happen(Event.LEAVE)
        await self.ended()

    def detach(self) -> None:
        """Lets go without a goodbye: the session, its links and its streams stay for their grace."""
        self._happen(Event.DETACH)

    async def __aenter__(self) -> Instance:
        try:
            await self.attached()
        except BaseException:
            self.detach()
            raise
        return self

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], where: Optional[TracebackType]
    ) -> None:
        await self.leave()

    async def keep_alive(self) -> position_pb2.Position:
        """Renews the session, which an attached instance need not do. Returns where the network stands."""
        method = self._caller.server.sessions.KeepAlive
        return (await self._caller.call(method, session_service_pb2.KeepAliveRequest())).position

    async def create_stream(
        self, sink_cvids: Sequence[int], params: Optional[stream_pb2.StreamParams] = None
    ) -> stream_pb2.Stream:
        """
        Registers a stream from here to the sinks. It is asked for again where its answer was lost, and registered once; a server of
        0.1.0, which would register another one, is asked once.
        """
        request = stream_service_pb2.CreateStreamRequest(params=params, sink_cvids=sink_cvids, request_id=draw_request_id())
        return (await self._caller.call(self._caller.server.streams.CreateStream, request, retry=self._takes_request_ids)).stream

    def _takes_request_ids(self) -> bool:
        return self.session is not None and self.session.takes_request_ids

    async def terminate_stream(self, id: int) -> None:
        """Destroys a stream of one's own."""
        request = stream_service_pb2.TerminateStreamRequest(id=id)
        await self._caller.call(self._caller.server.streams.TerminateStream, request)

    async def stop_stream(self, id: int, *, validate_only: bool = False) -> Any:
        """Stops a stream or a branch that begins or ends here; returns a StopStreamResponse."""
        request = stream_service_pb2.StopStreamRequest(id=id, validate_only=validate_only)
        return await self._caller.call(self._caller.server.streams.StopStream, request)

    async def open_source(self, id: int, *, blocks: Optional[int] = None) -> RelaySource:
        """Opens a stream of one's own, to send."""
        return await RelaySource.open(self._caller, id, blocks)

    async def open_sink(self, branch_id: int, *, blocks: Optional[int] = None) -> RelaySink:
        """Opens a branch that leads here, to receive."""
        return await RelaySink.open(self._caller, branch_id, blocks)

    async def connect(self, peer_cvid: int, *, fallback: str = "immediate", upgrade_after: float = 5.0) -> PeerStream:
        """
        Connects to a peer; the server cannot read what passes. `fallback` says whether and when it goes through the server:
        `immediate`: at once; it outlives broken calls and restarts of the server. `late`: when three attempts to find a direct path
        over TCP have failed. `none`: never; when these have failed, so has the connection.

        What goes through the server moves to a direct path when one is found and the programs have read what came before: it is looked
        for at once (not with `late`), after `upgrade_after` seconds, and after twice as long each time. `math.inf`: it stays where it is. A direct path that dies is the end of its connection.

        Raises a SwitchyardError: PEER_REFUSED where the peer takes no connections, PATH_FAILED where no path was found.
        """
        return await self._peers.connect(peer_cvid, fallback, upgrade_after)

    def _happen(self, event: Event, error: Optional[SwitchyardError] = None) -> None:
        before = self.state
        after = next_state(before, event)
        if after is before:
            return
        self.state = after
        # The call that made it attached is the one that keeps it so.
        if after is not State.ATTACHED and self._work is not None:
            work, self._work = self._work, None
            # A task that tells its own outcome has nothing more to do.
            if work is not asyncio.current_task():
                work.cancel()
        self._enter(after, before, error)
        self._changed.set()
        self._changed = asyncio.Event()

    def _enter(self, state: State, before: State, error: Optional[SwitchyardError]) -> None:
        """What a state begins with. Its work is begun before it is told of: a listener may send the instance elsewhere at once."""
        now = self._loop.time()
        if before is State.ATTACHED:
            self._attach_backoff.stood(now - self._since)
            self._open_backoff.stood(now - self._since)
        self._since = now
        if state is State.OPENING:
            self._run(self._open())
        elif state is State.ATTACHING:
            self._run(self._attach())
            if before is State.OPENING:
                self._events.emit("opened", self.session)
        elif state is State.ATTACHED:
            self._events.emit("attached", self.session)
        elif state in (State.REATTACHING, State.REOPENING):
            self._rest(error or SwitchyardError(grpc.StatusCode.UNKNOWN, "no reason was given"))
        elif state is State.LEAVING:
            self._run(self._say_goodbye())
        else:
            self._end(None if before is State.LEAVING else error)

    def _run(self, work: Coroutine[Any, Any, Event]) -> None:
        """Carries out what a state is there for. What comes of it counts only while that state lasts."""
        self._work = self._loop.create_task(self._carry_out(work))

    async def _carry_out(self, work: Coroutine[Any, Any, Event]) -> None:
        mine = asyncio.current_task()
        try:
            event, error = await work, None
        except SwitchyardError as failure:
            event, error = self._meaning(failure), failure
        except Exception as failure:
            event, error = Event.OVER, SwitchyardError(grpc.StatusCode.INTERNAL, f"{type(failure).__name__}: {failure}")
        if self._work is mine:
            self._happen(event, error)

    def _meaning(self, error: SwitchyardError) -> Event:
        # A client that was closed opens nothing any more.
        if isinstance(error, ClosedError):
            return Event.OVER
        event = event_of(error)
        return Event.OVER if event is Event.LOST and not self._options.reopen else event

    async def _open(self) -> Event:
        options = self._options
        request = session_service_pb2.SessionRequest(
            instance_uuid=options.uuid,
            instance_type=options.type,
            instance_flavor=options.flavor,
            ttl=None if options.ttl is None else duration_of(options.ttl),
            name=options.name,
            labels=dict(options.labels),
            proof=await self._prove(identity_pb2.PROOF_PURPOSE_SESSION),
        )
        opened = await self._anybody.call(self._anybody.server.sessions.Session, request)
        self.session = OwnSession(
            cvid=opened.instance_sid,
            server_cvid=opened.server_sid,
            server_uuid=opened.server_uuid,
            token=opened.session_token,
            ttl=seconds_of(opened.ttl),
            stream_id=opened.stream_id,
            position=opened.position,
            rendezvous=places_of(opened.rendezvous, self._anybody.server.host),
            identity=opened.identity if opened.HasField("identity") else None,
            # Servers before 0.2.0 name no version of the relay.
            takes_request_ids=opened.relay_version > 0,
        )
        owner = OrdersOwner(
            handlers=self.handlers,
            connection=self._peers.order,
            answer=self._answer,
            terminated=self._terminated,
            problem=lambda error: self._events.emit("problem", error),
        )
        self._orders = Orders(owner)
        return Event.OPENED

    async def _prove(self, purpose: int) -> Optional[identity_pb2.Proof]:
        if self._options.key is None:
            return None
        return await prove(self._anybody, self._options.key, purpose, self._options.uuid)

    async def _rendezvous(self) -> Places:
        return (await self.attached()).rendezvous

    def _endorse(self, connection_key: bytes) -> Optional[bytes]:
        """Signs the key of this instance's connections, for its own network alone; None: it has no key to sign with."""
        if self._options.key is None:
            return None
        network = self._caller.server.network_name
        return endorse(self._options.key, connection_key, self._options.uuid, network=network)

    async def _attach(self) -> Event:
        """Attaches; on a connection that is new, once more with a proof where the server asks for one."""
        try:
            return await self._attach_once()
        except SwitchyardError as error:
            if error.reason != "AUTH_REQUIRED" or not await self._show():
                raise
        return await self._attach_once()

    async def _attach_once(self) -> Event:
        mine = self._work
        metadata = await self._credentials()
        self._caller.server.check_open()
        request = session_service_pb2.AttachRequest()
        call = self._caller.server.sessions.Attach(request, metadata=self._caller.server.metadata(metadata))
        try:
            while True:
                message = await read_next(call, limits.ATTACHMENT_SILENCE_MS)
                if message is None:
                    raise SwitchyardError(grpc.StatusCode.UNAVAILABLE, "the server ended the attachment without a reason")
                self._happen(Event.WELCOMED)
                if message.HasField("order"):
                    self._take(message.order)
                # A listener may have left meanwhile. Then this outcome is late news.
                if self._work is not mine:
                    return Event.BROKE
        finally:
            call.cancel()

    def _take(self, order: session_pb2.Order) -> None:
        if order.WhichOneof("kind") == "stream_stopped":
            self._events.emit("stream_stopped", order.stream_stopped)
        if order.WhichOneof("kind") == "connection_ended":
            self._peers.ended(order)
        if order.order_id and self._orders is not None:
            self._orders.take(order)

    async def _answer(self, answer: session_service_pb2.AnswerRequest) -> None:
        seconds = limits.ANSWER_TIMEOUT_MS / 1000
        await self._caller.call(self._caller.server.sessions.Answer, answer, timeout=seconds, retry=True)

    def _terminated(self, reason: str) -> None:
        message = f"terminated: {reason}" if reason else "terminated by an administrator"
        self._happen(Event.OVER, SwitchyardError(grpc.StatusCode.ABORTED, message, reason="SESSION_TERMINATED"))

    def _rest(self, error: SwitchyardError) -> None:
        is_lost = self.state is State.REOPENING and self.session is not None
        if is_lost:
            self._forget_session()
        # Resting longer than a part of the lease would lose the session to a short break.
        if not is_lost and self._caller.server.move_on(error):
            delay = 0.0
        elif self.session is not None:
            delay = self._attach_backoff.after_failure(error.retry_after, self.session.ttl / 3)
        else:
            delay = self._open_backoff.after_failure(error.retry_after)
        self._run(self._rest_for(delay))
        if is_lost:
            self._events.emit("lost", error)
        self._events.emit("broken", error, delay)

    async def _rest_for(self, delay: float) -> Event:
        """Waits, and meanwhile renews the session, if there is one: a server may ask for a longer wait than the lease is."""
        renew = self.session.ttl / 3 if self.session is not None else delay
        while delay > renew > 0:
            await asyncio.sleep(renew)
            delay -= renew
            try:
                await self.keep_alive()
            except SwitchyardError as error:
                # The next Attach finds out what time does not heal; until then this is one more failure of the same break.
                if self._meaning(error) is not Event.BROKE:
                    raise
        await asyncio.sleep(delay)
        return Event.RESTED

    async def _say_goodbye(self) -> Event:
        request = session_service_pb2.TerminateSessionRequest()
        seconds = limits.LEAVE_TIMEOUT_MS / 1000
        try:
            await self._caller.call(self._caller.server.sessions.TerminateSession, request, timeout=seconds)
        except SwitchyardError as error:
            self._events.emit("problem", error)
        return Event.LEFT

    def _end(self, error: Optional[SwitchyardError]) -> None:
        self._forget_session()
        if self._showing is not None:
            self._showing.cancel()
        if not self._ended.done():
            self._ended.set_result(error)
        self._events.emit("ended", error)
        self._caller.server.release()

    def _forget_session(self) -> None:
        self.session = None
        self._peers.end(SwitchyardError(grpc.StatusCode.ABORTED, "the session is over"))
        if self._orders is not None:
            self._orders.end()
        self._orders = None

    async def _next_change(self) -> None:
        if self.state is State.ENDED:
            raise self._ended.result() or SwitchyardError(grpc.StatusCode.CANCELLED, "the instance has left")
        await self._changed.wait()

    async def _credentials(self) -> Mapping[str, str]:
        while self.session is None:
            await self._next_change()
        return {_TOKEN: self.session.token}

    async def _attached_credentials(self) -> Mapping[str, str]:
        """Those of a call that the server refuses to a session without an attachment, as it answers with orders."""
        await self.attached()
        return await self._credentials()

    async def _show(self) -> bool:
        """Shows the session's identity on the connection of the moment; once for all calls that need it."""
        if self._options.key is None:
            return False
        if self._showing is None or self._showing.done():
            self._showing = self._loop.create_task(self._show_once())
        return await asyncio.shield(self._showing)

    async def _show_once(self) -> bool:
        proof = await self._prove(identity_pb2.PROOF_PURPOSE_ATTACH)
        if proof is None:
            return False
        as_session = Caller(self._caller.server, self._credentials, self._refused)
        request = session_service_pb2.KeepAliveRequest(proof=proof)
        await as_session.call(self._caller.server.sessions.KeepAlive, request)
        return True

    def _refused(self, error: SwitchyardError, metadata: Mapping[str, str]) -> bool:
        """Looks at every error of a call with the session's token. True: the next call will have another token, or none."""
        if self.session is None or metadata.get(_TOKEN) != self.session.token:
            return True
        if error.code is not grpc.StatusCode.UNAUTHENTICATED or not (error.reason or "").startswith("SESSION_"):
            return False
        event = self._meaning(error)
        if event is Event.BROKE:
            return False
        self._happen(event, error)
        return True
