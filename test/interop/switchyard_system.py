#!/usr/bin/env python3
"""System events in one file: a codec and a client, with nothing but the standard library. Keys, which it does not have, come from
the package `cryptography` or, where that is not installed, from the program `openssl`.

Written from docs/system-events.md alone, so that the document is known to be enough, and to have a second opinion on
every input: the two codecs must give the same event or the same mistake.

    switchyard_system.py codec                  reads lines of READING<TAB>HEX, writes a line of JSON for each
    switchyard_system.py run HOST:PORT          opens a session over tcp, uses it, ends it; a line of JSON for each step
    switchyard_system.py prove HOST:PORT [openssl]    opens sessions by a key, and is refused without it; the same lines
"""

import base64
import hashlib
import json
import os
import pathlib
import queue
import re
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import uuid as uuids

try:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519
except ImportError:
    ed25519 = None

# ---------------------------------------------------------------------------------------------------------------------
# Mistakes


class Mistake(Exception):
    """Why an input is refused: a reason and an offset, as the document's chapter "Reading" has them."""

    def __init__(self, reason, offset):
        super().__init__(f"{reason} at {offset}")
        self.reason = reason
        self.offset = offset


class Unfit(Exception):
    """The bytes of a value make none."""


# ---------------------------------------------------------------------------------------------------------------------
# Kinds of values: (shortest, longest, from bytes, to bytes)


def integer(count, greatest):
    def read(value):
        number = int.from_bytes(value, "big")
        if number > greatest:
            raise Unfit
        return number

    return count, count, read, lambda number: number.to_bytes(count, "big")


def read_bool(value):
    if value[0] > 1:
        raise Unfit
    return value[0] == 1


def read_text(value):
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        raise Unfit from None


def text(longest=65535):
    return 0, longest, read_text, lambda value: value.encode("utf-8")


def blob(shortest, longest):
    return shortest, longest, bytes.hex, bytes.fromhex


U8 = integer(1, 0xFF)
U16 = integer(2, 0xFFFF)
U32 = integer(4, 0xFFFFFFFF)
ID = integer(4, 2147483647)
U64 = integer(8, 2**53 - 1)
BOOL = (1, 1, read_bool, lambda value: bytes([value]))
UUID = (16, 16, lambda value: str(uuids.UUID(bytes=value)), lambda value: uuids.UUID(value).bytes)
TEXT = text()
BYTES = blob(0, 65535)

# ---------------------------------------------------------------------------------------------------------------------
# Tables: {key: (name, kind, presence)}; a kind that is a table is a structure, a presence that is a number is repeated,
# at most so many times

REQUIRED, OPTIONAL, REPEATED = "required", "optional", float("inf")

