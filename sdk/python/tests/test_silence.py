"""What guards against a server that is dead: whether it says something, and not whether this process runs."""

import asyncio
import os
import signal
import subprocess
import time
import unittest

import grpc
from switchyard.errors import SwitchyardError
from switchyard.server import read_next

SILENCE_MS = 800
# Longer than the silence by far.
STOPPED_S = 2


class Call:
    """A stream of what a program writes, a byte a message."""

    def __init__(self, output):
        self.output = output
        self.is_given_up = False

    async def read(self):
        return await self.output.read(1)

    def cancel(self):
        self.is_given_up = True

    def cancelled(self):
        return False


class Silence(unittest.IsolatedAsyncioTestCase):
    async def test_a_pause_of_this_process_is_none_of_the_server(self):
        saying = await asyncio.create_subprocess_shell(
            "while echo alive; do sleep 0.05; done", stdout=asyncio.subprocess.PIPE
        )
        call = Call(saying.stdout)
        waking = subprocess.Popen(["sh", "-c", f"sleep {STOPPED_S}; kill -CONT {os.getpid()}"])
        asyncio.get_running_loop().call_later(0.2, os.kill, os.getpid(), signal.SIGSTOP)
        try:
            ends_at = time.monotonic() + STOPPED_S + 1
            while time.monotonic() < ends_at:
                self.assertNotEqual(await read_next(call, SILENCE_MS), b"")
        finally:
            saying.kill()
            await saying.wait()
            waking.wait()
        self.assertFalse(call.is_given_up)

    async def test_a_silence_of_the_server_ends_the_call(self):
        call = Call(asyncio.StreamReader())
        began = time.monotonic()
        with self.assertRaises(SwitchyardError) as raised:
            await read_next(call, 200)
        self.assertGreater(time.monotonic() - began, 0.19)
        self.assertEqual(raised.exception.code, grpc.StatusCode.UNAVAILABLE)
        self.assertTrue(call.is_given_up)


if __name__ == "__main__":
    unittest.main()
