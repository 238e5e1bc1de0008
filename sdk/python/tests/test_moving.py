"""How a connection moves from the relay to a direct path, between two ends in this process."""
import asyncio
import socket
import unittest
from typing import List, Tuple

from switchyard import frames, limits
from switchyard.direct_pipe import DirectPipe
from switchyard.lane import Lane
from switchyard.lanes import OFFERS_MAX
from switchyard.peer_stream import PeerStream
from switchyard.peer_transport import PeerTransport
from switchyard.pipe import RelayPipe
from switchyard.secure import Channel, PeerIdentity

from .test_peers import MemoryPipe

ATTEMPT = 4


class MemoryRelay(MemoryPipe, RelayPipe):
    """The two streams through the server, in memory."""


def channels(identities: List[PeerIdentity]) -> List[Channel]:
    """The two ends of TLS."""
    one, two = identities
    keys = (two.public_key, one.public_key)
    return [Channel(identities[at], spoken="x", is_client=at == 0, peer_public_key=keys[at]) for at in range(2)]


def proved(identities: List[PeerIdentity]) -> List[Channel]:
    """The same after the handshake, as an attempt leaves them."""
    here, there = channels(identities)
    done = [False, False]
    while not all(done):
        for at, (one, other) in enumerate(((here, there), (there, here))):
            done[at] = done[at] or one.shake_hands()
            other.take(one.outgoing())
    return [here, there]


