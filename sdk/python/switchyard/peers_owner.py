"""What the connections of an instance need of it."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Awaitable, Callable, Optional

from .brokered import Places
from .orders import Handlers
from .relay import RelaySink, RelaySource
from .server import Caller


@dataclass(frozen=True)
class PeersOwner:
    """What the connections need of their instance."""

    handlers: Handlers
    caller: Caller
    # As `caller`; each of its calls waits until orders reach the instance, also when it is made again.
    asker: Caller
    open_source: Callable[[int, int], Awaitable[RelaySource]]
    open_sink: Callable[[int, int], Awaitable[RelaySink]]
    # Something went wrong that nobody waits for.
    problem: Callable[[Exception], None]
    # Where the session's rendezvous ports are; waits until there is a session.
    rendezvous: Callable[[], Awaitable[Places]]
    # Signs the key of this end by that of its identity; None: it has none.
    endorse: Callable[[bytes], Optional[bytes]]
