"""What a connection to a peer is made of, without a server."""
import asyncio
import unittest
from collections import deque
from typing import Any, AsyncIterator, Deque, List, Optional, Tuple

import grpc

from switchyard import SwitchyardError, frames, limits
from switchyard.peer_stream import PeerStream
from switchyard.peer_transport import PeerTransport
from switchyard.pipe import RelayPipe
from switchyard.secure import Channel, PeerIdentity


class FramesTest(unittest.TestCase):
    def read(self, data: bytes, step: int) -> list:
        reader = frames.FrameReader()
        return [frame for at in range(0, len(data), step) for frame in reader.read(data[at : at + step])]

    def test_frames_are_read_whatever_the_chunks(self) -> None:
        data = frames.head(frames.DATA, 3) + b"abc" + frames.head(frames.TAKEN, 70_000) + frames.head(frames.END, 0)
        for step in (1, 2, 5, 100):
            found = self.read(data, step)
            self.assertEqual(b"".join(part for kind, _, part in found if kind == frames.DATA), b"abc")
            self.assertEqual([(kind, length) for kind, length, _ in found if kind != frames.DATA], [(frames.TAKEN, 70_000), (frames.END, 0)])

    def test_frames_that_cannot_be_are_refused(self) -> None:
        end = frames.head(frames.END, 0)
        for data in (frames.head(frames.DATA, frames.FRAME_BYTES_MAX + 1), frames.head(9, 0), frames.head(frames.END, 1), end + end):
            with self.assertRaises(ConnectionError):
                self.read(data, 4)


class SecureTest(unittest.TestCase):
    def shake(self, client: Channel, server: Channel) -> None:
        done = [False, False]
        for _ in range(10):
            for at, (one, other) in enumerate(((client, server), (server, client))):
                done[at] = done[at] or one.shake_hands()
                other.take(one.outgoing())
        self.assertEqual(done, [True, True])

    def ends(self, spoken: str = "switchyard-relay/2/x"):
        one, two = PeerIdentity(), PeerIdentity()
        client = Channel(one, spoken="switchyard-relay/2/x", is_client=True, peer_public_key=two.public_key)
        return client, two, Channel(two, spoken=spoken, is_client=False, peer_public_key=one.public_key)

    def test_both_ends_prove_their_keys_and_read_each_other(self) -> None:
        client, _, server = self.ends()
        self.shake(client, server)
        client.write(b"forth" * 50_000)
        server.take(client.outgoing())
        self.assertEqual(server.read(), (b"forth" * 50_000, False))
        client.close()
        server.take(client.outgoing())
        self.assertEqual(server.read(), (b"", True))

    def test_another_key_than_the_one_ordered_is_refused(self) -> None:
        client, two, _ = self.ends()
        stranger = Channel(PeerIdentity(), spoken="switchyard-relay/2/x", is_client=False, peer_public_key=b"")
        with self.assertRaisesRegex(ConnectionError, "another key"):
            self.shake(client, stranger)
        client, two, _ = self.ends()
        strict = Channel(two, spoken="switchyard-relay/2/x", is_client=False, peer_public_key=PeerIdentity().public_key)
        with self.assertRaisesRegex(ConnectionError, "another key"):
            self.shake(client, strict)

    def test_the_streams_of_another_connection_are_refused(self) -> None:
        client, _, server = self.ends(spoken="switchyard-relay/2/y")
        with self.assertRaises(ConnectionError):
            self.shake(client, server)


class MemoryPipe:
    """One end of a path in memory, which confirms everything at once."""

    def __init__(self) -> None:
        self.other: Optional["MemoryPipe"] = None
        self.came: "asyncio.Queue[Optional[bytes]]" = asyncio.Queue()

    async def send(self, data: bytes) -> None:
        self.other.came.put_nowait(data)

    async def flush(self) -> None:
        pass

    async def finish(self) -> None:
        self.other.came.put_nowait(None)

    async def blocks(self) -> AsyncIterator[bytes]:
        while (block := await self.came.get()) is not None:
            yield block

    def close(self) -> None:
        self.other.came.put_nowait(None)


async def connected() -> Tuple[PeerStream, PeerStream]:
    """Both ends of a connection in this process."""
    one, two = PeerIdentity(), PeerIdentity()
    pipes = (MemoryPipe(), MemoryPipe())
    pipes[0].other, pipes[1].other = pipes[1], pipes[0]
    transports = []
    for at, (own, peer) in enumerate(((one, two), (two, one))):
        channel = Channel(own, spoken="x", is_client=at == 0, peer_public_key=peer.public_key)
        extra = {"peer_cvid": at, "connection_id": "c", "incoming": at == 1, "path": "relayed", "end_to_end": True}
        transports.append(PeerTransport(pipes[at], channel, extra))  # type: ignore[arg-type]
    here, there = await asyncio.gather(*(PeerStream.open(transport) for transport in transports))
    return here, there


