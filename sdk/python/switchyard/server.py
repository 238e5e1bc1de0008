"""The connection to a server, and calls over it."""
from __future__ import annotations

import asyncio
import base64
import os
import random as random_module
from dataclasses import dataclass, field
from typing import Any, Awaitable, Callable, Mapping, Optional, Sequence, Tuple, Union

import grpc

from . import limits
from .backoff import Backoff
from .channels import Channels
from .errors import ClosedError, SwitchyardError, error_of
from .route import Route
from .servers import ServerList
from .v1 import identity_pb2_grpc, network_service_pb2_grpc, server_pb2_grpc, session_service_pb2_grpc, stream_service_pb2_grpc

_CHANNEL_OPTIONS = [
    # A channel of one's own: gRPC would share its connection with other channels to the same server.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", limits.RECONNECT_MS),
    ("grpc.max_reconnect_backoff_ms", limits.RECONNECT_MS),
    ("grpc.keepalive_time_ms", limits.PING_AFTER_MS),
    ("grpc.keepalive_timeout_ms", limits.PING_TIMEOUT_MS),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.max_receive_message_length", limits.MESSAGE_BYTES_MAX),
    # The waits of this client decide about tries, and not gRPC's.
    ("grpc.enable_retries", 0),
]


@dataclass(frozen=True)
class Tls:
    """How to know the server. All PEM; `ca` None: the system's list of authorities, as gRPC finds it."""

    ca: Optional[bytes] = None
    cert: Optional[bytes] = None
    key: Optional[bytes] = None
    # The name to expect in the server's certificate when it is not the one that is dialled.
    server_name: Optional[str] = None


# The network of those who name none.
DEFAULT_NETWORK = "default"
_NETWORK = "switchyard-network"
_THIS_MACHINE = "127.0.0.1"


class Server:
    """A way to a network of a server, or of several, and the stubs of its services. Made within a running event loop."""

    def __init__(self, route: Route, random: Callable[[], float], network: Optional[str]) -> None:
        self.random = random
        # The name by which proofs are signed.
        self.network_name = network or DEFAULT_NETWORK
        self._network = network
        self._here: Mapping[str, str] = {} if network is None else {_NETWORK: network}
        self._route = route
        # After an error: see Route.
        self.move_on = route.move_on
        # Its user is over.
        self.release = route.release
        self.sessions = session_service_pb2_grpc.SessionServiceStub(route)
        self.network = network_service_pb2_grpc.NetworkServiceStub(route)
        self.streams = stream_service_pb2_grpc.StreamServiceStub(route)
        self.identities = identity_pb2_grpc.IdentityServiceStub(route)
        self.info = server_pb2_grpc.ServerServiceStub(route)

    @classmethod
    def to(
        cls,
        addresses: Sequence[str],
        tls: Optional[Tls],
        random: Callable[[], float] = random_module.random,
        network: Optional[str] = None,
    ) -> Server:
        """Goes to any of these servers, and to those that they name."""
        channels = Channels(lambda address: _channel(address, tls))
        return cls(Route.to(channels, ServerList(addresses, random)), random, network)

    def of_instance(self) -> Server:
        """An instance's own way to the network: it moves when the instance does."""
        return Server(self._route.sibling(), self.random, self._network)

    @property
    def host(self) -> str:
        """By which the server is reached, and its rendezvous where that names no host."""
        return host_of(self._route.address)

    def metadata(self, credentials: Mapping[str, str]) -> Tuple[Tuple[str, str], ...]:
        """The metadata of every call: which network it is about, and as whom it is made."""
        return (*self._here.items(), *credentials.items())

    def check_open(self) -> None:
        """Raises a ClosedError after `close`."""
        if self._route.channels.is_closed:
            raise ClosedError

    async def close(self) -> None:
        """Ends every call at once."""
        await self._route.channels.close()


def _channel(address: str, tls: Optional[Tls]) -> grpc.aio.Channel:
    options = list(_CHANNEL_OPTIONS)
    if tls is None:
        return grpc.aio.insecure_channel(address, options=options)
    if tls.server_name is not None:
        options.append(("grpc.ssl_target_name_override", tls.server_name))
    credentials = grpc.ssl_channel_credentials(tls.ca, tls.key, tls.cert)
    return grpc.aio.secure_channel(address, credentials, options=options)


