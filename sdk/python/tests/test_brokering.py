"""Which connections are made, joined and given up, with a server that is only its answers."""
import asyncio
import socket
import unittest
from ipaddress import IPv4Interface
from typing import Any, List, Optional, Tuple
from unittest import mock

import grpc

from switchyard import Refusal, SwitchyardError, limits
from switchyard.brokered import Brokered
from switchyard.direct import NOT_COMMON, transport_over
from switchyard.direct_pipe import DirectPipe
from switchyard.orders import Handlers
from switchyard.peer_stream import PeerStream
from switchyard.peer_transport import PeerTransport
from switchyard.peers import Peers
from switchyard.peers_owner import PeersOwner
from switchyard.plain_pipe import PlainChannel
from switchyard.upgrade import seek_direct
from switchyard.v1 import connection_pb2, link_pb2, network_service_pb2

GATHER = connection_pb2.CONNECTION_ROLE_GATHER
RELAY = connection_pb2.CONNECTION_ROLE_RELAY
IMMEDIATE = connection_pb2.CONNECTION_FALLBACK_IMMEDIATE
LATE = connection_pb2.CONNECTION_FALLBACK_LATE
NONE = connection_pb2.CONNECTION_FALLBACK_NONE
PEER, KEY = 7, b"key"
FOUND = connection_pb2.PunchAnswer(connected=True).SerializeToString()


class Server:
    """Answers each request for a connection with the same one, and takes every report."""

    DirectConnection = "ask"
    ReportLink = "report"
    GetConnection = "get"
    host = "127.0.0.1"

    def __init__(self) -> None:
        # Of the connection that is not yet decided.
        self.name = "c1"
        self.network = self.server = self
        self.asked: List[Any] = []
        self.reported: List[Any] = []
        # Of every connection: whether paths are known of both ends.
        self.state = connection_pb2.CONNECTION_STATE_PUNCHING
        # Of a try again: as late as may be.
        self.random = lambda: 1.0
        # How many of the next calls but those for a connection find it away.
        self.away = 0
        # What the next report waits for on its way.
        self.held: Optional[asyncio.Event] = None
        # Whether orders reach the instance.
        self.attached = asyncio.Event()
        self.attached.set()

    async def credentials(self) -> Any:
        await self.attached.wait()
        return {}

    async def call(self, method: str, request: Any, *, retry: bool = False, **_: Any) -> Any:
        await asyncio.sleep(0)
        if self.away > 0 and method != "ask":
            self.away -= 1
            if not retry:
                raise SwitchyardError(grpc.StatusCode.UNAVAILABLE, "away")
            await asyncio.sleep(0.05)
            return await self.call(method, request, retry=retry)
        if method == "report" and self.held is not None:
            held, self.held = self.held, None
            await held.wait()
        if method == "get":
            return network_service_pb2.GetConnectionResponse(connection=connection_pb2.ConnectionRecord(state=self.state))
        (self.asked if method == "ask" else self.reported).append(request)
        return network_service_pb2.DirectConnectionResponse(request=connection_pb2.Connection(connection_id=self.name))


def mark_direct(brokered: Brokered) -> None:
    """What carries it was found by an attempt."""
    brokered.transport._extra["path"] = "direct"  # type: ignore[union-attr]
    brokered.is_found = True


