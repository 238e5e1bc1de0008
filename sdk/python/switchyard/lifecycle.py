"""What an instance does when something happens: the tables of docs/client-lifecycle.md, which a test holds these to."""
from __future__ import annotations

from enum import Enum

from grpc import StatusCode

from .errors import SwitchyardError


class State(str, Enum):
    """Where an instance stands with its server."""

    OPENING = "opening"
    ATTACHING = "attaching"
    ATTACHED = "attached"
    REATTACHING = "reattaching"
    REOPENING = "reopening"
    LEAVING = "leaving"
    ENDED = "ended"


class Event(str, Enum):
    """What can happen to an instance."""

    OPENED = "opened"
    WELCOMED = "welcomed"
    BROKE = "broke"
    LOST = "lost"
    OVER = "over"
    RESTED = "rested"
    LEAVE = "leave"
    DETACH = "detach"
    LEFT = "left"


_STAY = "·"
# The columns are the events, in the order of the class above.
_TABLE: dict[str, tuple[str, ...]] = {
    "opening": ("attaching", _STAY, "reopening", "reopening", "ended", _STAY, "ended", "ended", _STAY),
    "attaching": (_STAY, "attached", "reattaching", "reopening", "ended", _STAY, "leaving", "ended", _STAY),
    "attached": (_STAY, _STAY, "reattaching", "reopening", "ended", _STAY, "leaving", "ended", _STAY),
    "reattaching": (_STAY, _STAY, _STAY, "reopening", "ended", "attaching", "leaving", "ended", _STAY),
    "reopening": (_STAY, _STAY, _STAY, _STAY, "ended", "opening", "ended", "ended", _STAY),
    "leaving": (_STAY, _STAY, _STAY, "ended", "ended", _STAY, _STAY, "ended", "ended"),
    "ended": (_STAY,) * len(Event),
}
_COLUMNS = {event: at for at, event in enumerate(Event)}

_OVER_REASONS = {"SESSION_SUPERSEDED", "SESSION_TERMINATED", "IDENTITY_REVOKED"}
_LOST_REASONS = {"SESSION_EXPIRED", "SESSION_SERVER_LOST", "SESSION_TOKEN_INVALID"}
_BROKE_REASONS = {"ATTACHMENT_REPLACED", "CHALLENGE_EXPIRED"}
# Codes that the same request will meet again.
LASTING_CODES = {
    StatusCode.INVALID_ARGUMENT,
    StatusCode.NOT_FOUND,
    StatusCode.PERMISSION_DENIED,
    StatusCode.FAILED_PRECONDITION,
    StatusCode.UNIMPLEMENTED,
    StatusCode.UNAUTHENTICATED,
}


def next_state(state: State, event: Event) -> State:
    """Where an event leads from a state."""
    cell = _TABLE[state.value][_COLUMNS[event]]
    return state if cell == _STAY else State(cell)


def is_of_month(error: SwitchyardError) -> bool:
    """Whether a quota of the month is used up: the same call is refused until the next one."""
    return "month_ends" in error.metadata


def event_of(error: SwitchyardError) -> Event:
    """What an error of one of the instance's own calls means for it."""
    if error.reason in _OVER_REASONS:
        return Event.OVER
    if error.reason in _LOST_REASONS:
        return Event.LOST
    if error.reason in _BROKE_REASONS:
        return Event.BROKE
    return Event.OVER if error.code in LASTING_CODES else Event.BROKE


class WatchMeaning(str, Enum):
    """What an error means to a watch."""

    ENDS = "ends"
    BEGINS_AGAIN = "begins again"
    GOES_ON = "goes on"


def meaning_for_watch(error: SwitchyardError) -> WatchMeaning:
    """Whether a watch goes on after an error, and where."""
    if error.reason == "WATCH_LAGGED" or error.code in (StatusCode.OUT_OF_RANGE, StatusCode.DATA_LOSS):
        return WatchMeaning.BEGINS_AGAIN
    return WatchMeaning.ENDS if error.code in LASTING_CODES or is_of_month(error) else WatchMeaning.GOES_ON