LABEL = {1: ("key", TEXT, REQUIRED), 2: ("value", TEXT, REQUIRED)}
POSITION = {1: ("epoch", text(32), REQUIRED), 2: ("revision", U64, REQUIRED)}
PROOF = {
    1: ("purpose", U8, REQUIRED),
    2: ("nonce", blob(40, 40), REQUIRED),
    3: ("public_key", blob(44, 91), REQUIRED),
    4: ("signature", blob(1, 72), REQUIRED),
    5: ("binding_kind", U8, OPTIONAL),
    6: ("binding", blob(32, 32), OPTIONAL),
    7: ("identity_uuid", UUID, OPTIONAL),
}
PRINCIPAL = {
    1: ("network", text(32), REQUIRED),
    2: ("identity_uuid", UUID, REQUIRED),
    3: ("kind", U8, REQUIRED),
    4: ("key_id", text(64), REQUIRED),
}
NODE_ADDED = {
    1: ("cvid", ID, REQUIRED),
    2: ("parent", ID, OPTIONAL),
    10: ("instance_uuid", UUID, OPTIONAL),
    11: ("name", TEXT, OPTIONAL),
    12: ("labels", LABEL, REPEATED),
}
NODE_REMOVED = {1: ("cvid", ID, REQUIRED)}
LINK_ADDED = {1: ("cvid1", ID, REQUIRED), 2: ("cvid2", ID, REQUIRED), 3: ("link", U8, OPTIONAL)}
LINK_REMOVED = {1: ("cvid1", ID, REQUIRED), 2: ("cvid2", ID, REQUIRED), 10: ("link", U8, OPTIONAL)}
STREAM_PARAMS = {
    1: ("name", TEXT, OPTIONAL),
    2: ("timeout_ms", U32, OPTIONAL),
    3: ("max_block_bytes", U32, OPTIONAL),
    4: ("compression", U8, OPTIONAL),
    5: ("delivery_confirmation", BOOL, OPTIONAL),
    6: ("labels", LABEL, REPEATED),
}
STREAM_SINK = {1: ("cvid", ID, REQUIRED), 2: ("id", ID, REQUIRED)}
STREAM = {
    1: ("id", ID, REQUIRED),
    2: ("owner_cvid", ID, REQUIRED),
    3: ("source_cvid", ID, REQUIRED),
    4: ("sinks", STREAM_SINK, REPEATED),
    5: ("params", STREAM_PARAMS, REQUIRED),
    6: ("position", POSITION, REQUIRED),
}
CANDIDATE = {
    1: ("host", text(45), REQUIRED),
    2: ("port", U16, REQUIRED),
    3: ("type", U8, REQUIRED),
    4: ("priority", U32, OPTIONAL),
}
RENDEZVOUS_ADDRESS = {1: ("host", text(255), OPTIONAL), 2: ("port", U16, REQUIRED)}
PORT_RANGE = {1: ("first", U16, REQUIRED), 2: ("last", U16, REQUIRED)}
PORT_RANGES = {1: ("ranges", PORT_RANGE, 1024)}
CONNECTION_PEER = {
    1: ("network", text(32), REQUIRED),
    2: ("identity_uuid", UUID, REQUIRED),
    3: ("roles", text(32), 8),
    4: ("key_id", text(64), REQUIRED),
    5: ("labels", LABEL, 16),
    6: ("ports", PORT_RANGES, OPTIONAL),
}
CONNECTION = {
    1: ("host", text(45), OPTIONAL),
    2: ("port", U16, OPTIONAL),
    3: ("type", U8, OPTIONAL),
    10: ("connection_id", text(64), REQUIRED),
    11: ("peer_cvid", ID, REQUIRED),
    12: ("role", U8, REQUIRED),
    13: ("candidates", CANDIDATE, 32),
    14: ("start_after_ms", U32, OPTIONAL),
    15: ("nonce", blob(16, 16), OPTIONAL),
    16: ("peer_public_key", blob(0, 512), OPTIONAL),
    17: ("attempt", U8, OPTIONAL),
    18: ("relay_stream_id", ID, OPTIONAL),
    19: ("rendezvous", RENDEZVOUS_ADDRESS, 8),
    20: ("relay_branch_id", ID, OPTIONAL),
    30: ("peer", CONNECTION_PEER, OPTIONAL),
    31: ("peer_endorsement", blob(0, 256), OPTIONAL),
}
TRANSPORT = {
    1: ("code_name", text(32), REQUIRED),
    2: ("addresses", TEXT, REPEATED),
    3: ("max_block_bytes", U32, REQUIRED),
    4: ("encrypted", BOOL, REQUIRED),
}
WATCH = {
    1: ("deltas", BOOL, OPTIONAL),
    2: ("endpoints_closed", BOOL, OPTIONAL),
    3: ("after", POSITION, OPTIONAL),
    4: ("coalesce", BOOL, OPTIONAL),
    5: ("cvids", ID, 1024),
}
VIOLATION = {1: ("field", TEXT, REQUIRED), 2: ("description", TEXT, REQUIRED)}