class BrokeringTest(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.server = Server()
        self.problems: List[Exception] = []
        self.rendezvous = mock.AsyncMock(return_value=())
        owner = PeersOwner(
            handlers=Handlers(accept=mock.AsyncMock(return_value=True)),
            caller=self.server,  # type: ignore[arg-type]
            asker=self.server,  # type: ignore[arg-type]
            open_source=mock.AsyncMock(),
            open_sink=mock.AsyncMock(),
            problem=self.problems.append,
            rendezvous=self.rendezvous,
            endorse=lambda key: None,
        )
        self.peers = Peers(owner)
        self.raws: List[socket.socket] = []
        self.peers._relayed.open = self.open_relayed  # type: ignore[method-assign]

    async def asyncTearDown(self) -> None:
        for brokered in list(self.peers._by_id.values()):
            brokered.fail(ConnectionError("the test is over"))
        await asyncio.sleep(0)
        for raw in self.raws:
            raw.close()

    async def open_relayed(self, brokered: Brokered, order: connection_pb2.Connection) -> PeerStream:
        own, other = socket.socketpair()
        own.setblocking(False)
        self.raws.append(other)
        brokered.transport = transport_over(brokered, DirectPipe(own), PlainChannel(), path="relayed", end_to_end=False)
        return await PeerStream.open(brokered.transport)

    async def order(
        self, role: Any, fallback: Any = IMMEDIATE, name: str = "c1", link: Any = link_pb2.LINK_TYPE_TRANSPORT_TCP, attempt: int = 0
    ) -> Any:
        order = connection_pb2.Connection(
            connection_id=name, role=role, peer_cvid=PEER, peer_public_key=KEY, type=link, fallback=fallback, attempt=attempt
        )
        return await self.peers.order(order)

    def connect(self, fallback: str) -> "asyncio.Task[PeerStream]":
        connecting = asyncio.create_task(self.peers.connect(PEER, fallback))
        self.addAsyncCleanup(self.give_up, connecting)
        return connecting

    async def give_up(self, task: "asyncio.Task[Any]") -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def until(self, is_so: Any) -> None:
        """Waits until it is so."""
        async with asyncio.timeout(10):
            while not is_so():
                await asyncio.sleep(0.005)

    async def test_joins_what_the_peer_asks_for_in_the_same_way(self) -> None:
        await self.order(GATHER, name="theirs")
        connecting = self.connect("immediate")
        await self.order(RELAY, name="theirs")
        self.assertEqual((await connecting).connection_id, "theirs")
        self.assertEqual(self.server.asked, [])

    async def expect_another(self, first: str) -> PeerStream:
        """A connect while the connection `first` is not for it: it gets another one once that is decided."""
        asked = len(self.server.asked)
        connecting = self.connect("immediate")
        await self.until(lambda: len(self.server.asked) > asked and not self.peers._requester.asking)
        self.assertFalse(connecting.done())
        self.server.name = "another"
        await self.order(RELAY, name=first)
        await self.until(lambda: "another" in self.peers._by_id)
        await self.order(RELAY, name="another")
        stream = await asyncio.wait_for(connecting, 5)
        self.assertEqual(stream.connection_id, "another")
        return stream

    async def test_gives_two_connects_to_the_same_peer_a_connection_each_though_both_asked_at_once(self) -> None:
        first = self.connect("immediate")
        await self.until(lambda: "c1" in self.peers._by_id)
        second = await self.expect_another("c1")
        self.assertIsNot(await first, second)

    async def test_gives_one_connect_what_the_peer_asks_for_and_the_next_one_another_connection(self) -> None:
        await self.order(GATHER)
        first = self.connect("immediate")
        await self.until(lambda: self.peers._by_id["c1"].is_wanted)
        second = await self.expect_another("c1")
        self.assertEqual(((await first).connection_id, len(self.server.asked)), ("c1", 2))
        self.assertIsNot(await first, second)

    async def decided_here_only(self) -> "asyncio.Task[PeerStream]":
        """A connect that the server answers with a connection whose stream a program has, as the peer has not answered yet."""
        await self.order(GATHER)
        await self.order(RELAY)
        await self.until(lambda: self.peers._by_id["c1"].stream.done())
        return self.connect("immediate")

    async def test_asks_again_after_a_wait_where_the_server_has_not_heard_that_a_connection_is_decided(self) -> None:
        connecting = await self.decided_here_only()
        await asyncio.sleep(0.5)
        # At once, after 0.2 s, and after 0.4 s more.
        self.assertIn(len(self.server.asked), (1, 2))
        self.server.name = "another"
        await self.until(lambda: "another" in self.peers._by_id)
        await self.order(RELAY, name="another")
        self.assertEqual((await asyncio.wait_for(connecting, 5)).connection_id, "another")

    async def test_waits_until_orders_reach_the_instance_before_the_time_of_the_request_begins(self) -> None:
        self.server.attached.clear()
        connecting = self.connect("immediate")
        await asyncio.sleep(0.05)
        self.assertEqual(self.server.asked, [])
        # Meanwhile the peer asks for the same.
        await self.order(GATHER, name="theirs")
        self.server.attached.set()
        await self.until(lambda: self.peers._by_id["theirs"].is_wanted)
        await self.order(RELAY, name="theirs")
        self.assertEqual(((await connecting).connection_id, self.server.asked), ("theirs", []))

    async def test_ends_a_connect_that_is_cancelled_with_the_server_s_answer(self) -> None:
        connecting = await self.decided_here_only()
        await self.until(lambda: self.server.asked)
        # The answer is there, and the connect has not gone on.
        connecting.cancel()
        done, _ = await asyncio.wait({connecting}, timeout=1)
        self.assertTrue(done and connecting.cancelled())

    async def test_asks_for_itself_where_the_peer_asks_with_another_fallback_or_link_type(self) -> None:
        await self.order(GATHER, name="theirs", fallback=IMMEDIATE)
        await self.order(GATHER, name="udp", fallback=NONE, link=link_pb2.LINK_TYPE_TRANSPORT_UDP)
        self.connect("none")
        await self.until(lambda: self.server.asked)
        self.assertEqual(self.server.asked[0].fallback, NONE)

    async def test_refuses_to_relay_a_connection_that_is_never_to_be_relayed(self) -> None:
        for name, prepare in (("c1", False), ("c1", True)):
            if prepare:
                # The server answers with the connection that the peer asked for less strictly.
                await self.order(GATHER, name=name, fallback=LATE)
            asked = len(self.server.asked)
            connecting = self.connect("none")
            await self.until(lambda: len(self.server.asked) > asked and name in self.peers._by_id and not self.peers._requester.asking)
            with self.assertRaisesRegex(Refusal, "fallback none rules out"):
                await self.order(RELAY, name=name)
            with self.assertRaisesRegex(SwitchyardError, "fallback none rules out"):
                await asyncio.wait_for(connecting, 5)
            self.assertEqual(self.raws, [])

    async def taken(self) -> Tuple[Brokered, PeerStream]:
        """A direct path of which only this end knows, which was handed out to what accepts connections."""
        accepted: List[PeerStream] = []
        self.accepted = accepted
        self.peers._owner.handlers.accepted = mock.AsyncMock(side_effect=accepted.append)
        await self.order(GATHER, fallback=LATE)
        brokered = self.peers._by_id["c1"]
        stream = await self.open_relayed(brokered, connection_pb2.Connection())
        mark_direct(brokered)
        await self.peers._hand_out(brokered, stream)
        await self.until(lambda: accepted)
        return brokered, stream

    async def test_tries_again_though_this_end_had_a_path_and_hands_out_what_is_found_then(self) -> None:
        brokered, first = await self.taken()
        attempts: List[Any] = []

        async def run(race: Any) -> Any:
            attempts.append(race)
            return None, connection_pb2.PunchAnswer()

        with mock.patch("switchyard.direct.Race.run", run):
            await self.order(connection_pb2.CONNECTION_ROLE_PUNCH_CONTROLLED, fallback=LATE)
        self.assertEqual(len(attempts), 1)
        self.assertRegex(str(await first.closed()), "has not found the same path")
        await self.order(RELAY, fallback=LATE)
        await self.until(lambda: len(self.accepted) == 2)
        self.assertEqual(self.accepted[1].path, "relayed")
        self.assertIs(self.peers._by_id["c1"], brokered)

    async def test_ends_an_attempt_and_makes_one_stream_when_the_relay_is_ordered_meanwhile(self) -> None:
        connecting = self.connect("late")
        await self.until(lambda: "c1" in self.peers._by_id)
        punching = asyncio.create_task(self.order(connection_pb2.CONNECTION_ROLE_PUNCH_CONTROLLING, fallback=LATE))
        await self.until(lambda: self.peers._by_id["c1"].sockets.race is not None)
        await self.order(RELAY, fallback=LATE)
        answer = connection_pb2.PunchAnswer.FromString(await asyncio.wait_for(punching, 1))
        self.assertFalse(answer.connected)
        self.assertEqual((await connecting).path, "relayed")

    async def test_closes_the_sockets_of_a_connection_that_is_relayed_late(self) -> None:
        connecting = self.connect("late")
        await self.until(lambda: "c1" in self.peers._by_id)
        sockets = self.peers._by_id["c1"].sockets
        with mock.patch.object(limits, "SPARE_MS", 50):
            await self.order(RELAY, fallback=LATE)
            await connecting
        await self.until(lambda: sockets._listener.fileno() < 0)

    async def test_leaves_nothing_of_a_connection_whose_order_is_refused(self) -> None:
        for role in (GATHER, connection_pb2.CONNECTION_ROLE_DIAL):
            with mock.patch("switchyard.brokered.Puncher.open", side_effect=OSError(24, "Too many open files")):
                with self.assertRaisesRegex(OSError, "Too many open files"):
                    await self.order(role, fallback=NONE)
            self.assertEqual(self.peers._by_id, {})

    async def test_goes_through_the_server_where_no_sockets_can_be_opened_unless_that_is_ruled_out(self) -> None:
        with mock.patch("switchyard.brokered.Puncher.open", side_effect=OSError(24, "Too many open files")):
            answer = connection_pb2.GatherAnswer.FromString(await self.order(GATHER, fallback=LATE, name="theirs"))
            self.assertEqual((len(answer.candidates), len(self.problems)), (0, 1))
            await self.order(RELAY, name="theirs", fallback=LATE)
            with self.assertRaisesRegex(OSError, "Too many open files"):
                await self.peers.connect(PEER, "none")

    async def test_keeps_the_sockets_that_its_request_names_when_the_peer_asks_meanwhile(self) -> None:
        async def slow() -> Any:
            await asyncio.sleep(0.2)
            return ()

        self.rendezvous.side_effect = slow
        own = [IPv4Interface("10.0.0.1/8")]
        with mock.patch("switchyard.punch.own_addresses", return_value=own):
            self.connect("none")
            await asyncio.sleep(0.05)
            await self.order(GATHER, fallback=NONE)
            await self.until(lambda: self.server.asked and not self.peers._requester.asking)
        named = {one.port for one in self.server.asked[0].candidates}
        kept = self.peers._by_id["c1"].sockets
        self.assertEqual(named, {kept.dial_port, kept._listener.getsockname()[1]})

    async def test_gives_up_in_time_where_there_is_no_session(self) -> None:
        async def never() -> None:
            await asyncio.Event().wait()

        self.rendezvous.side_effect = never
        with mock.patch.object(limits, "PEER_CONNECT_MS", 50), self.assertRaises(SwitchyardError) as caught:
            await asyncio.wait_for(self.peers.connect(PEER, "late"), 5)
        self.assertEqual(caught.exception.code, grpc.StatusCode.DEADLINE_EXCEEDED)
        self.assertEqual(self.peers._requester.asking, {})

    async def alone(self, *, away: int = 0, until_reported: bool = True, attempt: int = 0) -> Tuple["asyncio.Task[PeerStream]", PeerStream]:
        """A connect that has a direct path of which the server has heard from this end only."""
        connecting = self.connect("late")
        await self.until(lambda: "c1" in self.peers._by_id)
        streams: List[PeerStream] = []

        async def punch(brokered: Brokered, order: connection_pb2.Connection) -> Tuple[PeerStream, bytes]:
            stream = await self.open_relayed(brokered, order)
            mark_direct(brokered)
            streams.append(stream)
            return stream, FOUND

        self.server.away = away
        with mock.patch.object(self.peers._paths, "punch", punch):
            await self.order(connection_pb2.CONNECTION_ROLE_PUNCH_CONTROLLING, fallback=LATE, attempt=attempt)
        if until_reported:
            await self.until(lambda: self.server.reported)
        return connecting, streams[0]

    async def test_goes_on_by_the_relay_when_a_path_ends_that_only_this_end_had(self) -> None:
        connecting, first = await self.alone()
        # The peer, which has not heard this end in time, closes it.
        self.raws[0].close()
        self.assertRegex(str(await first.closed()), "the path was cut")
        await asyncio.sleep(0.3)
        self.assertFalse(connecting.done())
        await self.order(RELAY, fallback=LATE)
        self.assertEqual((await asyncio.wait_for(connecting, 5)).path, "relayed")
        states = [report.state for report in self.server.reported]
        self.assertNotIn(network_service_pb2.LINK_STATE_LOST, states)

    async def test_goes_on_by_the_relay_when_that_is_ordered_while_only_this_end_has_a_path(self) -> None:
        connecting, first = await self.alone()
        await self.order(RELAY, fallback=LATE)
        self.assertEqual((await asyncio.wait_for(connecting, 5)).path, "relayed")
        self.assertRegex(str(await first.closed()), "has not found the same path")

    async def test_hands_out_a_path_once_the_server_has_heard_of_it_from_both_ends(self) -> None:
        connecting, first = await self.alone()
        await asyncio.sleep(0.2)
        self.assertFalse(connecting.done())
        self.server.state = connection_pb2.CONNECTION_STATE_ESTABLISHED
        self.assertIs(await asyncio.wait_for(connecting, 5), first)
        # From then on its end is the end of the connection.
        self.raws[0].close()
        await self.until(lambda: self.server.reported[-1].state == network_service_pb2.LINK_STATE_LOST)

    async def test_reports_a_path_and_asks_for_its_state_again_where_the_server_is_away_for_a_moment(self) -> None:
        connecting, first = await self.alone(away=2)
        self.assertEqual([report.path for report in self.server.reported], [connection_pb2.PATH_KIND_DIRECT])
        self.server.away = 2
        await asyncio.sleep(0.3)
        self.assertFalse(connecting.done())
        self.server.state = connection_pb2.CONNECTION_STATE_ESTABLISHED
        self.assertIs(await asyncio.wait_for(connecting, 5), first)
        self.assertEqual(self.problems, [])

    async def test_has_reported_the_path_that_an_attempt_has_found_when_it_answers(self) -> None:
        await self.alone(until_reported=False)
        self.assertEqual(len(self.server.reported), 1)

    async def test_hands_out_a_relayed_stream_though_the_server_hears_of_its_path_only_later(self) -> None:
        self.server.away = 40
        connecting = self.connect("immediate")
        await self.until(lambda: "c1" in self.peers._by_id)
        with mock.patch.object(limits, "REPORTED_MS", 50):
            await self.order(RELAY)
            self.assertEqual((await asyncio.wait_for(connecting, 5)).path, "relayed")
            self.assertEqual(self.server.reported, [])
        await self.until(lambda: self.server.reported)

    async def moved(self, held: asyncio.Event) -> PeerTransport:
        """A connection that has moved to a direct path, the report of which waits for that of the relayed one, which is held up."""
        self.server.held = held
        connecting = self.connect("immediate")
        await self.until(lambda: "c1" in self.peers._by_id)
        with mock.patch.object(limits, "REPORTED_MS", 50):
            await self.order(RELAY)
        transport = (await asyncio.wait_for(connecting, 5)).writer.transport
        transport._extra["path"] = "direct"
        transport.on_moved()
        # The report of the move waits for its turn.
        await self.until(lambda: self.peers._by_id["c1"].reporting._waiters)
        return transport

    async def test_reports_a_move_and_the_end_after_the_relayed_path_though_that_report_is_held_up(self) -> None:
        held = asyncio.Event()
        transport = await self.moved(held)
        self.assertEqual(self.server.reported, [])
        held.set()
        await self.until(lambda: len(self.server.reported) == 2)
        transport.abort()
        await self.until(lambda: len(self.server.reported) == 3)
        paths = [connection_pb2.PATH_KIND_RELAYED, connection_pb2.PATH_KIND_DIRECT, connection_pb2.PATH_KIND_UNSPECIFIED]
        self.assertEqual([report.path for report in self.server.reported], paths)

    async def test_reports_the_end_and_not_what_has_not_been_sent_before_it(self) -> None:
        held = asyncio.Event()
        transport = await self.moved(held)
        transport.abort()
        await self.until(lambda: not self.peers._by_id)
        self.assertEqual(self.server.reported, [])
        held.set()
        await self.until(lambda: len(self.server.reported) >= 2)
        paths = [connection_pb2.PATH_KIND_RELAYED, connection_pb2.PATH_KIND_UNSPECIFIED]
        self.assertEqual([report.path for report in self.server.reported], paths)

    async def test_reports_the_end_soon_though_a_report_before_it_is_held_up_for_long(self) -> None:
        with mock.patch.object(limits, "REPORTED_BEFORE_LOSS_MS", 50):
            (await self.moved(asyncio.Event())).abort()
            await self.until(lambda: self.server.reported)
        states = [report.state for report in self.server.reported]
        self.assertEqual((states, self.problems), ([network_service_pb2.LINK_STATE_LOST], []))

    async def test_does_not_report_a_path_that_was_left_while_its_report_waited(self) -> None:
        connecting = self.connect("late")
        await self.until(lambda: "c1" in self.peers._by_id)
        brokered = self.peers._by_id["c1"]
        await brokered.reporting.acquire()
        stream = await self.open_relayed(brokered, connection_pb2.Connection())
        mark_direct(brokered)
        reporting = asyncio.create_task(self.peers._tell_path(brokered, stream))
        await self.until(lambda: brokered.reporting._waiters)
        brokered.leave_path(brokered.transport, NOT_COMMON)
        brokered.reporting.release()
        await reporting
        await self.order(RELAY, fallback=LATE)
        await asyncio.wait_for(connecting, 5)
        self.assertEqual([report.path for report in self.server.reported], [connection_pb2.PATH_KIND_RELAYED])

    async def test_ends_a_stream_that_the_program_has_when_the_peer_has_not_found_its_path(self) -> None:
        connecting = self.connect("late")
        await self.until(lambda: "c1" in self.peers._by_id)
        brokered = self.peers._by_id["c1"]
        stream = await self.open_relayed(brokered, connection_pb2.Connection())
        mark_direct(brokered)
        await self.peers._hand_out(brokered, stream)
        with self.assertRaisesRegex(Refusal, "has not found the same path"):
            await self.order(connection_pb2.CONNECTION_ROLE_PUNCH_CONTROLLED, fallback=LATE)
        self.assertIs(await connecting, stream)
        self.assertRegex(str(await stream.closed()), "has not found the same path")
        self.assertEqual(self.peers._by_id, {})

    async def test_carries_out_an_order_to_relay_once_also_when_the_connection_has_moved_meanwhile(self) -> None:
        connecting = self.connect("immediate")
        await self.until(lambda: "c1" in self.peers._by_id)
        await self.order(RELAY)
        stream = await asyncio.wait_for(connecting, 5)
        transport = stream.writer.transport
        await self.order(RELAY)
        # As a move leaves it.
        transport._extra["path"] = "direct"
        await self.order(RELAY)
        self.assertEqual((len(self.raws), transport.is_closing()), (1, False))
        self.assertIs(self.peers._by_id["c1"].transport, transport)

    async def test_answers_an_attempt_that_is_given_again_as_before(self) -> None:
        connecting, first = await self.alone(attempt=1)
        self.server.state = connection_pb2.CONNECTION_STATE_ESTABLISHED
        self.assertIs(await asyncio.wait_for(connecting, 5), first)
        answer = await self.order(connection_pb2.CONNECTION_ROLE_PUNCH_CONTROLLING, fallback=LATE, attempt=1)
        self.assertEqual(answer, FOUND)
        self.assertFalse(first.writer.transport.is_closing())

    async def test_dials_once_when_the_order_to_dial_is_given_again(self) -> None:
        dialled: List[Brokered] = []

        async def dial(brokered: Brokered, *_: Any) -> PeerStream:
            dialled.append(brokered)
            if len(dialled) > 1:
                raise ConnectionError("the peer could not be reached where it listens")
            stream = await self.open_relayed(brokered, connection_pb2.Connection())
            mark_direct(brokered)
            return stream

        with mock.patch.object(self.peers._paths, "dial", dial):
            answer = await self.order(connection_pb2.CONNECTION_ROLE_DIAL)
            stream = await asyncio.wait_for(asyncio.shield(self.peers._by_id["c1"].stream), 5)
            self.assertEqual(await self.order(connection_pb2.CONNECTION_ROLE_DIAL), answer)
            await asyncio.sleep(0.05)
        self.assertEqual((len(dialled), stream.writer.transport.is_closing()), (1, False))

    async def test_dials_a_connection_that_it_knows_without_asking_the_program_again(self) -> None:
        await self.order(GATHER)
        opened = asyncio.Event()

        async def rendezvous() -> Any:
            await opened.wait()
            return ()

        self.rendezvous.side_effect = rendezvous
        dialled = mock.AsyncMock(side_effect=ConnectionError("the peer could not be reached where it listens"))
        with mock.patch.object(self.peers._paths, "dial", dialled):
            first = asyncio.create_task(self.order(connection_pb2.CONNECTION_ROLE_DIAL))
            await self.until(lambda: self.rendezvous.call_count)
            # Given again while the sockets are not yet open.
            again = asyncio.create_task(self.order(connection_pb2.CONNECTION_ROLE_DIAL))
            await asyncio.wait({again}, timeout=5)
            is_answered = again.done()
            opened.set()
            self.assertEqual(await first, await again)
            self.assertTrue(is_answered)
            await self.until(lambda: not self.peers._by_id)
        self.assertEqual((self.peers._owner.handlers.accept.await_count, dialled.await_count), (1, 1))

    async def test_leaves_a_relayed_connection_as_it_is_where_an_attempt_is_ordered_and_it_cannot_move(self) -> None:
        await self.order(GATHER)
        await self.order(RELAY)
        brokered = self.peers._by_id["c1"]
        stream = await brokered.stream
        with self.assertRaisesRegex(Refusal, "cannot move to another path"):
            await self.order(GATHER, fallback=connection_pb2.CONNECTION_FALLBACK_UNSPECIFIED)
        answer = await self.order(connection_pb2.CONNECTION_ROLE_PUNCH_CONTROLLED)
        self.assertFalse(connection_pb2.PunchAnswer.FromString(answer).connected)
        self.assertIs(self.peers._by_id["c1"], brokered)
        self.assertFalse(stream.writer.transport.is_closing())

    async def asked(self, fallback: Any) -> List[Tuple[int, float]]:
        """When a relayed connection asks for direct paths, whose third try is the last: after how many waits, and at what time."""
        loop = asyncio.get_running_loop()
        over: "asyncio.Future[None]" = loop.create_future()
        wait = mock.Mock(side_effect=lambda: asyncio.shield(over))
        transport = mock.Mock(may_move=True, is_moving=False, over=wait)
        brokered = Brokered(PEER, incoming=False, fallback=fallback)
        brokered.transport, brokered.upgrade_after = transport, 0.1
        asked: List[Tuple[int, float]] = []

        async def ask(_: Brokered) -> None:
            asked.append((wait.call_count, loop.time()))
            transport.may_move = len(asked) < 3
            raise SwitchyardError(grpc.StatusCode.UNAVAILABLE, "away")

        await asyncio.wait_for(seek_direct(brokered, ask, lambda: 0.0), 10)
        self.assertGreaterEqual(asked[2][1] - asked[1][1], 0.19)
        return asked

    async def test_asks_for_a_direct_path_at_once_and_after_waits_that_double_until_the_connection_has_moved(self) -> None:
        asked = await self.asked(IMMEDIATE)
        self.assertEqual([waits for waits, _ in asked], [0, 1, 2])
        self.assertGreaterEqual(asked[1][1] - asked[0][1], 0.09)

    async def test_waits_before_it_asks_for_a_direct_path_where_attempts_have_just_failed(self) -> None:
        asked = await self.asked(LATE)
        self.assertEqual([waits for waits, _ in asked], [1, 2, 3])
        self.assertGreaterEqual(asked[1][1] - asked[0][1], 0.19)


if __name__ == "__main__":
    unittest.main()
