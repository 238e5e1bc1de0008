"""Direct paths, between two ends in this process over the loopback."""
import asyncio
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import unittest
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Callable, List, Tuple
from unittest import mock

from switchyard import limits, stun
from switchyard.brokered import Brokered
from switchyard.direct_pipe import DirectPipe, let_go
from switchyard.peer_stream import PeerStream
from switchyard.peer_transport import PeerTransport
from switchyard.punch import Puncher
from switchyard.race import Path, Race
from switchyard.reach import dials, own_addresses
from switchyard.secure import Channel, PeerIdentity
from switchyard.server import host_of
from switchyard.v1 import connection_pb2

# RFC 5769, section 2.2: 192.0.2.1:32853, behind a SOFTWARE attribute.
ATTRIBUTES = bytes.fromhex("8022000b7465737420766563746f7220002000080001a147e112a643")
NONCE = bytes(range(16))


class ReachTest(unittest.TestCase):
    def test_reads_the_address_that_the_rendezvous_sees_and_refuses_what_names_none(self) -> None:
        self.assertEqual(stun.mapped_address(ATTRIBUTES), (IPv4Address("192.0.2.1"), 32853))
        for wrong in (b"", ATTRIBUTES[:-1], ATTRIBUTES[:16], bytes.fromhex("00200008000200000000")):
            with self.assertRaises(ConnectionError):
                stun.mapped_address(wrong)

    def test_dials_what_is_public_and_what_is_private_only_in_its_own_networks(self) -> None:
        attached = [IPv4Network("192.168.1.0/24")]
        for address, is_local, expected in (
            ("8.8.8.8", False, True),
            ("192.168.1.9", False, True),
            ("192.168.2.9", False, False),
            ("10.0.0.1", False, False),
            ("172.31.0.1", False, False),
            ("100.64.0.1", False, False),
            ("127.0.0.1", False, False),
            ("127.0.0.1", True, True),
            ("169.254.1.1", True, False),
            ("224.0.0.1", True, False),
            ("255.255.255.255", True, False),
            ("0.0.0.0", True, False),
        ):
            self.assertEqual(dials(IPv4Address(address), attached, is_local), expected, address)

    @unittest.skipUnless(shutil.which("unshare") and shutil.which("ip") and os.geteuid() == 0, "it takes a network of its own")
    def test_knows_the_addresses_of_interfaces_that_are_up_and_have_a_carrier_and_no_others(self) -> None:
        setup = """
            set -e
            ip link add va type veth peer name vb; ip link set va up; ip link set vb up
            ip link add vc type veth peer name vd; ip link set vc up
            ip link add ve type veth peer name vf
            ip link set lo up
            ip address add 10.1.0.1/24 dev va; ip address add 10.2.0.1/24 dev vc; ip address add 10.3.0.1/24 dev ve
            ip address add 10.4.0.1/24 dev lo
            exec "$0" -B -c 'from switchyard.reach import own_addresses; print(*own_addresses())'
        """
        command = ["unshare", "--net", "sh", "-c", setup, sys.executable]
        root = pathlib.Path(__file__).parents[1]
        found = subprocess.run(command, cwd=root, check=True, timeout=60, stdout=subprocess.PIPE, text=True).stdout
        self.assertEqual(found.split(), ["10.1.0.1/24"])

    def test_has_no_addresses_where_the_system_refuses_to_tell_them(self) -> None:
        with mock.patch.object(socket, "socket", side_effect=OSError(97, "Address family not supported by protocol")):
            self.assertEqual(own_addresses(), [])

    def test_finds_the_host_in_an_address_as_grpc_reads_it(self) -> None:
        for address, host in (
            ("a.b:1", "a.b"),
            ("a.b", "a.b"),
            ("dns:a.b", "a.b"),
            ("dns:///a:1", "a"),
            ("dns:///a", "a"),
            ("dns://1.1.1.1/a:1", "a"),
            ("[::1]:1", "::1"),
            ("[::1]", "::1"),
            ("::1", "::1"),
            ("ipv6:[fd00::1]:1", "fd00::1"),
            ("ipv4:10.0.0.1:1", "10.0.0.1"),
            ("ipv4:10.0.0.1", "10.0.0.1"),
            ("ipv4:10.0.0.1:1,10.0.0.2:1", "10.0.0.1"),
            (":1", "127.0.0.1"),
            ("unix:/run/switchyard.sock", "127.0.0.1"),
            ("unix-abstract:switchyard", "127.0.0.1"),
        ):
            self.assertEqual(host_of(address), host, address)