# {type: (name, category, body, data of a successful Answer)}
C2S, S2C, BOTH = "C2S", "S2C", "both"
EVENTS = {
    1: (
        "EnumerateTransport",
        C2S,
        {1: ("code_name", text(32), OPTIONAL), 2: ("encrypted", BOOL, OPTIONAL)},
        {1: ("transports", TRANSPORT, REPEATED)},
    ),
    2: (
        "UpdateStreamParams",
        C2S,
        {1: ("id", ID, REQUIRED), 2: ("params", STREAM_PARAMS, REQUIRED), 10: ("clear_labels", BOOL, OPTIONAL)},
        {1: ("stream", STREAM, REQUIRED)},
    ),
    3: (
        "CreateStream",
        C2S,
        {1: ("params", STREAM_PARAMS, OPTIONAL), 2: ("sink_cvids", ID, REPEATED)},
        {1: ("stream", STREAM, REQUIRED)},
    ),
    4: ("TerminateStream", C2S, {1: ("id", ID, REQUIRED)}, {1: ("position", POSITION, REQUIRED)}),
    5: (
        "TerminateSession",
        BOTH,
        {1: ("cvid", ID, OPTIONAL), 10: ("reason", text(1024), OPTIONAL)},
        {1: ("position", POSITION, OPTIONAL)},
    ),
    6: (
        "Answer",
        BOTH,
        {
            1: ("code", U16, REQUIRED),
            2: ("description", TEXT, OPTIONAL),
            3: ("data", BYTES, OPTIONAL),
            4: ("violations", VIOLATION, REPEATED),
            5: ("retry_after_ms", U32, OPTIONAL),
            6: ("offset", U32, OPTIONAL),
            7: ("facts", LABEL, REPEATED),
        },
        None,
    ),
    16: (
        "Session",
        C2S,
        {
            1: ("instance_uuid", UUID, REQUIRED),
            2: ("instance_type", U8, REQUIRED),
            3: ("instance_flavor", U8, OPTIONAL),
            10: ("ttl_ms", U32, OPTIONAL),
            11: ("name", TEXT, OPTIONAL),
            12: ("labels", LABEL, REPEATED),
            20: ("watch", WATCH, OPTIONAL),
            21: ("network", text(32), OPTIONAL),
            23: ("proof", PROOF, OPTIONAL),
        },
        {
            1: ("instance_sid", ID, REQUIRED),
            2: ("server_sid", ID, REQUIRED),
            3: ("server_uuid", UUID, REQUIRED),
            10: ("session_token", text(255), REQUIRED),
            11: ("ttl_ms", U32, REQUIRED),
            12: ("stream_id", ID, REQUIRED),
            13: ("position", POSITION, REQUIRED),
            20: ("identity", PRINCIPAL, OPTIONAL),
        },
    ),
    17: (
        "KeepAlive",
        C2S,
        {10: ("session_token", text(255), OPTIONAL), 20: ("watch", WATCH, OPTIONAL), 23: ("proof", PROOF, OPTIONAL)},
        {1: ("ttl_ms", U32, REQUIRED), 2: ("position", POSITION, REQUIRED)},
    ),
    18: (
        "DirectConnection",
        C2S,
        {
            1: ("cvid", ID, REQUIRED),
            2: ("type", U8, OPTIONAL),
            3: ("port", U16, OPTIONAL),
            10: ("candidates", CANDIDATE, 16),
            11: ("public_key", blob(0, 512), OPTIONAL),
            12: ("round_trip_ms", U32, OPTIONAL),
            24: ("endorsement", blob(0, 256), OPTIONAL),
        },
        {1: ("request", CONNECTION, REQUIRED)},
    ),
    19: (
        "StopStream",
        C2S,
        {1: ("id", ID, REQUIRED), 10: ("validate_only", BOOL, OPTIONAL)},
        {1: ("result", U8, REQUIRED), 10: ("stopped_ids", ID, REPEATED)},
    ),
    20: (
        "Challenge",
        C2S,
        {1: ("network", text(32), OPTIONAL)},
        {
            1: ("nonce", blob(40, 40), REQUIRED),
            2: ("server_uuid", UUID, REQUIRED),
            3: ("mode", U8, REQUIRED),
            4: ("epoch", text(32), REQUIRED),
            5: ("server_time_ms", U64, REQUIRED),
            6: ("valid_for_ms", U32, REQUIRED),
        },
    ),
    21: (
        "Enroll",
        C2S,
        {1: ("secret", blob(32, 32), REQUIRED), 2: ("proof", PROOF, REQUIRED), 3: ("name", text(63), OPTIONAL)},
        {
            1: ("identity_uuid", UUID, REQUIRED),
            2: ("roles", text(32), 8),
            3: ("name", text(63), OPTIONAL),
            4: ("position", POSITION, REQUIRED),
        },
    ),
    22: (
        "RotateKey",
        C2S,
        {1: ("old_proof", PROOF, REQUIRED), 2: ("new_proof", PROOF, REQUIRED)},
        {1: ("key_id", text(64), REQUIRED), 2: ("position", POSITION, REQUIRED), 3: ("overlap_ms", U32, REQUIRED)},
    ),
    24: ("Open", C2S, {1: ("id", ID, OPTIONAL)}, {1: ("stream", STREAM, OPTIONAL)}),
    32: (
        "NetworkDelta",
        S2C,
        {
            1: ("node_added", NODE_ADDED, REPEATED),
            2: ("node_removed", NODE_REMOVED, REPEATED),
            3: ("link_added", LINK_ADDED, REPEATED),
            4: ("link_removed", LINK_REMOVED, REPEATED),
            10: ("kind", U8, REQUIRED),
            11: ("position", POSITION, REQUIRED),
            12: ("more", BOOL, OPTIONAL),
        },
        None,
    ),
    33: (
        "EndpointClosed",
        S2C,
        {
            1: ("cvid", ID, REQUIRED),
            10: ("reason", U8, OPTIONAL),
            11: ("position", POSITION, REQUIRED),
            12: ("instance_uuid", UUID, OPTIONAL),
            13: ("name", TEXT, OPTIONAL),
        },
        None,
    ),
    34: (
        "Connection",
        S2C,
        CONNECTION,
        {
            1: ("candidates", CANDIDATE, 16),
            2: ("public_key", blob(0, 512), OPTIONAL),
            3: ("round_trip_ms", U32, OPTIONAL),
            5: ("endorsement", blob(0, 256), OPTIONAL),
            10: ("connected", BOOL, OPTIONAL),
            11: ("took_ms", U32, OPTIONAL),
        },
    ),
    35: ("StreamStopped", S2C, {1: ("id", ID, REQUIRED), 2: ("reason", U8, OPTIONAL), 3: ("by", ID, OPTIONAL)}, None),
}
NUMBERS = {name: number for number, (name, *_) in EVENTS.items()}
ANSWERS = {name: data for name, _, _, data in EVENTS.values()}

