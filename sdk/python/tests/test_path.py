"""One direct path, from the moment it is found: who has it, what it carries, and how its end is known."""
import asyncio
import socket
import unittest
from typing import Callable, Optional, Tuple
from unittest import mock

from switchyard import limits
from switchyard.brokered import Brokered
from switchyard.direct import DirectPaths
from switchyard.direct_pipe import DirectPipe, let_go
from switchyard.peer_stream import PeerStream
from switchyard.peer_transport import PeerTransport
from switchyard.race import Path
from switchyard.secure import Channel, PeerIdentity
from switchyard.v1 import connection_pb2

NONCE = bytes(range(16))


class LoopTest(unittest.IsolatedAsyncioTestCase):
    async def now(self, clean_up: Callable[[], None]) -> None:
        """Cleans up while the event loop still runs."""
        clean_up()


class TakeTest(LoopTest):
    """What becomes of a path that an attempt has found here."""

    async def asyncSetUp(self) -> None:
        identities = (PeerIdentity(), PeerIdentity())
        self.raws = socket.socketpair()
        self.paths = DirectPaths(lambda: identities[0])
        self.brokered = Brokered(7, incoming=True)
        channels = []
        for at, raw in enumerate(self.raws):
            raw.setblocking(False)
            self.addAsyncCleanup(self.now, lambda raw=raw: let_go(raw))
            key = identities[1 - at].public_key
            channels.append(Channel(identities[at], spoken="x", is_client=at == 0, peer_public_key=key))
        self.path = Path(self.raws[0], channels[0])
        extra = {"peer_cvid": 1, "connection_id": "c", "incoming": False, "path": "direct", "end_to_end": True}
        self.peer = PeerTransport(DirectPipe(self.raws[1]), channels[1], extra)
        # The peer is proved, and has nothing to say.
        self.peer._live = mock.AsyncMock()  # type: ignore[method-assign]

    async def taking(self) -> "asyncio.Task[Optional[PeerStream]]":
        """This end has taken the path, and waits for the peer's first word."""
        task = asyncio.create_task(self.paths._take(self.brokered, self.path, controlling=False))
        await asyncio.wait_for(PeerStream.open(self.peer), 5)
        await asyncio.sleep(0.05)
        self.assertFalse(task.done())
        return task

    async def test_lets_a_path_go_when_the_order_is_cancelled_before_the_peer_has_said_anything(self) -> None:
        task = await self.taking()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        self.assertTrue(task.cancelled())
        self.assertEqual((self.raws[0].fileno(), self.brokered.transport), (-1, None))
        self.assertIsInstance(await asyncio.wait_for(self.peer.over(), 5), ConnectionError)

    async def test_lets_a_path_go_when_the_connection_ends_before_the_peer_has_said_anything(self) -> None:
        task = await self.taking()
        self.brokered.fail(ConnectionError("the session is over"))
        self.assertIsNone(await asyncio.wait_for(task, 5))
        self.assertEqual(self.raws[0].fileno(), -1)

    async def test_takes_no_path_once_the_relay_is_ordered(self) -> None:
        self.brokered.is_relayed = True
        self.assertIsNone(await self.paths._take(self.brokered, self.path, controlling=True))
        self.assertEqual((self.raws[0].fileno(), self.brokered.transport), (-1, None))

    async def test_keeps_the_sockets_while_another_attempt_runs(self) -> None:
        sockets = await self.brokered.open_sockets([])
        with mock.patch.object(limits, "SPARE_MS", 50), mock.patch.object(limits, "ATTEMPT_MS", 200):
            self.brokered.spare_sockets()
            before = asyncio.get_running_loop().time()
            await self.paths.punch(self.brokered, connection_pb2.Connection(nonce=NONCE))
            self.assertGreater(asyncio.get_running_loop().time() - before, 0.19)
        self.assertIs(self.brokered.sockets, sockets)
        self.brokered.over()


class PipeTest(LoopTest):
    async def test_lets_other_tasks_run_between_blocks_though_there_are_bytes_at_once(self) -> None:
        here, there = socket.socketpair()
        for raw in (here, there):
            raw.setblocking(False)
            self.addAsyncCleanup(self.now, lambda raw=raw: let_go(raw))
        there.send(bytes(3 << 16))
        turns = []
        blocks = DirectPipe(here).blocks()
        self.assertEqual(await blocks.__anext__(), b"")
        for block in range(3):
            asyncio.get_running_loop().call_soon(turns.append, block)
            await blocks.__anext__()
        self.assertEqual(turns, [0, 1, 2])
        for block in range(3):
            asyncio.get_running_loop().call_soon(turns.append, block)
            await DirectPipe(there).send(b"x")
        self.assertEqual(turns[-3:], [0, 1, 2])


class LifeTest(LoopTest):
    async def ends(self, change: Optional[Callable[[DirectPipe], None]] = None) -> Tuple[PeerTransport, PeerTransport]:
        """Both ends of a path, of which the second may be changed."""
        raws = socket.socketpair()
        identities = (PeerIdentity(), PeerIdentity())
        transports = []
        for at, raw in enumerate(raws):
            raw.setblocking(False)
            channel = Channel(identities[at], spoken="x", is_client=at == 0, peer_public_key=identities[1 - at].public_key)
            extra = {"peer_cvid": at, "connection_id": "c", "incoming": at == 1, "path": "direct", "end_to_end": True}
            pipe = DirectPipe(raw)
            transports.append(PeerTransport(pipe, channel, extra))
            self.addAsyncCleanup(self.now, lambda raw=raw: let_go(raw))
        self.pipe = pipe
        await asyncio.gather(*(PeerStream.open(transport) for transport in transports))
        return transports[0], transports[1]

    async def test_hears_the_peer_by_its_signs_of_life_though_no_data_comes(self) -> None:
        here, there = await self.ends()
        self.assertTrue(await here.heard(5))
        self.assertTrue(await there.heard(5))

    async def test_lives_while_signs_of_life_come_and_ends_when_they_stop(self) -> None:
        with mock.patch.object(limits, "PEER_ALIVE_MS", 40):
            here, _ = await self.ends()
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(here.over(), 0.6)
            # From now on nothing of this end leaves it.
            self.pipe.send = mock.AsyncMock()  # type: ignore[method-assign]
            error = await asyncio.wait_for(here.over(), 10)
        self.assertRegex(str(error), "the path is dead")

    async def test_ends_when_the_peer_is_silent_and_takes_nothing_either(self) -> None:
        with mock.patch.object(limits, "PEER_ALIVE_MS", 40):
            here, there = await self.ends()
            # The other end hears as little, and would cut the path first every other time.
            for task in there._first.tasks - there._first.reading:
                task.cancel()

            async def never(data: bytes) -> None:
                await asyncio.Event().wait()

            here._out.pipe.send = never  # type: ignore[method-assign]
            self.pipe.send = mock.AsyncMock()  # type: ignore[method-assign]
            error = await asyncio.wait_for(here.over(), 10)
        self.assertRegex(str(error), "the path is dead")


if __name__ == "__main__":
    unittest.main()