class Rendezvous(asyncio.Protocol):
    """Answers a STUN Binding request with the address that it came from; or with something else."""

    def __init__(self, is_stun: bool) -> None:
        self._is_stun = is_stun

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, request: bytes) -> None:
        host, port = self._transport.get_extra_info("peername")
        head = b"\x01\x01\x00\x0c" + request[4:20] if self._is_stun else b"HTTP/1.1 400 Bad Request"
        xored = (port ^ 0x2112).to_bytes(2, "big") + (int(IPv4Address(host)) ^ 0x2112A442).to_bytes(4, "big")
        self._transport.write(head + b"\x00\x20\x00\x08\x00\x01" + xored)


class LoopTest(unittest.IsolatedAsyncioTestCase):
    async def now(self, clean_up: Callable[[], None]) -> None:
        """Cleans up while the event loop still runs."""
        clean_up()


class RaceTest(LoopTest):
    async def puncher(self, is_stun: bool = True) -> Puncher:
        server = await asyncio.get_running_loop().create_server(lambda: Rendezvous(is_stun), "127.0.0.1", 0)
        self.addCleanup(server.close)
        puncher = await Puncher.open([("127.0.0.1", server.sockets[0].getsockname()[1])])
        self.addAsyncCleanup(self.now, puncher.close)
        return puncher

    async def race(self, is_meant: bool = True, nonces: Tuple[bytes, bytes] = (NONCE, NONCE)) -> Any:
        """An attempt of both ends; `is_meant`: whether each has the key that the other was told."""
        identities = (PeerIdentity(), PeerIdentity())
        punchers = (await self.puncher(), await self.puncher())

        def attempt(at: int) -> Any:
            told = identities[1 - at] if is_meant else PeerIdentity()
            order = connection_pb2.Connection(candidates=punchers[1 - at].candidates, nonce=nonces[at])

            def secure() -> Channel:
                return Channel(identities[at], spoken="x", is_client=at == 0, peer_public_key=told.public_key)

            return Race(punchers[at], order, controlling=at == 0, secure=secure).run()

        return await asyncio.gather(attempt(0), attempt(1))

    def stream_over(self, path: Path, at: int) -> Any:
        extra = {"peer_cvid": at, "connection_id": "c", "incoming": at == 1, "path": "direct", "end_to_end": True}
        return PeerStream.open(PeerTransport(DirectPipe(path.raw), path.channel, extra))

    async def test_finds_one_path_which_carries_more_than_a_window_both_ways_at_once(self) -> None:
        (one, one_said), (other, other_said) = await self.race()
        self.assertEqual((one_said.connected, other_said.connected), (True, True))
        self.assertEqual(one.raw.getsockname(), other.raw.getpeername())
        self.assertIn("connected", [pair.outcome.replace("dialled by it: ", "") for pair in one_said.pairs])
        here, there = await asyncio.gather(self.stream_over(one, 0), self.stream_over(other, 1))
        much = bytes(range(256)) * (2 * limits.PEER_WINDOW_BYTES // 256)
        for stream in (here, there):
            stream.writer.write(much)
            stream.writer.write_eof()
        came = await asyncio.wait_for(asyncio.gather(here.reader.read(), there.reader.read()), 60)
        self.assertTrue(came == [much, much])
        self.assertEqual(await asyncio.wait_for(asyncio.gather(here.closed(), there.closed()), 15), [None, None])

    async def test_takes_no_path_to_another_key_or_of_another_attempt(self) -> None:
        with mock.patch.object(limits, "ATTEMPT_MS", 300):
            for attempt in (self.race(is_meant=False), self.race(nonces=(NONCE, bytes(16)))):
                for path, said in await attempt:
                    self.assertEqual((path, said.connected), (None, False))
                    self.assertNotIn("connected", [pair.outcome for pair in said.pairs])

    async def test_dials_nothing_outside_its_networks_and_says_so(self) -> None:
        puncher = await self.puncher(is_stun=False)
        self.assertEqual([one for one in puncher.candidates if one.type == connection_pb2.CANDIDATE_TYPE_REFLEXIVE], [])
        candidates = [connection_pb2.Candidate(host=host, port=1) for host in ("127.0.0.1", "169.254.0.1", "::1", "a.b")]
        order = connection_pb2.Connection(candidates=candidates, nonce=NONCE)
        with mock.patch.object(limits, "ATTEMPT_MS", 100):
            path, said = await Race(puncher, order, controlling=True, secure=lambda: self.fail("nothing is dialled")).run()
        self.assertIsNone(path)
        self.assertEqual([pair.outcome for pair in said.pairs], ["not dialled: it is not in a network of this end"] * 4)

    async def strangers(self, puncher: Puncher, count: int = limits.EARLY_MAX) -> List[socket.socket]:
        """As many connections as can be held before the attempt."""
        raws = []
        for _ in range(count):
            raws.append(socket.create_connection(puncher._listener.getsockname()))
            self.addCleanup(raws[-1].close)
        while len(puncher._early) < count:
            await asyncio.sleep(0.005)
        return raws

    async def throw_out(self, puncher: Puncher) -> None:
        """Strangers come after the peer, as many as throw it out."""
        while len(puncher._early) <= limits.EARLY_MAX // 2:
            await asyncio.sleep(0.005)
        peer = puncher._early[limits.EARLY_MAX // 2]
        await self.strangers(puncher)
        while peer in puncher._early:
            await asyncio.sleep(0.005)

    async def race_after(self, reached: str, leave: bool, is_early: bool = False) -> List[bool]:
        """An attempt to reach a port of the second end, to which strangers came before, and after a peer that is early: who has a path."""
        identities = (PeerIdentity(), PeerIdentity())
        punchers = (await self.puncher(), await self.puncher())
        strangers = await self.strangers(punchers[1], limits.EARLY_MAX // (2 if is_early else 1))
        if leave:
            for stranger in strangers:
                stranger.close()
        await asyncio.sleep(0.05)
        listens = punchers[1 if reached == "second" else 0]._listener.getsockname()[1]
        to = connection_pb2.Candidate(host="127.0.0.1", port=listens, type=connection_pb2.CANDIDATE_TYPE_HOST)

        def attempt(at: int) -> Any:
            dials_it = reached == ("second", "first")[at]
            order = connection_pb2.Connection(candidates=[to] if dials_it else [], nonce=NONCE)
            key = identities[1 - at].public_key
            return Race(
                punchers[at],
                order,
                controlling=at == 0,
                secure=lambda: Channel(identities[at], spoken="x", is_client=at == 0, peer_public_key=key),
            ).run()

        first = asyncio.create_task(attempt(0))
        if is_early:
            await asyncio.wait_for(self.throw_out(punchers[1]), 10)
        paths = [path for path, _ in await asyncio.gather(first, attempt(1))]
        for path in paths:
            if path is not None:
                let_go(path.raw)
        return [path is not None for path in paths]

    async def test_is_reached_though_strangers_came_before_and_have_gone(self) -> None:
        self.assertEqual(await self.race_after("second", leave=True), [True, True])

    async def test_dials_though_strangers_came_and_are_silent(self) -> None:
        self.assertEqual(await self.race_after("first", leave=False), [True, True])

    async def test_is_reached_though_as_many_strangers_as_have_a_turn_are_silent(self) -> None:
        self.assertEqual(await self.race_after("second", leave=False), [True, True])

    async def test_is_reached_though_strangers_threw_its_early_dial_out(self) -> None:
        self.assertEqual(await self.race_after("second", leave=False, is_early=True), [True, True])

    def accepted(self) -> socket.socket:
        """A connection that came from a stranger."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            stranger = socket.create_connection(listener.getsockname())
            self.addCleanup(stranger.close)
            return listener.accept()[0]

    async def test_makes_room_for_the_peer_where_as_many_as_may_wait_are_silent(self) -> None:
        puncher = await self.puncher()
        race = Race(puncher, connection_pb2.Connection(nonce=NONCE), controlling=False, secure=lambda: mock.Mock())

        async def never(*_: Any) -> None:
            await asyncio.Event().wait()

        race._shake_hands = never  # type: ignore[method-assign]
        with mock.patch.object(limits, "SECURE_TURN_MS", 50), mock.patch.object(limits, "ATTEMPT_MS", 60_000):
            attempt = asyncio.create_task(race.run())
            await asyncio.sleep(0)
            raws = []
            for _ in range(limits.SECURED_MAX + limits.EARLY_MAX + 1):
                raws.append(self.accepted())
                race.enter_accepted(raws[-1])
            # Those that came just now have had no time to speak; the last is one too many.
            self.assertEqual([raw.fileno() >= 0 for raw in raws], [True] * (len(raws) - 1) + [False])
            async with asyncio.timeout(30):
                while not race._silent:
                    await asyncio.sleep(0.01)
            here = self.accepted()
            race.enter_accepted(here)
            await asyncio.sleep(0.01)
            self.assertEqual((raws[0].fileno(), here.fileno() >= 0, race._accepted), (-1, True, len(raws) - 1))
        race.end()
        await attempt
        self.assertEqual([raw.fileno() for raw in (*raws, here)], [-1] * (len(raws) + 1))

    async def test_keeps_the_connections_that_came_first_and_last_before_the_attempt(self) -> None:
        puncher = await self.puncher()
        strangers = await self.strangers(puncher)
        with socket.create_connection(puncher._listener.getsockname()) as late:
            await asyncio.sleep(0.1)
            early, middle = puncher.take_early(), limits.EARLY_MAX // 2
            self.assertEqual(
                [raw.getpeername() for raw in early],
                [raw.getsockname() for raw in (*strangers[:middle], *strangers[middle + 1 :], late)],
            )
            for raw in early:
                raw.close()

    async def test_makes_room_for_the_peer_where_strangers_have_gone_before_the_attempt(self) -> None:
        puncher = await self.puncher()
        for stranger in await self.strangers(puncher):
            stranger.close()
        await asyncio.sleep(0.05)
        with socket.create_connection(puncher._listener.getsockname()) as late:
            await asyncio.sleep(0.1)
            early = puncher.take_early()
            self.assertEqual([raw.getpeername() for raw in early], [late.getsockname()])
            for raw in early:
                raw.close()

    async def test_accepts_after_an_error_of_one_accept(self) -> None:
        loop = asyncio.get_running_loop()
        with mock.patch.object(loop, "sock_accept", side_effect=OSError(24, "Too many open files")):
            puncher = await self.puncher()
            await asyncio.sleep(0.05)
        with socket.create_connection(puncher._listener.getsockname()):
            for _ in range(200):
                await asyncio.sleep(0.01)
                if puncher._early:
                    break
        self.assertEqual(len(puncher._early), 1)

    async def test_takes_no_connection_that_is_gone_when_it_is_set_up(self) -> None:
        puncher, raw = await self.puncher(), mock.Mock()
        raw.setsockopt.side_effect = OSError(22, "Invalid argument")
        puncher._enter(raw)
        self.assertEqual((raw.close.call_count, puncher._early), (1, []))

    async def test_sends_small_messages_at_once_at_both_ends_and_asks_the_kernel_to_keep_the_path(self) -> None:
        for path, _ in await self.race():
            self.assertEqual(path.raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), 1)
            self.assertEqual(path.raw.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE), 1)
            let_go(path.raw)

    async def test_confirms_no_nomination_once_the_attempt_is_over(self) -> None:
        race = Race(await self.puncher(), connection_pb2.Connection(nonce=NONCE), controlling=False, secure=mock.Mock())
        race._expect = mock.AsyncMock(side_effect=lambda *_: race.end())  # type: ignore[method-assign]
        race._say = mock.AsyncMock()  # type: ignore[method-assign]
        here, there = socket.socketpair()
        race._shake_hands = mock.AsyncMock()  # type: ignore[method-assign]
        self.assertEqual(await race._enter(here), "not nominated")
        there.close()
        race._say.assert_not_called()

    async def test_leaves_no_socket_behind_where_nothing_was_found(self) -> None:
        brokered = Brokered(7, incoming=False)
        opened = await brokered.open_sockets([])
        self.assertIs(await brokered.open_sockets([]), opened)
        brokered.over()
        with self.assertRaises(OSError):
            opened._listener.getsockname()
        with self.assertRaisesRegex(ConnectionError, "given up"):
            brokered.sockets = None
            await brokered.open_sockets([])


if __name__ == "__main__":
    unittest.main()