# ---------------------------------------------------------------------------------------------------------------------
# Bodies, events, packets, frames


def decode_body(table, data, start, end):
    """The body in data[start:end] as a dict; raises a Mistake."""
    if start == end:
        raise Mistake("EVENT_TRUNCATED", start)
    body = {}
    at = end if data[start] == 0 and end - start == 1 else start
    while at < end:
        key = data[at]
        if key == 0:
            raise Mistake("FIELD_INVALID", at)
        if end - at < 3:
            raise Mistake("EVENT_TRUNCATED", at)
        length = data[at + 1] << 8 | data[at + 2]
        value_at, after = at + 3, at + 3 + length
        if after > end:
            raise Mistake("EVENT_TRUNCATED", at)
        if key in table:
            name, kind, presence = table[key]
            repeated = presence not in (REQUIRED, OPTIONAL)
            if name in body and not repeated:
                raise Mistake("EVENT_KEY_REPEATED", at)
            if repeated and len(body.get(name, ())) >= presence:
                raise Mistake("FIELD_INVALID", at)
            if isinstance(kind, dict):
                value = decode_body(kind, data, value_at, after)
            else:
                shortest, longest, read, _ = kind
                if not shortest <= length <= longest:
                    raise Mistake("FIELD_INVALID", at)
                try:
                    value = read(data[value_at:after])
                except Unfit:
                    raise Mistake("FIELD_INVALID", at) from None
            if repeated:
                body.setdefault(name, []).append(value)
            else:
                body[name] = value
        at = after
    if any(presence == REQUIRED and name not in body for name, _, presence in table.values()):
        raise Mistake("FIELD_INVALID", end)
    return body


