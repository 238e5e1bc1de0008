"""What an end tells of the addresses that it tried."""
import unittest
from unittest import mock

from switchyard import limits
from switchyard.race import Race
from switchyard.v1 import connection_pb2


class PairsTest(unittest.IsolatedAsyncioTestCase):
    async def test_strangers_leave_room_for_the_dials_and_the_winner_in_the_answer(self) -> None:
        puncher = mock.Mock(dial_port=1)
        puncher.take_early.return_value = []
        puncher.dials.return_value = False
        place = connection_pb2.Candidate(host="203.0.113.5", port=1)
        order = connection_pb2.Connection(candidates=[place] * limits.CANDIDATES_MAX)
        race = Race(puncher, order, controlling=True, secure=mock.Mock())
        for outcome in [*["not nominated"] * 2 * limits.PAIRS_MAX, "connected"]:
            race._note_came(place, place, outcome)
        with mock.patch.object(limits, "ATTEMPT_MS", 50):
            _, said = await race.run()
        dials = ["not dialled: it is not in a network of this end"] * limits.CANDIDATES_MAX
        came = ["dialled by it: connected", *["dialled by it: not nominated"] * limits.PAIRS_MAX]
        self.assertEqual([pair.outcome for pair in said.pairs], [*dials, *came][: limits.PAIRS_MAX])


if __name__ == "__main__":
    unittest.main()
