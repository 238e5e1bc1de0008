"""The parts of the client that need no server."""
import asyncio
import contextlib
import hashlib
import json
import os
import stat
import tempfile
import unittest
from pathlib import Path

import grpc

from switchyard import Graph, InstanceOptions, Link, SigningKey, Switchyard, SwitchyardError
from switchyard.emitter import Emitter
from switchyard.errors import error_of
from switchyard.keys import endorse, signed_bytes
from switchyard.server import Caller
from switchyard.v1 import network_pb2, session_service_pb2, session_service_pb2_grpc, stream_pb2, stream_service_pb2, stream_service_pb2_grpc

VECTORS = json.loads((Path(__file__).parents[3] / "test/vectors/proofs.json").read_text(encoding="utf-8"))
ENDORSEMENTS = json.loads((Path(__file__).parents[3] / "test/vectors/endorsements.json").read_text(encoding="utf-8"))


def failure(details: bytes) -> grpc.aio.AioRpcError:
    trailing = grpc.aio.Metadata(("grpc-status-details-bin", details))
    return grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), trailing, details="no")


def field(number: int, value: bytes) -> bytes:
    return bytes([number << 3 | 2, len(value)]) + value


def packed(kind: str, value: bytes) -> bytes:
    return field(3, field(1, f"type.googleapis.com/google.rpc.{kind}".encode()) + field(2, value))


class Errors(unittest.TestCase):
    def test_reads_reason_facts_violations_and_when_to_come_again(self):
        info = field(1, b"DRAINING") + field(2, b"switchyard") + field(3, field(1, b"key") + field(2, b"value"))
        bad = field(1, field(1, b"name") + field(2, b"at most 128 bytes"))
        retry = field(1, bytes([0x08, 2, 0x10]) + bytes([0x80, 0xCA, 0xB5, 0xEE, 0x01]))
        error = error_of(failure(packed("ErrorInfo", info) + packed("BadRequest", bad) + packed("RetryInfo", retry)))
        self.assertEqual((error.reason, error.metadata, error.retry_after), ("DRAINING", {"key": "value"}, 2.5))
        self.assertEqual(error.violations, [("name", "at most 128 bytes")])
        self.assertTrue(error.temporary)
        self.assertEqual(str(error), "no [DRAINING]")

    def test_is_not_temporary_where_it_may_have_been_done(self):
        error = error_of(failure(packed("ErrorInfo", field(1, b"OUTCOME_UNKNOWN") + field(2, b"switchyard"))))
        self.assertEqual((error.code, error.temporary), (grpc.StatusCode.UNAVAILABLE, False))

    def test_keeps_code_and_message_where_details_cannot_be_read(self):
        for details in (b"\x1a\xff", b"\xff" * 12, b"\x1d\x00", packed("ErrorInfo", b"\x0a\x09")):
            error = error_of(failure(details))
            self.assertEqual((error.code, error.reason), (grpc.StatusCode.UNAVAILABLE, None))