def encode_body(table, body):
    """The one encoding of a body: cells by ascending key."""
    parts = []
    for key in sorted(table):
        name, kind, presence = table[key]
        if name not in body:
            continue
        for value in [body[name]] if presence in (REQUIRED, OPTIONAL) else body[name]:
            cell = encode_body(kind, value) if isinstance(kind, dict) else kind[3](value)
            parts.append(struct.pack(">BH", key, len(cell)) + cell)
    return b"".join(parts) or b"\0"


def decode_event(data, receiver):
    """The event in data as (name, body); raises a Mistake. The receiver is "server" or "client"."""
    if not data:
        raise Mistake("EVENT_TRUNCATED", 0)
    if data[0] not in EVENTS:
        raise Mistake("EVENT_TYPE_UNKNOWN", 0)
    name, category, table, _ = EVENTS[data[0]]
    if category == (S2C if receiver == "server" else C2S):
        raise Mistake("EVENT_CATEGORY_WRONG", 0)
    return name, decode_body(table, data, 1, len(data))


def encode_event(name, body):
    number = NUMBERS[name]
    return bytes([number]) + encode_body(EVENTS[number][2], body)


EVENT, PACKET_ID, COMPRESSED, NOISE = 1, 2, 4, 8


def decode_packet(data):
    """The packet in data as (stream id, flags, packet id or None, body); raises a Mistake."""
    if len(data) < 4:
        raise Mistake("EVENT_TRUNCATED", 0)
    stream_id = int.from_bytes(data[:4], "big")
    if stream_id > 2147483647:
        raise Mistake("FIELD_INVALID", 0)
    if len(data) < 5:
        raise Mistake("EVENT_TRUNCATED", 4)
    flags = data[4]
    if flags & 0xF0 or (flags & EVENT and flags & COMPRESSED and not flags & NOISE):
        raise Mistake("PACKET_FLAGS_INVALID", 4)
    if not flags & PACKET_ID:
        return stream_id, flags, None, data[5:]
    if len(data) < 9:
        raise Mistake("EVENT_TRUNCATED", 5)
    return stream_id, flags, int.from_bytes(data[5:9], "big"), data[9:]


def encode_packet(stream_id, flags, packet_id, body):
    if packet_id is None:
        return struct.pack(">IB", stream_id, flags) + body
    return struct.pack(">IBI", stream_id, flags | PACKET_ID, packet_id) + body


def take_frames(data, bound):
    """The packets whose frames are complete, how many bytes were taken, and whether a frame is above the bound."""
    packets, at = [], 0
    while len(data) - at >= 4:
        length = int.from_bytes(data[at : at + 4], "big")
        if length > bound:
            return packets, at, True
        if len(data) - at - 4 < length:
            break
        packets.append(data[at + 4 : at + 4 + length])
        at += 4 + length
    return packets, at, False


# ---------------------------------------------------------------------------------------------------------------------
# The codec as a child process, for comparing it with another


