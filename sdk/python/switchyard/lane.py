"""One path of a connection to a peer: what carries its bytes, TLS over that, and what is on its way there."""
from __future__ import annotations

import asyncio
from typing import Optional, Set, Union

from . import frames
from .direct_pipe import DirectPipe
from .pipe import RelayPipe
from .plain_pipe import PlainChannel, PlainPipe
from .secure import Channel


class Lane:
    """Counts for itself what its readers have taken, as each end says so on the path by which it came."""

    def __init__(self, pipe: Union[RelayPipe, PlainPipe, DirectPipe], channel: Union[Channel, PlainChannel]) -> None:
        self.pipe = pipe
        self.channel = channel
        self.frames = frames.FrameReader(may_move=self.is_left_by_moving)
        # One at a time: the bytes of TLS go out in the order in which they were made.
        self.turn = asyncio.Lock()
        # Bytes on their way that the peer's reader has not taken.
        self.untaken = 0
        # What came and waits for the program; and bytes that it has taken and the peer was not told of.
        self.inbox = bytearray()
        self.to_say = 0
        # The peer has said here that its data is complete.
        self.has_ended = False
        # The peer goes on elsewhere: on the path of this attempt.
        self.moved: Optional[int] = None
        # What it died of while nothing depended on it.
        self.error: Optional[BaseException] = None
        # Anything has come from the peer; and whether anything went to it since the last sign of life.
        self.has_heard = False
        self.has_sent = False
        # Signs of life that did not come, one after the other.
        self.missed = 0
        # What reads it, alone; and whatever works on it.
        self.reading: Set[asyncio.Task[None]] = set()
        self.tasks: Set[asyncio.Task[None]] = set()

    @property
    def is_direct(self) -> bool:
        return isinstance(self.pipe, DirectPipe)

    @property
    def is_left_by_moving(self) -> bool:
        """Whether both ends may go on elsewhere: older forms of the relay cannot say so inside TLS."""
        return isinstance(self.pipe, RelayPipe)

    async def put(self, plain: bytes = b"", *, is_sign: bool = False) -> None:
        """Sends bytes; `is_sign`: a sign of life, which is no reason to leave out the next."""
        async with self.turn:
            if plain:
                self.has_sent |= not is_sign
                self.channel.write(plain)
            cipher = self.channel.outgoing()
            if cipher:
                await self.pipe.send(cipher)

    def close(self) -> None:
        """Lets go at once."""
        current = asyncio.current_task()
        for task in list(self.tasks):
            if task is not current:
                task.cancel()
        self.pipe.close()
