"""How long to wait before trying again."""
from __future__ import annotations

from typing import Callable, Optional

from . import limits


class Backoff:
    """Exponential, with full jitter: a fleet that lost its server at one moment does not come back at one moment."""

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._failures = 0

    def stood(self, seconds: float) -> None:
        """Tells how long a try stood before it failed. A steady one was a success: failures before it do not count."""
        if seconds * 1000 >= limits.STEADY_MS:
            self._failures = 0

    def after_failure(self, retry_after: Optional[float] = None, longest: Optional[float] = None) -> float:
        """
        Counts a failure and draws the wait after it, in seconds. What the server asked for is the least; the jitter,
        of at most `longest`, comes on top of it, because everybody was told the same.
        """
        window = min(limits.BACKOFF_MAX_MS, limits.BACKOFF_FIRST_MS * 2**self._failures) / 1000
        if longest is not None:
            window = min(window, longest)
        self._failures = min(self._failures + 1, 30)
        return max(0.0, retry_after or 0.0) + self._random() * window
