"""One attempt to reach a peer directly: paths on their way to being the one that is used."""
from __future__ import annotations

import asyncio
import errno
import socket
from ipaddress import AddressValueError, IPv4Address
from typing import Any, Callable, Coroutine, List, NamedTuple, Optional, Set, Tuple

from . import limits
from .direct_pipe import READ_BYTES, let_go, receive, send_all
from .punch import Puncher, dial
from .secure import Channel
from .stubs import duration_of, seconds_of
from .v1 import connection_pb2

# Names an attempt: it follows the first byte on a proved path, which says that this one is meant, or that it is taken.
NONCE_BYTES = 16
_NOMINATED, _CONFIRMED = 1, 2
# Of no address in particular: the server takes none that is empty.
_ANYWHERE = "0.0.0.0"
_HOST = connection_pb2.CANDIDATE_TYPE_HOST

# The closed list of src/client/direct/outcome.ts, which the other end reads.
_CONNECTED = "connected"
_NOT_NEEDED = "not needed any more"
_CLOSED = "closed in the handshake"
_OUTCOMES = {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "refused",
    errno.EHOSTUNREACH: "unreachable",
    errno.ENETUNREACH: "unreachable",
    # The very same connection exists already: the peer's dial has arrived, or the last one has just ended.
    errno.EADDRNOTAVAIL: "in use",
    errno.EADDRINUSE: "in use",
}


class Path(NamedTuple):
    """A path that both ends have agreed on."""

    raw: socket.socket
    channel: Channel


class _NotNominated(Exception):
    """The peer has taken another path, or none yet."""


class _PathEnded(ConnectionError):
    """The peer has closed the path."""


class _Turn:
    """
    A turn for TLS with a connection that came: up to the proof of the peer's key, and for a while at most, as a stranger may say
    nothing. What has had its turn may go on, but is silent: it is in the way of those that come.
    """

    def __init__(self, turns: asyncio.Semaphore, silent: List[asyncio.Task[Any]]) -> None:
        self._turns = turns
        self._silent = silent
        self._task = asyncio.current_task()
        self._is_over = False
        self._timer = asyncio.get_running_loop().call_later(limits.SECURE_TURN_MS / 1000, self._expire)

    def _expire(self) -> None:
        self._is_over = True
        self._turns.release()
        if self._task is not None:
            self._silent.append(self._task)

    def end(self) -> None:
        """It has proved its key, or is gone."""
        if not self._is_over:
            self._is_over = True
            self._timer.cancel()
            self._turns.release()
        elif self._task in self._silent:
            self._silent.remove(self._task)