def outcome(reading, data):
    """What a test vector says of the bytes, and for events and answers their one encoding."""
    try:
        if reading.startswith("answer-to "):
            table = ANSWERS[reading[len("answer-to ") :]]
            body = decode_body(table, data, 0, len(data))
            return {"value": body, "encoding": encode_body(table, body).hex()}
        if reading == "packet":
            stream_id, flags, packet_id, body = decode_packet(data)
            value = {"stream_id": stream_id, "event": bool(flags & EVENT), "compressed": bool(flags & COMPRESSED)}
            value |= {"noise": bool(flags & NOISE), "body": body.hex()}
            return {"value": value if packet_id is None else value | {"packet_id": packet_id}}
        if reading == "frames":
            packets, taken, too_large = take_frames(data, 65536)
            value = {"packets": [packet.hex() for packet in packets]}
            return {"value": value | ({"reason": "TOO_LARGE"} if too_large else {"held": len(data) - taken})}
        name, body = decode_event(data, reading[len("to-") :])
        return {"value": {"type": name, "body": body}, "encoding": encode_event(name, body).hex()}
    except Mistake as mistake:
        return {"value": {"reason": mistake.reason, "offset": mistake.offset}}


def run_codec():
    sys.stdout.reconfigure(encoding="utf-8")
    for line in sys.stdin:
        reading, digits = line.rstrip("\n").split("\t")
        result = outcome(reading, bytes.fromhex(digits))
        print(json.dumps(result, sort_keys=True, separators=(",", ":"), ensure_ascii=False))
    sys.stdout.flush()


# ---------------------------------------------------------------------------------------------------------------------
# A client over tcp


class Refused(Exception):
    """An Answer with a code other than 0."""

    def __init__(self, code, description):
        super().__init__(f"code {code}: {description}")
        self.code = code


class Client:
    """One connection. Requests are asked one after another; what the server says by itself waits in queues by its name."""

    def __init__(self, host, port):
        self.socket = socket.create_connection((host, port))
        self.answers = queue.Queue()
        self.heard = {name: queue.Queue() for name, category, *_ in EVENTS.values() if category == S2C}
        self.asked_to_end = queue.Queue()
        self.over = threading.Event()
        self.packet_id = 0
        threading.Thread(target=self.listen, daemon=True).start()

    def send(self, name, body, packet_id):
        packet = encode_packet(0, EVENT, packet_id, encode_event(name, body))
        self.socket.sendall(struct.pack(">I", len(packet)) + packet)

    def ask(self, name, body):
        """The data of the Answer; raises Refused."""
        self.packet_id += 1
        self.send(name, body, self.packet_id)
        packet_id, answer = self.answers.get(timeout=10)
        if packet_id != self.packet_id:
            raise AssertionError(f"answered {packet_id}, asked {self.packet_id}")
        if answer["code"] != 0:
            raise Refused(answer["code"], answer.get("description", ""))
        data = bytes.fromhex(answer.get("data", "00"))
        return decode_body(ANSWERS[name], data, 0, len(data))

    def hear(self, name, wanted=lambda body: True):
        """The next event of that name that is wanted."""
        while True:
            body = self.heard[name].get(timeout=10)
            if wanted(body):
                return body

    def send_block(self, stream_id, block):
        packet = encode_packet(stream_id, 0, None, block)
        self.socket.sendall(struct.pack(">I", len(packet)) + packet)

    def listen(self):
        held = b""
        try:
            while received := self.socket.recv(65536):
                held += received
                packets, taken, too_large = take_frames(held, 2**21)
                held = held[taken:]
                for packet in packets:
                    self.take(packet)
                if too_large:
                    break
        except OSError:
            pass
        self.over.set()

    def take(self, packet):
        _, flags, packet_id, body = decode_packet(packet)
        if flags & NOISE or not flags & EVENT:
            return
        name, event = decode_event(body, "client")
        if name == "Answer":
            self.answers.put((packet_id, event))
        elif name == "TerminateSession":
            # Whoever receives it answers with success; then both sides let go.
            self.send("Answer", {"code": 0}, packet_id)
            self.asked_to_end.put(event.get("reason", ""))
        else:
            self.heard[name].put(event)

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.over.wait(10)


