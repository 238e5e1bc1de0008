"""Holds every packet of a TUN device back for a while, then hands it in again.

Usage: delay.py DEVICE MILLISECONDS. The routes of the namespace send what comes from outside into the device; what is
written back into it comes in again from there and takes the ordinary way. It stands in for `tc netem delay`, which many
kernels lack. At most HELD_MAX packets wait; what comes on top is dropped, as a router would.
"""

import collections
import fcntl
import os
import select
import struct
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN = 0x0001
IFF_NO_PI = 0x1000
HELD_MAX = 10_000
PACKET_BYTES_MAX = 65_536


def main() -> None:
    device, delay = sys.argv[1], int(sys.argv[2]) / 1000
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", device.encode(), IFF_TUN | IFF_NO_PI))
    print("ready", flush=True)
    held: collections.deque[tuple[float, bytes]] = collections.deque()
    while True:
        now = time.monotonic()
        while held and held[0][0] <= now:
            os.write(tun, held.popleft()[1])
        wait = max(0.0, held[0][0] - now) if held else None
        if select.select([tun], [], [], wait)[0]:
            packet = os.read(tun, PACKET_BYTES_MAX)
            if len(held) < HELD_MAX:
                held.append((time.monotonic() + delay, packet))


main()