class StreamTest(unittest.IsolatedAsyncioTestCase):
    MUCH = bytes(range(256)) * (3 * limits.PEER_WINDOW_BYTES // 256)

    async def echo(self, stream: PeerStream) -> None:
        async with stream:
            while data := await stream.reader.read(65_536):
                stream.writer.write(data)
                await stream.writer.drain()

    async def test_echo_of_thrice_the_window_comes_back_when_writing_ends_before_reading_begins(self) -> None:
        here, there = await connected()
        echo = asyncio.create_task(self.echo(there))
        here.writer.write(self.MUCH)
        here.writer.write_eof()
        came = await asyncio.wait_for(here.reader.read(), 30)
        self.assertTrue(came == self.MUCH)
        self.assertEqual([await asyncio.wait_for(here.closed(), 5), await asyncio.wait_for(there.closed(), 5)], [None, None])
        await echo

    async def test_drain_waits_at_the_window_while_the_peer_does_not_read_and_goes_on_when_it_does(self) -> None:
        here, there = await connected()
        here.writer.write(self.MUCH)
        with self.assertRaises(asyncio.TimeoutError):
            await asyncio.wait_for(here.writer.drain(), 0.5)
        sent = len(self.MUCH) - here.writer.transport.get_write_buffer_size()
        self.assertLessEqual(sent, limits.PEER_WINDOW_BYTES + limits.PEER_TAKEN_BYTES)
        reading = asyncio.create_task(there.reader.readexactly(len(self.MUCH)))
        await asyncio.wait_for(here.writer.drain(), 30)
        self.assertTrue(await asyncio.wait_for(reading, 30) == self.MUCH)
        here.abort()

    async def test_data_that_was_not_read_is_there_after_a_connection_that_ended_well(self) -> None:
        here, there = await connected()
        data = self.MUCH[: limits.PEER_WINDOW_BYTES // 2]
        here.writer.write(data)
        here.writer.write_eof()
        there.writer.write_eof()
        self.assertIsNone(await asyncio.wait_for(there.closed(), 5))
        self.assertTrue(await there.reader.read() == data)

    async def test_close_tells_the_peer_the_end_and_is_no_error_at_either_end(self) -> None:
        here, there = await connected()
        here.writer.write(b"all")
        here.writer.close()
        self.assertEqual(await asyncio.wait_for(there.reader.read(), 5), b"all")
        there.writer.close()
        self.assertEqual([await asyncio.wait_for(here.closed(), 5), await asyncio.wait_for(there.closed(), 5)], [None, None])

    async def test_a_block_that_raises_aborts_so_that_the_peer_does_not_take_half_for_all(self) -> None:
        here, there = await connected()
        with self.assertRaises(KeyError):
            async with here:
                here.writer.write(b"half")
                raise KeyError
        with self.assertRaisesRegex(ConnectionError, "cut before"):
            await asyncio.wait_for(there.reader.read(), 5)

    async def test_a_path_that_is_cut_is_an_error_for_the_reader_and_never_the_end_of_the_data(self) -> None:
        here, there = await connected()
        here.abort()
        with self.assertRaisesRegex(ConnectionError, "cut before the peer had said that its data is complete"):
            await asyncio.wait_for(there.reader.read(), 5)
        self.assertIsInstance(await there.closed(), ConnectionError)


class MemoryEnd:
    """An end of a stream with delivery confirmation, whose call breaks when the test says so."""

    def __init__(self, confirmed: int) -> None:
        self.stream = self
        self.params = self
        self.delivery_confirmation = True
        self.confirmed_blocks = self.sent_blocks = confirmed
        self.lost_blocks = 0
        self.written: List[bytes] = []
        self.ended: "asyncio.Future[None]" = asyncio.get_running_loop().create_future()
        self.on_confirmed: Any = None

    async def write(self, block: bytes) -> None:
        self.written.append(block)
        self.sent_blocks += 1

    async def finish(self) -> None:
        pass

    def close(self) -> None:
        pass


class PipeTest(unittest.IsolatedAsyncioTestCase):
    async def pipe_over(self, confirmed: List[int]) -> Tuple[RelayPipe, List[MemoryEnd]]:
        """A pipe whose source says of each call that so many blocks were confirmed; and the ends that it has opened."""
        opened: List[MemoryEnd] = []
        answers: Deque[int] = deque(confirmed)

        async def open_source(_: int) -> Any:
            opened.append(MemoryEnd(answers.popleft()))
            return opened[-1]

        async def open_sink(_: int) -> Any:
            await asyncio.Event().wait()

        return RelayPipe(open_source, open_sink, lambda: 0.0), opened

    async def send_three_confirm_one(self, pipe: RelayPipe, opened: List[MemoryEnd]) -> None:
        for block in (b"a", b"b", b"c"):
            await pipe.send(block)
        await asyncio.sleep(0.01)
        opened[0].on_confirmed(1)
        opened[0].ended.set_exception(SwitchyardError(grpc.StatusCode.UNAVAILABLE, "away"))
        await asyncio.sleep(0.05)

    async def test_what_was_not_confirmed_is_sent_again_on_the_next_call(self) -> None:
        pipe, opened = await self.pipe_over([0, 2])
        await self.send_three_confirm_one(pipe, opened)
        self.assertEqual([end.written for end in opened], [[b"a", b"b", b"c"], [b"c"]])
        pipe.close()

    async def test_a_server_that_takes_back_a_confirmation_ends_the_path_instead_of_repeating_other_blocks(self) -> None:
        pipe, opened = await self.pipe_over([0, 0])
        await self.send_three_confirm_one(pipe, opened)
        with self.assertRaisesRegex(ConnectionError, "block 0 again, which it had confirmed"):
            await pipe.send(b"d")
        self.assertEqual(opened[1].written, [])
        pipe.close()


if __name__ == "__main__":
    unittest.main()