class Calls(unittest.IsolatedAsyncioTestCase):
    async def test_of_a_closed_client_say_so(self):
        yard = Switchyard("127.0.0.1:1")
        await yard.close()
        with self.assertRaisesRegex(SwitchyardError, "the client is closed"):
            await yard.get_node(1)
        with self.assertRaisesRegex(SwitchyardError, "the client is closed"):
            await yard.watch_network_delta().__anext__()
        with self.assertRaisesRegex(SwitchyardError, "the client is closed"):
            await yard.watch_endpoint_closed().__anext__()

    async def test_that_wait_for_a_session_end_in_time(self):
        async with Switchyard("127.0.0.1:1") as yard:

            async def no_session():
                await asyncio.sleep(60)

            caller = Caller(yard._server, no_session)
            with self.assertRaisesRegex(SwitchyardError, "no session within 0.05 s"):
                await caller.call(None, None, timeout=0.05)

    async def test_of_a_server_that_is_away_are_unavailable_and_a_broken_instance_can_be_left(self):
        async with Switchyard("127.0.0.1:1") as yard:
            with self.assertRaises(SwitchyardError) as refused:
                await yard.get_node(1)
            self.assertEqual((refused.exception.code.name, refused.exception.temporary), ("UNAVAILABLE", True))
            me = yard.join(InstanceOptions(uuid="6f1d2c3b-0000-4000-8000-00000000900d", type=2))
            broken = asyncio.get_running_loop().create_future()
            me.on("broken", lambda error, delay: broken.done() or broken.set_result(error.code.name))
            self.assertEqual(await asyncio.wait_for(broken, 30), "UNAVAILABLE")
            me.detach()
            self.assertIsNone(await me.ended())
            with self.assertRaisesRegex(SwitchyardError, "the instance has left"):
                await me.attached()

    async def test_listeners_are_named_and_one_that_fails_does_not_keep_others_from_hearing(self):
        emitter, heard, told = Emitter(frozenset(("x",))), [], []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(str(context["exception"])))
        emitter.on("x", lambda: 1 / 0)
        end = emitter.on("x", lambda: heard.append(1))
        emitter.emit("x")
        end()
        emitter.emit("x")
        self.assertEqual((heard, len(told)), ([1], 2))
        with self.assertRaisesRegex(ValueError, "there is no event 'y'; there are x"):
            emitter.on("y", print)


class LosesAnswers(stream_service_pb2_grpc.StreamServiceServicer):
    """Registers streams, each request id once, and loses the first answers."""

    def __init__(self, lost: int) -> None:
        self.lost = lost
        self.asked = 0
        self.streams = {}

    async def CreateStream(self, request, context):
        self.asked += 1
        stream = self.streams.setdefault(request.request_id, stream_pb2.Stream(id=len(self.streams) + 1))
        if self.lost > 0:
            self.lost -= 1
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the connection was lost before the answer")
        return stream_service_pb2.CreateStreamResponse(stream=stream)


class Sessions(session_service_pb2_grpc.SessionServiceServicer):
    """Gives sessions, as a server that names this version of the relay."""

    def __init__(self, relay_version: int) -> None:
        self.relay_version = relay_version

    async def Session(self, request, context):
        return session_service_pb2.SessionResponse(instance_sid=7, session_token="token", relay_version=self.relay_version)

    async def Attach(self, request, context):
        await asyncio.Event().wait()
        yield session_service_pb2.AttachResponse()