class MovingTest(unittest.IsolatedAsyncioTestCase):
    MUCH = bytes(range(256)) * (limits.PEER_WINDOW_BYTES // 512)

    async def asyncSetUp(self) -> None:
        self.identities = [PeerIdentity(), PeerIdentity()]
        pipes = (MemoryRelay(), MemoryRelay())
        pipes[0].other, pipes[1].other = pipes[1], pipes[0]
        self.moved: List[int] = []
        self.transports: List[PeerTransport] = []
        for at, channel in enumerate(channels(self.identities)):
            extra = {"peer_cvid": at, "connection_id": "c", "incoming": at == 1, "path": "relayed", "end_to_end": True}
            transport = PeerTransport(pipes[at], channel, extra)
            transport.on_moved = lambda at=at: self.moved.append(at)  # type: ignore[misc]
            self.transports.append(transport)
            self.addAsyncCleanup(self.abort, transport)
        self.here, self.there = await asyncio.gather(*(PeerStream.open(transport) for transport in self.transports))

    async def abort(self, transport: PeerTransport) -> None:
        transport.abort()

    def found(self) -> Tuple[Lane, Lane]:
        """The path of an attempt, at both ends: the second one moves when the first one does."""
        raws = self.raws = socket.socketpair()
        lanes = []
        for at, channel in enumerate(proved(self.identities)):
            raws[at].setblocking(False)
            expected = self.transports[1].expect(ATTEMPT) if at == 1 else None
            lane = self.transports[at].adopt(DirectPipe(raws[at]), channel)
            assert lane is not None
            if expected is not None:
                expected.set_result(lane)
            lanes.append(lane)
        return lanes[0], lanes[1]

    def cut(self) -> None:
        """What is on the way between them ends the path, so that both read its end."""
        self.raws[1].shutdown(socket.SHUT_RDWR)

    async def expect_good_end(self) -> None:
        ends = await asyncio.wait_for(asyncio.gather(self.here.closed(), self.there.closed()), 10)
        self.assertEqual(ends, [None, None])

    async def test_every_byte_comes_once_and_in_order_each_way_before_and_after(self) -> None:
        path, _ = self.found()
        coming = [asyncio.create_task(stream.reader.read()) for stream in (self.here, self.there)]
        for stream in (self.here, self.there):
            stream.writer.write(self.MUCH)
        self.assertTrue(await asyncio.wait_for(self.transports[0].move(ATTEMPT, path), 10))
        for stream in (self.here, self.there):
            stream.writer.write(self.MUCH[::-1])
            stream.writer.write_eof()
        for came in await asyncio.wait_for(asyncio.gather(*coming), 30):
            self.assertTrue(came == self.MUCH + self.MUCH[::-1])
        self.assertEqual((sorted(self.moved), self.here.path, self.there.path), ([0, 1], "direct", "direct"))
        await self.expect_good_end()

    async def test_a_program_that_does_not_read_is_given_what_came_before_and_then_what_came_by_the_path(self) -> None:
        path, _ = self.found()
        self.here.writer.write(self.MUCH)
        self.assertTrue(await asyncio.wait_for(self.transports[0].move(ATTEMPT, path), 10))
        self.here.writer.write(b"after")
        self.here.writer.write_eof()
        await asyncio.sleep(0.2)
        self.assertEqual(self.there.path, "relayed")
        self.assertTrue(await asyncio.wait_for(self.there.reader.read(), 10) == self.MUCH + b"after")
        self.there.writer.write_eof()
        await self.expect_good_end()

    async def test_the_peer_is_followed_to_the_path_of_an_attempt_when_the_next_one_is_ordered_before(self) -> None:
        path, _ = self.found()
        self.transports[1].expect(ATTEMPT + 1).set_result(None)
        self.assertTrue(await asyncio.wait_for(self.transports[0].move(ATTEMPT, path), 10))
        for stream in (self.here, self.there):
            stream.writer.write_eof()
        await self.expect_good_end()
        self.assertEqual((self.here.path, self.there.path), ("direct", "direct"))

    async def test_the_path_of_an_attempt_is_closed_when_so_many_have_begun_after_it(self) -> None:
        self.found()
        for attempt in range(1, OFFERS_MAX + 1):
            self.assertNotEqual(self.raws[1].fileno(), -1)
            self.transports[1].expect(ATTEMPT + attempt)
        async with asyncio.timeout(10):
            while self.raws[1].fileno() != -1:
                await asyncio.sleep(0.005)

    async def test_an_end_that_has_said_its_end_does_not_begin_to_move(self) -> None:
        path, _ = self.found()
        self.here.writer.write_eof()
        await asyncio.wait_for(self.there.reader.read(), 5)
        self.assertFalse(await asyncio.wait_for(self.transports[0].move(ATTEMPT, path), 5))
        self.there.writer.write(b"still here")
        self.there.writer.write_eof()
        self.assertEqual((await asyncio.wait_for(self.here.reader.read(), 5), self.moved), (b"still here", []))
        await self.expect_good_end()

    async def test_a_way_that_has_ended_on_the_relay_stays_ended_while_the_other_one_moves(self) -> None:
        path, _ = self.found()
        self.there.writer.write(b"all")
        self.there.writer.write_eof()
        self.assertEqual(await asyncio.wait_for(self.here.reader.read(), 5), b"all")
        self.assertTrue(await asyncio.wait_for(self.transports[0].move(ATTEMPT, path), 5))
        self.here.writer.write(b"more")
        self.here.writer.write_eof()
        self.assertEqual(await asyncio.wait_for(self.there.reader.read(), 5), b"more")
        self.assertEqual(sorted(self.moved), [0, 1])
        await self.expect_good_end()

    async def test_a_path_that_dies_before_is_forgotten(self) -> None:
        path, _ = self.found()
        self.cut()
        async with asyncio.timeout(10):
            while path.error is None:
                await asyncio.sleep(0.005)
        self.assertFalse(await asyncio.wait_for(self.transports[0].move(ATTEMPT, path), 5))
        self.here.writer.write(b"on the relay")
        self.assertEqual(await asyncio.wait_for(self.there.reader.readexactly(12), 5), b"on the relay")
        self.assertEqual((self.here.path, self.transports[0].may_move), ("relayed", True))

    async def test_a_path_that_dies_after_is_an_error_at_both_ends(self) -> None:
        path, _ = self.found()
        self.assertTrue(await asyncio.wait_for(self.transports[0].move(ATTEMPT, path), 5))
        self.cut()
        ends = await asyncio.wait_for(asyncio.gather(self.here.closed(), self.there.closed()), 5)
        for error in ends:
            self.assertIsInstance(error, ConnectionError)

    async def test_a_move_to_a_path_that_is_not_there_is_an_error(self) -> None:
        path, _ = self.found()
        await self.transports[0].move(ATTEMPT + 1, path)
        error = await asyncio.wait_for(self.there.closed(), 5)
        self.assertRegex(str(error), "moved to a direct path that is not there at this end")

    async def test_a_path_that_is_found_too_late_is_closed(self) -> None:
        self.transports[0].abort()
        own, other = socket.socketpair()
        own.setblocking(False)
        self.assertIsNone(self.transports[0].adopt(DirectPipe(own), proved(self.identities)[0]))
        self.assertEqual(own.fileno(), -1)
        other.close()


class FrameTest(unittest.TestCase):
    def test_nothing_but_the_end_follows_a_move_which_only_the_relay_has(self) -> None:
        moved, end = frames.head(frames.MOVED, ATTEMPT), frames.head(frames.END, 0)
        reader = frames.FrameReader(may_move=True)
        self.assertEqual([kind for kind, _, _ in reader.read(moved + end)], [frames.MOVED, frames.END])
        for data, may_move in ((moved, False), (moved + moved, True), (end + moved, True), (moved + frames.head(frames.DATA, 1), True)):
            with self.assertRaises(ConnectionError):
                list(frames.FrameReader(may_move=may_move).read(data))


if __name__ == "__main__":
    unittest.main()