def run_client(address):
    """A session's whole life, twice: ended by the client, and by the server. One line of JSON for each step."""
    host, port = address.rsplit(":", 1)

    def tell(step, **facts):
        print(json.dumps({"step": step} | facts), flush=True)

    client = Client(host.strip("[]"), int(port))
    transports = client.ask("EnumerateTransport", {})["transports"]
    tell("transports", code_names=[transport["code_name"] for transport in transports])
    me = {"instance_uuid": str(uuids.uuid4()), "instance_type": 2, "name": "python", "watch": {"deltas": True}}
    session = client.ask("Session", me)
    tell("session", cvid=session["instance_sid"])
    client.hear("NetworkDelta", lambda delta: delta["kind"] == 2)
    peer = Client(host.strip("[]"), int(port))
    other = peer.ask("Session", {"instance_uuid": str(uuids.uuid4()), "instance_type": 3, "name": "peer"})
    delta = client.hear("NetworkDelta", lambda delta: delta["kind"] == 3 and "node_added" in delta)
    tell("delta", cvid=delta["node_added"][0]["cvid"], name=delta["node_added"][0]["name"])
    stream = client.ask("CreateStream", {"params": {"name": "before"}, "sink_cvids": [other["instance_sid"]]})["stream"]
    tell("created", id=stream["id"], name=stream["params"]["name"])
    changed = client.ask("UpdateStreamParams", {"id": stream["id"], "params": {"name": "after"}})["stream"]
    tell("changed", name=changed["params"]["name"])
    branch = stream["sinks"][0]["id"]
    opened = peer.ask("Open", {"id": branch})["stream"]
    tell("opened", id=opened["id"])
    client.ask("TerminateStream", {"id": stream["id"]})
    stopped = peer.hear("StreamStopped")
    tell("terminated", branch=stopped["id"] == stream["sinks"][0]["id"])
    try:
        client.ask("TerminateStream", {"id": stream["id"]})
    except Refused as refused:
        tell("refused", code=refused.code)
    client.ask("TerminateSession", {})
    tell("ended", closed=client.over.wait(10))
    # The peer waits for the server to end its session.
    tell("waiting", cvid=other["instance_sid"])
    reason = peer.asked_to_end.get(timeout=30)
    tell("asked to end", reason=reason, closed=peer.over.wait(10))


# ---------------------------------------------------------------------------------------------------------------------
# Keys, and sessions that only their proof opens


class PackageKey:
    """An Ed25519 key of the package `cryptography`."""

    def __init__(self):
        self.secret = ed25519.Ed25519PrivateKey.generate()
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        self.public_key = self.secret.public_key().public_bytes(serialization.Encoding.DER, form)

    def sign(self, content):
        return self.secret.sign(content)


