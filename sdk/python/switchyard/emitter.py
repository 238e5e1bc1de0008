"""Listeners of what an object tells."""
from __future__ import annotations

import asyncio
from typing import Any, Callable

Listener = Callable[..., None]


class Emitter:
    """Calls listeners in the order in which they came. One that raises does not keep the others from hearing."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names
        self._listeners: dict[str, list[Listener]] = {}

    def on(self, name: str, listener: Listener) -> Callable[[], None]:
        """Has a listener called for every event of a name; the function that is returned ends that."""
        if name not in self._names:
            raise ValueError(f"there is no event {name!r}; there are {', '.join(sorted(self._names))}")
        listeners = self._listeners.setdefault(name, [])
        listeners.append(listener)
        return lambda: listeners.remove(listener) if listener in listeners else None

    def emit(self, name: str, *args: Any) -> None:
        """Tells an event."""
        for listener in list(self._listeners.get(name, ())):
            try:
                listener(*args)
            except Exception as error:  # a listener's own fault, told as asyncio tells those of callbacks
                context = {"message": f"a listener of {name!r} failed", "exception": error}
                asyncio.get_running_loop().call_exception_handler(context)
