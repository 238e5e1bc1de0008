"""A STUN client (RFC 8489) with nothing but Python's own library, written from the RFC and not from Switchyard's code.

    stun_client.py HOST PORT    one JSON object a line: what a Binding says over each transport, and what came of
                                a request with an attribute that nobody understands
"""

import json
import socket
import struct
import sys
import zlib

COOKIE = 0x2112A442
BINDING_REQUEST, BINDING_SUCCESS, BINDING_ERROR = 0x0001, 0x0101, 0x0111
ERROR_CODE, UNKNOWN_ATTRIBUTES, XOR_MAPPED_ADDRESS = 0x0009, 0x000A, 0x0020
SOFTWARE, FINGERPRINT = 0x8022, 0x8028
TRANSACTION = bytes(range(12))
SECONDS = 30


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def request(*attributes: bytes) -> bytes:
    """With a FINGERPRINT (section 14.7), whose length counts before its value is reckoned."""
    body = b"".join(attributes)
    message = struct.pack("!HHI", BINDING_REQUEST, len(body) + 8, COOKIE) + TRANSACTION + body
    return message + attribute(FINGERPRINT, struct.pack("!I", zlib.crc32(message) ^ 0x5354554E))


def read(message: bytes) -> tuple[int, dict[int, bytes]]:
    """The type of a response and its attributes (sections 5 and 14)."""
    kind, length, cookie = struct.unpack_from("!HHI", message)
    assert cookie == COOKIE and message[8:20] == TRANSACTION and length == len(message) - 20
    attributes, at = {}, 20
    while at < len(message):
        name, size = struct.unpack_from("!HH", message, at)
        attributes[name] = message[at + 4 : at + 4 + size]
        at += 4 + size + -size % 4
    return kind, attributes


def mapped(value: bytes) -> list:
    """XOR-MAPPED-ADDRESS (section 14.2)."""
    family, port = struct.unpack_from("!xBH", value)
    mask = struct.pack("!I", COOKIE) + TRANSACTION
    address = bytes(one ^ other for one, other in zip(value[4:], mask))
    assert len(address) == {1: 4, 2: 16}[family]
    return [socket.inet_ntop({1: socket.AF_INET, 2: socket.AF_INET6}[family], address), port ^ (COOKIE >> 16)]


def ask_udp(place: tuple[str, int], message: bytes) -> tuple[bytes, list]:
    family = socket.AF_INET6 if ":" in place[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as udp:
        udp.settimeout(SECONDS)
        udp.connect(place)
        udp.send(message)
        return udp.recv(2048), list(udp.getsockname()[:2])


def ask_tcp(place: tuple[str, int], message: bytes) -> tuple[bytes, list]:
    """No framing but the length in the header (section 6.2.2)."""
    with socket.create_connection(place, SECONDS) as tcp, tcp.makefile("rb") as answers:
        tcp.sendall(message)
        head = answers.read(20)
        return head + answers.read(struct.unpack_from("!2xH", head)[0]), list(tcp.getsockname()[:2])


def main() -> None:
    place = sys.argv[1], int(sys.argv[2])
    for transport, ask in (("udp", ask_udp), ("tcp", ask_tcp)):
        answer, own = ask(place, request(attribute(SOFTWARE, b"stun_client.py")))
        kind, attributes = read(answer)
        assert kind == BINDING_SUCCESS
        print(json.dumps({"transport": transport, "own": own, "mapped": mapped(attributes[XOR_MAPPED_ADDRESS])}))
        answer, _ = ask(place, request(attribute(0x7ABC, b"?")))
        kind, attributes = read(answer)
        assert kind == BINDING_ERROR
        error = attributes[ERROR_CODE]
        unknown = struct.unpack(f"!{len(attributes[UNKNOWN_ATTRIBUTES]) // 2}H", attributes[UNKNOWN_ATTRIBUTES])
        print(json.dumps({"transport": transport, "error": error[2] * 100 + error[3], "unknown": list(unknown)}))


main()