class OpensslKey:
    """The same by the program `openssl`, which signs with Ed25519 only what is in a file. Only this user can read its folder."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.secret = str(pathlib.Path(self.folder.name, "key.pem"))
        self.run("genpkey", "-algorithm", "ed25519", "-out", self.secret)
        self.public_key = self.run("pkey", "-in", self.secret, "-pubout", "-outform", "DER")

    def sign(self, content):
        path = pathlib.Path(self.folder.name, "content")
        path.write_bytes(content)
        return self.run("pkeyutl", "-sign", "-rawin", "-inkey", self.secret, "-in", str(path))

    @staticmethod
    def run(*arguments):
        return subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=10).stdout


def read_ticket(ticket_text):
    """What the text of a ticket says: flags, secret, pins, addresses and a check, as identity.proto has them."""
    if not ticket_text.startswith("swt1_"):
        raise ValueError("not a ticket")
    content = base64.urlsafe_b64decode(ticket_text[5:] + "=" * (-len(ticket_text[5:]) % 4))
    content, check = content[:-4], content[-4:]
    if hashlib.sha256(content).digest()[:4] != check:
        raise ValueError("the ticket is cut or mistyped")
    flags, secret, at = content[0], content[1:33], 34 + 32 * content[33]
    pins = [content[34 + 32 * one : 66 + 32 * one] for one in range(content[33])]
    addresses = []
    for _ in range(content[at]):
        length = content[at + 1]
        addresses.append(content[at + 2 : at + 2 + length].decode())
        at += 1 + length
    return {"encrypted": flags == 1, "secret": secret, "pins": pins, "addresses": addresses}


def prove(client, key, uuid, purpose=1, instance=None, network="default"):
    """A proof, over a nonce that is asked for: the cells of Proof. Over tcp it is bound to no certificate.

    `instance` is the one that a session is of, where that is not the identity itself.
    """
    challenge = client.ask("Challenge", {})
    nonce, network = bytes.fromhex(challenge["nonce"]), network.encode()
    who = uuids.UUID(uuid).bytes
    content = b"switchyard-proof-v1\0" + bytes([purpose]) + uuids.UUID(challenge["server_uuid"]).bytes + nonce
    content += struct.pack(">H", len(network)) + network + who + uuids.UUID(instance or uuid).bytes
    content += hashlib.sha256(key.public_key).digest() + bytes([0]) + bytes(32)
    signature = key.sign(content).hex()
    proof = {"purpose": purpose, "nonce": nonce.hex(), "public_key": key.public_key.hex(), "signature": signature}
    return proof | {"identity_uuid": uuid}


def run_enroller(address, ticket_text):
    """Redeems a ticket twice, as after a lost answer, and opens the session of the identity that came of it."""
    host, port = address.rsplit(":", 1)
    key = OpensslKey() if ed25519 is None else PackageKey()
    me = {"instance_uuid": str(uuids.uuid4()), "instance_type": 2, "name": ""}
    ticket = read_ticket(ticket_text)
    client = Client(host.strip("[]"), int(port))
    for _ in range(2):
        proof = prove(client, key, me["instance_uuid"], purpose=2)
        answer = client.ask("Enroll", {"secret": ticket["secret"].hex(), "proof": proof, "name": "boat-9"})
        is_own = answer["identity_uuid"] == me["instance_uuid"]
        print(json.dumps({"step": "enrolled", "own": is_own, "name": answer["name"], "roles": answer["roles"]}), flush=True)
    session = client.ask("Session", me | {"proof": prove(client, key, me["instance_uuid"])})
    print(json.dumps({"step": "opened", "encrypted": ticket["encrypted"], "cvid": session["instance_sid"]}), flush=True)
    client.close()


def run_prover(address, tool):
    """Opens an instance's session by a key; then others try to take its place, and it comes back itself."""
    host, port = address.rsplit(":", 1)
    Key = OpensslKey if tool == "openssl" or ed25519 is None else PackageKey
    me = {"instance_uuid": str(uuids.uuid4()), "instance_type": 2, "name": "prover"}

    def tell(step, **facts):
        print(json.dumps({"step": step} | facts), flush=True)

    def attempt(step, proof_of):
        client = Client(host.strip("[]"), int(port))
        try:
            proof = proof_of(client)
            client.ask("Session", me if proof is None else me | {"proof": proof})
            tell(step, code=0)
        except Refused as refused:
            tell(step, code=refused.code)
        client.close()

    key = Key()
    client = Client(host.strip("[]"), int(port))
    proof = prove(client, key, me["instance_uuid"])
    session = client.ask("Session", me | {"proof": proof})
    is_own = session["identity"]["key_id"] == hashlib.sha256(key.public_key).hexdigest()
    tell("opened", key=Key.__name__, own=is_own, cvid=session["instance_sid"])
    attempt("without a key", lambda other: None)
    attempt("by another key", lambda other: prove(other, Key(), me["instance_uuid"]))
    attempt("by the same proof", lambda other: proof)
    tell("stands", ttl_ms=client.ask("KeepAlive", {})["ttl_ms"])
    attempt("by the key", lambda other: prove(other, key, me["instance_uuid"]))
    tell("superseded", closed=client.over.wait(10))


if __name__ == "__main__":
    if sys.argv[1:2] == ["run"]:
        run_client(sys.argv[2])
    elif sys.argv[1:2] == ["prove"]:
        run_prover(sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else None)
    elif sys.argv[1:2] == ["enroll"]:
        run_enroller(sys.argv[2], os.environ["SWITCHYARD_TICKET"])
    else:
        run_codec()