def host_of(address: str) -> str:
    """
    The host of an address as gRPC reads it: `host:port`, `[::1]:port`, and a host alone, each with `dns:///` or `dns:`, `ipv4:` or
    `ipv6:` before it or not. A server that is reached by a socket of Unix, or by a port alone, is on this machine.
    """
    if address.startswith(("unix:", "unix-abstract:")):
        return _THIS_MACHINE
    rest = address.rsplit("/", 1)[-1]
    for scheme in ("dns:", "ipv4:", "ipv6:"):
        rest = rest.removeprefix(scheme)
    # `ipv4:` and `ipv6:` take several.
    first = rest.split(",", 1)[0]
    if first.startswith("["):
        return first[1:].partition("]")[0]
    host, colon, _ = first.rpartition(":")
    # With more than one colon it is an address of IPv6 without a port.
    return (host if colon and ":" not in host else first) or _THIS_MACHINE


def draw_request_id() -> str:
    """By which the server knows a request again that is repeated: what it asks for is done once."""
    return base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=")


async def _no_credentials() -> Mapping[str, str]:
    return {}


async def _cannot_show() -> bool:
    return False


@dataclass
class Caller:
    """As whom calls are made."""

    server: Server
    # The metadata of a call; may wait until there is some.
    credentials: Callable[[], Awaitable[Mapping[str, str]]] = _no_credentials
    # Told of each refusal and the credentials it came for. True: the next call has other credentials, or none.
    failed: Callable[[SwitchyardError, Mapping[str, str]], bool] = field(default=lambda error, metadata: False)
    # Shows the caller's identity on the connection of the moment. False: it has none.
    show: Callable[[], Awaitable[bool]] = _cannot_show

    async def call(
        self, method: Any, request: Any, *, timeout: Optional[float] = None, retry: Union[bool, Callable[[], bool]] = False
    ) -> Any:
        """
        Makes one call. `timeout` is in seconds and for all its tries; `retry` tries again while the server is away or asks for
        patience: only for what may be done twice. A function is asked after a failure.
        """
        left = limits.CALL_TIMEOUT_MS / 1000 if timeout is None else timeout
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + left
        backoff = Backoff(self.server.random)
        has_shown = False
        while True:
            try:
                metadata = await asyncio.wait_for(self.credentials(), max(0.001, ends_at - loop.time()))
            except asyncio.TimeoutError:
                raise SwitchyardError(grpc.StatusCode.DEADLINE_EXCEEDED, f"no session within {left:g} s") from None
            self.server.check_open()
            try:
                return await method(request, timeout=max(0.001, ends_at - loop.time()), metadata=self.server.metadata(metadata))
            except SwitchyardError as failure:
                error = failure
            except asyncio.CancelledError:
                # gRPC raises this also when the channel was closed beneath the call.
                if is_cancelling():
                    raise
                raise ClosedError from None
            if error.reason == "AUTH_REQUIRED" and not has_shown:
                has_shown = True
                if await self.show():
                    continue
            self.failed(error, metadata)
            # What may be done twice may be repeated, too, where nobody knows whether it was done.
            may_repeat = error.temporary or error.reason == "OUTCOME_UNKNOWN"
            if not (retry() if callable(retry) else retry) or not may_repeat:
                raise error
            delay = 0.0 if self.server.move_on(error) else backoff.after_failure(error.retry_after)
            if loop.time() + delay >= ends_at:
                raise error
            await asyncio.sleep(delay)


# A silence is counted in so many parts, and noticed at most one of them late.
SILENCE_PARTS = 4


async def read_next(call: Any, silence_ms: int) -> Any:
    """
    The next message of a stream; None at its end. Raises the SwitchyardError that the call ended with, and UNAVAILABLE when no
    message has come for so long: a connection that is half open looks like a quiet one. The silence is counted in parts, one after
    the other: a process that was stopped, or a machine that slept, reads what has come meanwhile before it judges.
    """
    reading = asyncio.ensure_future(call.read())
    # What becomes of it once it is given up concerns nobody.
    reading.add_done_callback(lambda done: done.cancelled() or done.exception())
    try:
        for _ in range(SILENCE_PARTS):
            await asyncio.wait({reading}, timeout=silence_ms / 1000 / SILENCE_PARTS)
            if reading.done():
                break
        else:
            reading.cancel()
            call.cancel()
            raise SwitchyardError(grpc.StatusCode.UNAVAILABLE, f"the server said nothing for {silence_ms // 1000} s")
        message = reading.result()
    except grpc.aio.AioRpcError as failure:
        raise error_of(failure) from None
    except asyncio.CancelledError:
        # gRPC raises this also when the channel was closed beneath the call.
        if call.cancelled() and not is_cancelling():
            raise ClosedError from None
        reading.cancel()
        call.cancel()
        raise
    return None if message is grpc.aio.EOF else message


def is_cancelling() -> bool:
    """Whether this task is being cancelled, and not merely a call in it. Before Python 3.11 it cannot be told: true."""
    task = asyncio.current_task()
    cancelling = getattr(task, "cancelling", None)
    return cancelling is None or cancelling() > 0
