"""Run by `python3 -m unittest tests.test_servers` in sdk/python: several servers, on the loopback."""
from __future__ import annotations

import asyncio
import contextlib
import socket
import unittest
from typing import Any, Iterator, List, Optional

import grpc

from switchyard import InstanceOptions, SwitchyardError, Switchyard, limits
from switchyard.errors import ClosedError
from switchyard.route import AFTER, is_of_server
from switchyard.servers import ServerList
from switchyard.v1 import position_pb2, session_service_pb2, session_service_pb2_grpc
from tests.test_tables import table


def first() -> float:
    """A draw that takes the first of those that there are."""
    return 0.0


class Tables(unittest.TestCase):
    def test_every_error_leaves_a_server_as_the_document_says(self):
        rows = table("Several servers")[1:]
        otherwise = rows[-1][1]
        self.assertEqual(rows[-1][0], "any other")
        codes, reasons = rows[0], rows[1]
        left = codes[0].removesuffix(" without a reason").split(", ")
        for name, code in grpc.StatusCode.__members__.items():
            wanted = codes[1] if name in left else otherwise
            self.assertEqual(is_of_server(SwitchyardError(code, "no")), wanted == "is left", name)
        for name in reasons[0].split(", ") + ["OVERLOADED", "PATH_FAILED", "ISSUER_UNAVAILABLE"]:
            wanted = reasons[1] if name in reasons[0].split(", ") else otherwise
            error = SwitchyardError(grpc.StatusCode.UNAVAILABLE, "no", reason=name)
            self.assertEqual(is_of_server(error), wanted == "is left", name)