class Streams(unittest.IsolatedAsyncioTestCase):
    @contextlib.asynccontextmanager
    async def joined(self, services: LosesAnswers, relay_version: int):
        server = grpc.aio.server()
        stream_service_pb2_grpc.add_StreamServiceServicer_to_server(services, server)
        session_service_pb2_grpc.add_SessionServiceServicer_to_server(Sessions(relay_version), server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            async with Switchyard(f"127.0.0.1:{port}") as yard:
                me = yard.join(InstanceOptions(uuid="6f1d2c3b-0000-4000-8000-00000000900d", type=2))
                yield me
                me.detach()
        finally:
            await server.stop(None)

    async def test_are_registered_once_each_though_answers_are_lost(self):
        services = LosesAnswers(2)
        async with self.joined(services, 4) as me:
            self.assertEqual([(await me.create_stream([9])).id, (await me.create_stream([9])).id], [1, 2])
        self.assertEqual((services.lost, len(services.streams), "" in services.streams), (0, 2, False))

    async def test_are_asked_for_once_where_the_server_is_of_a_release_that_does_not_know_request_ids(self):
        services = LosesAnswers(1)
        async with self.joined(services, 0) as me:
            with self.assertRaisesRegex(SwitchyardError, "lost before the answer"):
                await me.create_stream([9])
        self.assertEqual(services.asked, 1)


class Keys(unittest.TestCase):
    def test_signs_the_bytes_of_every_vector(self):
        for vector in VECTORS:
            public_key = bytes.fromhex(vector["public_key"])
            message = signed_bytes(
                purpose=vector["purpose"],
                server_uuid=vector["server_uuid"],
                nonce=bytes.fromhex(vector["nonce"]),
                network=vector["network"],
                identity_uuid=vector["identity_uuid"],
                instance_uuid=vector["instance_uuid"],
                key_id=hashlib.sha256(public_key).digest(),
                binding_kind=vector["binding_kind"],
                binding=bytes.fromhex(vector["binding"]),
            )
            self.assertEqual(message.hex(), vector["signed"], vector["name"])
            if "Ed25519" in vector["name"] and "secret" in vector:
                key = SigningKey.from_secret(bytes.fromhex(vector["secret"]))
                self.assertEqual((key.public_key, key.sign(message).hex()), (public_key, vector["signature"]))

    def test_endorses_connection_keys_as_the_vectors_do(self):
        vectors = [one for one in ENDORSEMENTS if "secret" in one]
        self.assertEqual(len(vectors), 2)
        for vector in vectors:
            key = SigningKey.from_secret(bytes.fromhex(vector["secret"]))
            connection_key = bytes.fromhex(vector["connection_key"])
            where = {"network": vector["network"], "expires_at_ms": vector["expires_at_ms"]}
            endorsement = endorse(key, connection_key, vector["identity_uuid"], **where)
            self.assertEqual(endorsement.hex(), vector["endorsement"], vector["name"])

    def test_keeps_a_key_for_its_owner_alone_and_finds_it_again(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "key.pem")
            made = SigningKey.ensure(path)
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
            self.assertEqual(SigningKey.ensure(path).public_key, made.public_key)
            os.chmod(path, 0o644)
            with self.assertRaisesRegex(PermissionError, "others may read it"):
                SigningKey.ensure(path)
        with self.assertRaisesRegex(ValueError, "not a private key in PEM"):
            SigningKey.from_pem(b"nothing")


class Graphs(unittest.TestCase):
    def delta(self, **parts) -> network_pb2.NetworkDelta:
        return network_pb2.NetworkDelta(**parts)

    def test_applies_removals_before_additions_and_tells_only_what_changed(self):
        graph = Graph()
        first = self.delta(
            node_added=[network_pb2.NodeAdded(cvid=1), network_pb2.NodeAdded(cvid=2)],
            link_added=[network_pb2.LinkAdded(cvid1=2, cvid2=1, link=0), network_pb2.LinkAdded(cvid1=1, cvid2=2, link=2)],
        )
        self.assertEqual(len(graph.apply(first)), 4)
        self.assertEqual(graph.apply(first), [])
        self.assertEqual(list(graph.links()), [Link(1, 2, 0), Link(1, 2, 2)])
        moved = self.delta(
            link_removed=[network_pb2.LinkRemoved(cvid1=1, cvid2=2)],
            node_removed=[network_pb2.NodeRemoved(cvid=2)],
            node_added=[network_pb2.NodeAdded(cvid=3)],
        )
        kinds = [change.kind for change in graph.apply(moved)]
        self.assertEqual(kinds, ["link_removed", "link_removed", "node_removed", "node_added"])
        self.assertEqual((graph.node_count, graph.link_count, graph.neighbours(1)), (2, 0, []))

    def test_tells_what_leads_from_one_picture_to_another(self):
        before, after = Graph(), Graph()
        before.apply(self.delta(node_added=[network_pb2.NodeAdded(cvid=1, name="a")]))
        after.apply(self.delta(node_added=[network_pb2.NodeAdded(cvid=1, name="b")]))
        kinds = [change.kind for change in before.changes_to(after)]
        self.assertEqual(kinds, ["node_removed", "node_added"])
        self.assertEqual(after.changes_to(after), [])


if __name__ == "__main__":
    unittest.main()
