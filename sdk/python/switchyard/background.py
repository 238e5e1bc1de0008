"""Work that is not waited for."""
from __future__ import annotations

import asyncio
from typing import Any, Callable, Coroutine


class Background:
    """Runs work; what it raises is a problem, unless it was cancelled."""

    def __init__(self, problem: Callable[[Exception], None]) -> None:
        self._problem = problem
        # The event loop itself keeps no task alive.
        self._tasks: set[asyncio.Task[Any]] = set()

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Begins work in a task of its own, which may be waited for."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            self._problem(error)