class Lists(unittest.TestCase):
    def test_servers_that_are_told_now_are_asked_first_and_those_told_before_last(self):
        servers = ServerList(["a:1", "b:1", "a:1"], first)
        for told in (["c:1", "d:1"], ["d:1"], []):
            servers.learn(told)
        self.assertEqual(order_of(servers), ["d:1", "a:1", "b:1", "c:1"])
        for number in range(3 * limits.SERVERS_MAX):
            servers.learn([f"told:{number + 1}"])
        self.assertEqual(len(servers), 2 + 1 + limits.SERVERS_MAX)

    def test_servers_that_are_told_are_taken_as_host_and_port_of_261_bytes_alone(self):
        servers = ServerList(["a:1"], first)
        longest = "b" * (limits.SERVER_BYTES_MAX - 2) + ":1"
        wrong = ["unix:/run/a.sock", "unix:1", "dns:///a:1", "dns:1", "ipv4:127.0.0.1:1,127.0.0.2:1", "a", "a:0", "a:65536", "a b:1"]
        wrong += ["::1:1", "[::g]:1", "[127.0.0.1]:1", "", "a:1\n"]
        wrong += ["a" * (limits.SERVER_BYTES_MAX - 1) + ":1", "ä" * (limits.SERVER_BYTES_MAX // 2) + ":1"]
        servers.learn([*wrong, longest, "[::1]:65535"])
        servers.learn(wrong)
        self.assertEqual(order_of(servers), [longest, "[::1]:65535", "a:1"])


def order_of(servers: ServerList) -> List[str]:
    """The addresses in the order in which they are asked."""
    order: List[str] = []
    while (address := servers.pick(order)) is not None:
        order.append(address)
    return order


class OneOfSeveral(session_service_pb2_grpc.SessionServiceServicer):
    """Answers at a revision, until it refuses."""

    def __init__(self) -> None:
        self.address = ""
        # What each call asked for.
        self.after: List[Optional[str]] = []
        # A reason, and which servers it names.
        self.refusal: Optional[str] = None
        self.names = ""
        # It refuses only what asks for a revision.
        self.is_behind = False
        # It refuses calls so many seconds before their deadline, for that deadline.
        self.is_late_by: Optional[float] = None

    async def ListSessions(self, request: Any, context: Any) -> Any:
        if self.is_late_by is not None:
            await asyncio.sleep(context.time_remaining() - self.is_late_by)
            await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "too late")
        metadata = dict(context.invocation_metadata())
        self.after.append(metadata.get(AFTER))
        if self.refusal is not None and (not self.is_behind or AFTER in metadata):
            context.set_trailing_metadata((("grpc-status-details-bin", _details(self.refusal, self.names)),))
            await context.abort(grpc.StatusCode.UNAVAILABLE, "away")
        return session_service_pb2.ListSessionsResponse(position=position_pb2.Position(epoch="e", revision=7))


def _details(reason: str, servers: str) -> bytes:
    """A google.rpc.Status with an ErrorInfo, whose stubs are not here."""

    def field(number: int, value: bytes) -> bytes:
        return bytes([number << 3 | 2, len(value)]) + value

    entry = field(1, b"servers") + field(2, servers.encode())
    info = field(1, reason.encode()) + field(3, entry)
    return field(3, field(1, b"type.googleapis.com/google.rpc.ErrorInfo") + field(2, info))


def empty_address() -> str:
    """One at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"


@contextlib.contextmanager
def silent_address() -> Iterator[str]:
    """One at which connections are taken and nothing is said."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


class Servers(unittest.IsolatedAsyncioTestCase):
    @contextlib.asynccontextmanager
    async def serving(self, count: int):
        ones, servers = [OneOfSeveral() for _ in range(count)], []
        for one in ones:
            server = grpc.aio.server()
            session_service_pb2_grpc.add_SessionServiceServicer_to_server(one, server)
            one.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
            await server.start()
            servers.append(server)
        try:
            yield ones
        finally:
            for server in servers:
                await server.stop(None)

    async def list(self, yard: Switchyard) -> None:
        request = session_service_pb2.ListSessionsRequest()
        await yard._caller.call(yard._server.sessions.ListSessions, request, retry=True)

    async def test_to_which_no_connection_can_be_made_are_skipped_within_one_call(self):
        async with self.serving(1) as (there,):
            addresses = [empty_address(), empty_address(), there.address]
            async with Switchyard(addresses, random=first) as yard:
                # It is not repeated.
                self.assertEqual([session async for session in yard.list_sessions()], [])
                self.assertEqual(yard._server._route.address, there.address)

    async def test_that_are_there_are_found_by_a_stream_after_one_that_never_answers(self):
        with silent_address() as hole:
            async with self.serving(1) as (there,):
                async with Switchyard([hole, there.address, empty_address()], random=first) as yard:
                    used = await yard._server._route.enter()
                    yard._server._route.channels.release(used)
                    self.assertEqual(used.address, there.address)

    async def test_are_not_left_once_the_time_of_a_call_is_over(self):
        with silent_address() as hole:
            async with Switchyard([hole, empty_address(), empty_address()], random=first) as yard:
                request = session_service_pb2.ListSessionsRequest()
                with self.assertRaises(SwitchyardError) as raised:
                    await yard._caller.call(yard._server.sessions.ListSessions, request, timeout=0.2)
                self.assertEqual(raised.exception.code, grpc.StatusCode.DEADLINE_EXCEEDED)
                self.assertEqual(yard._server._route.address, hole)

    async def test_are_asked_for_what_was_seen_after_a_change_until_one_has_answered(self):
        async with self.serving(2) as (one, other):
            async with Switchyard([one.address, other.address], random=first) as yard:
                await self.list(yard)
                one.refusal = "DRAINING"
                await self.list(yard)
                await self.list(yard)
        self.assertEqual(other.after, ["7", None])

    async def test_are_asked_for_nothing_of_another_history_once_all_were_behind(self):
        async with self.serving(2) as (one, other):
            async with Switchyard([one.address, other.address], random=first) as yard:
                await self.list(yard)
                one.refusal, other.refusal, other.is_behind = "DRAINING", "BEHIND", True
                await self.list(yard)
        self.assertEqual(other.after, ["7", None])

    async def test_that_a_refusal_names_are_gone_to(self):
        async with self.serving(2) as (one, named):
            one.refusal, one.names = "DRAINING", named.address
            async with Switchyard(one.address, random=first) as yard:
                await self.list(yard)
                self.assertEqual(yard._server._route.address, named.address)

    async def test_stay_for_an_instance_when_another_one_leaves_them(self):
        async with self.serving(2) as (one, other):
            async with Switchyard([one.address, other.address], random=first) as yard:
                moved, staying, over = [yard._server.of_instance() for _ in range(3)]
                self.assertTrue(moved.move_on(SwitchyardError(grpc.StatusCode.UNAVAILABLE, "away")))
                over.release()
                over.release()
                self.assertFalse(over.move_on(SwitchyardError(grpc.StatusCode.UNAVAILABLE, "away")))
                moved.release()
                used = yard._server._route.channels._open
                self.assertEqual({address: channel.users for address, channel in used.items()}, {one.address: 2})
                request = session_service_pb2.ListSessionsRequest()
                await staying.sessions.ListSessions(request, timeout=5, metadata=())

    async def test_are_left_for_a_deadline_unless_it_was_that_of_the_call(self):
        for late_by, is_left in ((0.1, False), (2.0, True)):
            async with self.serving(2) as (one, other):
                one.is_late_by = late_by
                async with Switchyard([one.address, other.address], random=first) as yard:
                    request = session_service_pb2.ListSessionsRequest()
                    with self.assertRaises(SwitchyardError) as raised:
                        await yard._caller.call(yard._server.sessions.ListSessions, request, timeout=2.5)
                    self.assertEqual(raised.exception.code, grpc.StatusCode.DEADLINE_EXCEEDED)
                    self.assertEqual(yard._server._route.address == other.address, is_left)

    async def test_of_a_closed_client_end_the_instances_that_join(self):
        yard = Switchyard(empty_address())
        await yard.close()
        instance = yard.join(InstanceOptions(uuid="7f3b6f0e-4a34-4f0e-9a53-0d9f7d2a4c11", type=3))
        self.assertIsInstance(await instance.ended(), ClosedError)
        with self.assertRaises(ClosedError):
            await instance.attached()

    async def test_at_least_one_is_needed(self):
        with self.assertRaisesRegex(ValueError, "at least one address is needed"):
            Switchyard([])


if __name__ == "__main__":
    unittest.main()