class Race:
    """
    Each path is proved; then the controlling end nominates one at a time, in the order in which they were proved, and the other end
    confirms the first nomination that it reads. What does not win is reset.
    """

    def __init__(
        self, puncher: Puncher, order: connection_pb2.Connection, *, controlling: bool, secure: Callable[[], Channel]
    ) -> None:
        self._puncher = puncher
        self._order = order
        self._controlling = controlling
        # Makes an end of TLS.
        self._secure = secure
        self._loop = asyncio.get_running_loop()
        self._before = self._loop.time()
        self._start_after = min(seconds_of(order.start_after), limits.START_AFTER_MAX_MS / 1000)
        self._over = asyncio.Event()
        # One nomination or confirmation at a time.
        self._nominating = asyncio.Lock()
        # TLS with connections that came: strangers may dial, too. Dials of this end's own need no turn.
        self._turns = asyncio.Semaphore(limits.SECURED_MAX)
        # Those that have a turn, wait for one, or have had one; and those of them that have not proved their key in their turn.
        self._accepted = 0
        self._silent: List[asyncio.Task[Any]] = []
        self._winner: Optional[Path] = None
        # What came of the dials, and of connections that came: the winner first.
        self._pairs: List[connection_pb2.CandidatePair] = []
        self._came: List[connection_pb2.CandidatePair] = []
        self._tasks: Set[asyncio.Task[None]] = set()

    async def run(self) -> Tuple[Optional[Path], connection_pb2.PunchAnswer]:
        """Tries once to reach the peer, as ordered. None: it was not reached. The answer tells what was tried."""
        try:
            await self._run()
        except BaseException:
            if self._winner is not None:
                let_go(self._winner.raw, reset=True)
            raise
        took = duration_of(self._loop.time() - self._before)
        connected = self._winner is not None
        return self._winner, connection_pb2.PunchAnswer(pairs=self._told(), took=took, connected=connected)

    def _told(self) -> List[connection_pb2.CandidatePair]:
        """What the server takes of the pairs: strangers may come, so the dials and the winner are first."""
        return (self._pairs + self._came)[: limits.PAIRS_MAX]

    async def _run(self) -> None:
        try:
            self._puncher.race = self
            for raw in self._puncher.take_early():
                self.enter_accepted(raw)
            # The order in which they are tried, and not too many.
            in_order = sorted(self._order.candidates, key=lambda one: -one.priority)
            for candidate in in_order[: limits.CANDIDATES_MAX]:
                self._spawn(self._dial(candidate))
            await asyncio.wait_for(self._over.wait(), self._start_after + limits.ATTEMPT_MS / 1000)
        except asyncio.TimeoutError:
            pass
        finally:
            self._over.set()
            if self._puncher.race is self:
                self._puncher.race = None
            for task in list(self._tasks):
                task.cancel()
            # Each notes its outcome, and lets its socket go.
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def end(self) -> None:
        """Gives the attempt up."""
        self._over.set()

    def enter_accepted(self, raw: socket.socket) -> None:
        """Enters a connection that came to the listening port."""
        if self._accepted >= limits.SECURED_MAX + limits.EARLY_MAX:
            if not self._silent:
                let_go(raw, reset=True)
                return
            self._silent.pop(0).cancel()
        self._accepted += 1
        self._spawn(self._enter_accepted(raw)).add_done_callback(lambda task: self._leave_accepted(task, raw))

    def _leave_accepted(self, task: asyncio.Task[None], raw: socket.socket) -> None:
        self._accepted -= 1
        # One that is given up before it has begun lets nothing go.
        if task.cancelled():
            let_go(raw, reset=True)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _enter_accepted(self, raw: socket.socket) -> None:
        try:
            places = (raw.getsockname(), raw.getpeername())
        except OSError:
            # It is gone already.
            let_go(raw)
            return
        ends = [connection_pb2.Candidate(host=host, port=port, type=_HOST) for host, port in places]
        outcome = _NOT_NEEDED
        try:
            outcome = await self._enter_in_turn(raw)
        finally:
            self._note_came(ends[0], ends[1], outcome)

    async def _enter_in_turn(self, raw: socket.socket) -> str:
        await self._turns.acquire()
        turn = _Turn(self._turns, self._silent)
        try:
            return await self._enter(raw, turn)
        finally:
            turn.end()

    async def _dial(self, to: connection_pb2.Candidate) -> None:
        local = connection_pb2.Candidate(host=_ANYWHERE, port=self._puncher.dial_port, type=_HOST)
        outcome = [_NOT_NEEDED]
        try:
            await self._dial_until_over(to, outcome)
        finally:
            self._pairs.append(connection_pb2.CandidatePair(local=local, remote=to, outcome=outcome[0]))

    async def _dial_until_over(self, to: connection_pb2.Candidate, outcome: List[str]) -> None:
        """Dials one address until it answers, there is no sense in trying, or the race is over. `outcome`: what came of it so far."""
        if not self._is_dialled(to):
            outcome[0] = "not dialled: it is not in a network of this end"
            return
        # The peer's own addresses are dialled at once: that is the same network, or a peer without a NAT. What lies behind a NAT is
        # dialled at the ordered moment, so that each side's first SYN leaves before the other's arrives.
        if to.type != _HOST:
            await asyncio.sleep(self._start_after)
        for _ in range(limits.REDIALS_MAX):
            outcome[0] = "no answer"
            try:
                raw = await dial(self._puncher.dial_port, to.host, to.port)
            except OSError as error:
                outcome[0] = _OUTCOMES.get(error.errno or 0, "no answer")
                await asyncio.sleep(limits.REDIAL_AFTER_MS / 1000)
                continue
            outcome[0] = _NOT_NEEDED
            outcome[0] = await self._enter(raw)
            if outcome[0] != _CLOSED:
                return
            # Before the peer has proved itself: it may have had no room for one more.
            await asyncio.sleep(limits.REDIAL_AFTER_MS / 1000)

    def _is_dialled(self, to: connection_pb2.Candidate) -> bool:
        try:
            address = IPv4Address(to.host)
        except AddressValueError:
            return False
        return 1 <= to.port <= 65_535 and self._puncher.dials(address)

    def _note_came(self, local: connection_pb2.Candidate, remote: connection_pb2.Candidate, outcome: str) -> None:
        pair = connection_pb2.CandidatePair(local=local, remote=remote, outcome=f"dialled by it: {outcome}")
        if outcome == _CONNECTED:
            self._came.insert(0, pair)
        elif len(self._came) < limits.PAIRS_MAX:
            self._came.append(pair)

    async def _enter(self, raw: socket.socket, turn: Optional[_Turn] = None) -> str:
        """Enters a path; returns why it lost, for people, or `connected`."""
        has_won = is_proved = False
        try:
            if self._over.is_set():
                return _NOT_NEEDED
            path = Path(raw, self._secure())
            await self._shake_hands(raw, path.channel)
            is_proved = True
            if turn is not None:
                turn.end()
            has_won = await self._agree(path)
            return _CONNECTED if has_won else "not nominated"
        except _NotNominated:
            return "not nominated"
        except (_PathEnded, ConnectionResetError, BrokenPipeError):
            return "the handshake failed" if is_proved else _CLOSED
        except OSError:
            return "the handshake failed"
        finally:
            if not has_won:
                let_go(raw, reset=True)

    async def _shake_hands(self, raw: socket.socket, channel: Channel) -> None:
        while not channel.shake_hands():
            await self._send(raw, channel)
            await self._receive(raw, channel)
        await self._send(raw, channel)

    async def _agree(self, path: Path) -> bool:
        """Agrees with the peer that this path is the one."""
        raw, channel = path
        if not self._controlling:
            await self._expect(raw, channel, _NOMINATED)
        async with self._nominating:
            if self._over.is_set():
                raise _NotNominated
            if not self._controlling:
                await self._say(raw, channel, _CONFIRMED)
                return self._win(path)
            await self._say(raw, channel, _NOMINATED)
            try:
                await asyncio.wait_for(self._expect(raw, channel, _CONFIRMED), limits.NOMINATE_MS / 1000)
            except asyncio.TimeoutError:
                raise _NotNominated from None
            return self._win(path)

    async def _say(self, raw: socket.socket, channel: Channel, kind: int) -> None:
        channel.write(bytes([kind]) + self._order.nonce)
        await self._send(raw, channel)

    async def _expect(self, raw: socket.socket, channel: Channel, kind: int) -> None:
        said = b""
        while len(said) < 1 + NONCE_BYTES:
            part = channel.read_some(1 + NONCE_BYTES - len(said))
            said += part
            if not part:
                try:
                    await self._receive(raw, channel)
                except OSError:
                    raise _NotNominated from None
        if said != bytes([kind]) + self._order.nonce:
            raise ConnectionError("the peer speaks of another connection")

    async def _send(self, raw: socket.socket, channel: Channel) -> None:
        cipher = channel.outgoing()
        if cipher:
            await send_all(raw, cipher)

    async def _receive(self, raw: socket.socket, channel: Channel) -> None:
        cipher = await receive(raw, READ_BYTES)
        if not cipher:
            raise _PathEnded("the peer has ended the path")
        channel.take(cipher)

    def _win(self, path: Path) -> bool:
        if self._winner is not None or self._over.is_set():
            return False
        self._winner = path
        # The kernel finds that the peer is gone also while this process does nothing.
        path.raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._over.set()
        return True

