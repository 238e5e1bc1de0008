"""Holds the client to the tables of docs/client-lifecycle.md."""
import re
import unittest
from pathlib import Path

import grpc

from switchyard import SwitchyardError, limits
from switchyard.backoff import Backoff
from switchyard.lifecycle import Event, State, event_of, meaning_for_watch, next_state

DOCUMENT = (Path(__file__).parents[3] / "docs/client-lifecycle.md").read_text(encoding="utf-8")


def table(heading: str) -> list:
    """The rows of the table below a heading, the head first."""
    section = DOCUMENT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.replace("`", "") for cell in line[2:-2].split(" | ")] for line in lines]


def error_named(name: str) -> SwitchyardError:
    """The error that a row names: a status code, or a reason with a code that has no row."""
    if name in grpc.StatusCode.__members__:
        return SwitchyardError(grpc.StatusCode[name], "refused")
    return SwitchyardError(grpc.StatusCode.ABORTED, "refused", reason=name)


class Tables(unittest.TestCase):
    def test_every_state_goes_where_the_document_says(self):
        (_, *events), *moves = table("Which event leads where")
        self.assertEqual(events, [event.value for event in Event])
        self.assertEqual([state for state, *_ in moves], [state.value for state in State])
        for state, *cells in moves:
            for event, cell in zip(events, cells):
                expected = state if cell == "·" else cell
                self.assertEqual(next_state(State(state), Event(event)).value, expected, f"{state}, {event}")

    def test_every_error_means_what_the_document_says(self):
        for heading, meaning_of in (
            ("What an error means", event_of),
            ("What an error means to a watch", meaning_for_watch),
        ):
            rows = [row[:2] for row in table(heading)[1:]]
            (last, otherwise) = rows[-1]
            self.assertEqual(last, "any other")
            named = {name for name, _ in rows}
            others = [[name, otherwise] for name in grpc.StatusCode.__members__ if name not in named and name != "OK"]
            for name, meaning in rows[:-1] + others:
                self.assertEqual(meaning_of(error_named(name)).value, meaning, f"{heading}: {name}")

    def test_a_watch_ends_when_the_quota_of_the_month_is_used_up(self):
        error = SwitchyardError(
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "used up",
            reason="NETWORK_LIMIT",
            metadata={"month_ends": "2027-01-01T00:00:00Z"},
        )
        self.assertEqual(meaning_for_watch(error).value, "ends")
        self.assertEqual(event_of(error).value, "broke")

    def test_every_bound_is_that_of_the_document(self):
        bounds = table("Bounds")[1:]
        self.assertEqual(len(bounds), 13)
        for name, value, _ in bounds:
            constant = re.sub("([A-Z])", r"_\1", name).upper()
            self.assertEqual(getattr(limits, constant), int(value), name)


class Waits(unittest.TestCase):
    def test_windows_double_up_to_the_largest_and_begin_anew_after_a_steady_try(self):
        backoff = Backoff(lambda: 1.0)
        self.assertEqual([backoff.after_failure() for _ in range(8)], [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 15.0])
        backoff.stood(9.9)
        self.assertEqual(backoff.after_failure(), 15.0)
        backoff.stood(10)
        self.assertEqual(backoff.after_failure(), 0.2)

    def test_what_the_server_asks_for_comes_on_top_of_a_window_that_the_lease_bounds(self):
        backoff = Backoff(lambda: 1.0)
        self.assertEqual(backoff.after_failure(3.0), 3.2)
        self.assertEqual(backoff.after_failure(None, 0.1), 0.1)


if __name__ == "__main__":
    unittest.main()
