"""Calls every method of every service as any Python program would, with stubs made by protoc from the protos alone.

    switchyard_grpc.py STUBS HOST:PORT ADMIN_TOKEN ADVERTISED

Prints one line for each method, `Service/Method outcome`: OK, or the code and the reason of the refusal. What an answer
must hold is asserted here, so a wrong answer ends the program.
"""
import json
import pkgutil
import sys
import threading
import time
import uuid

sys.path.insert(0, sys.argv[1])

import grpc  # noqa: E402

import switchyard_system  # noqa: E402

# The stubs of grpc.health.v1 are in the folder's own `grpc`, which the package of that name hides: see docs/clients.md.
grpc.__path__ = pkgutil.extend_path(grpc.__path__, grpc.__name__)

from google.rpc import error_details_pb2, status_pb2  # noqa: E402
from grpc.health.v1 import health_pb2, health_pb2_grpc  # noqa: E402
from switchyard.v1 import connection_pb2, error_pb2, link_pb2, network_pb2, network_service_pb2, network_service_pb2_grpc  # noqa: E402
from switchyard.v1 import identity_pb2, identity_pb2_grpc, instance_pb2, server_pb2, server_pb2_grpc  # noqa: E402
from switchyard.v1 import session_service_pb2, session_service_pb2_grpc, stream_service_pb2  # noqa: E402
from switchyard.v1 import stream_service_pb2_grpc, transport_service_pb2, transport_service_pb2_grpc  # noqa: E402

ADMIN = (("switchyard-admin", sys.argv[3]),)
TIMEOUT_S = 20
# What a DER SubjectPublicKeyInfo of Ed25519 begins with; the key's 32 bytes follow.
ED25519_KEY = bytes.fromhex("302a300506032b6570032100")
called = {}

# Of W3C Trace Context: the server hands it on in the orders that follow from the call.
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def reason_of(error):
    """The reason of a refusal, from its details."""
    for key, value in error.trailing_metadata():
        if key != "grpc-status-details-bin":
            continue
        status = status_pb2.Status.FromString(value)
        assert status.code == error.code().value[0] and status.message == error.details()
        for detail in status.details:
            info = error_details_pb2.ErrorInfo()
            if detail.Unpack(info):
                assert info.domain == "switchyard"
                assert "REASON_" + info.reason in error_pb2.Reason.keys(), info.reason
                return info.reason
    raise AssertionError("a refusal without details: %s" % error)


class Service:
    """A stub whose calls are told: the outcome of a method is that of its last call."""

    def __init__(self, module, name, stub):
        self.descriptor = module.DESCRIPTOR.services_by_name[name]
        self.stub = stub
        for method in self.descriptor.methods:
            called["%s/%s" % (name, method.name)] = "not called"

    def call(self, method, request, metadata=()):
        """A unary call; None when it was refused."""
        return self._told(method, lambda: getattr(self.stub, method)(request, timeout=TIMEOUT_S, metadata=metadata))

    def first(self, method, request, metadata=(), wanted=lambda message: True):
        """The first wanted message of a stream, which is cancelled then; None when it was refused."""

        def read():
            stream = getattr(self.stub, method)(request, timeout=TIMEOUT_S, metadata=metadata)
            found = next(message for message in stream if wanted(message))
            stream.cancel()
            return found

        return self._told(method, read)

    def _told(self, method, work):
        name = "%s/%s" % (self.descriptor.name, method)
        try:
            answer = work()
        except grpc.RpcError as error:
            called[name] = "%s %s" % (error.code().name, reason_of(error))
            return None
        called[name] = "OK"
        return answer


def open_session(sessions, name):
    request = session_service_pb2.SessionRequest(
        instance_uuid=str(uuid.uuid4()),
        instance_type=instance_pb2.INSTANCE_TYPE_AGENT,
        instance_flavor=instance_pb2.INSTANCE_FLAVOR_MICRO,
        name=name,
        labels={"language": "python"},
    )
    opened = sessions.call("Session", request)
    assert opened.instance_sid & 0xFF == (3 << 3) | 2
    assert list(opened.servers) == [sys.argv[4]], opened.servers
    return opened, (("switchyard-session", opened.session_token),)


def relay_blocks(streams, pb, as_source, as_sink, sink_cvid):
    """Sends two blocks over a stream of its own, from the end of one session to that of another."""
    stream = streams.call("CreateStream", pb.CreateStreamRequest(sink_cvids=[sink_cvid]), as_source).stream
    read = threading.Event()

    def sink_says():
        yield pb.RelayRequest(open=pb.RelayOpen(id=stream.sinks[0].id))
        read.wait(TIMEOUT_S)

    sink = streams.stub.Relay(sink_says(), timeout=TIMEOUT_S, metadata=as_sink)
    assert next(sink).opened.stream.id == stream.id
    source_says = [pb.RelayRequest(open=pb.RelayOpen(id=stream.id)), pb.RelayRequest(block=b"one"), pb.RelayRequest(block=b"two")]
    source = streams.stub.Relay(iter(source_says), timeout=TIMEOUT_S, metadata=as_source)
    assert next(source).opened.stream.id == stream.id
    assert [next(sink).block, next(sink).block] == [b"one", b"two"]
    read.set()
    assert source.code() == grpc.StatusCode.OK
    called["StreamService/Relay"] = "OK"


def connect_directly(network, net, sessions, pb, as_one, as_two, peer_cvid):
    """Asks a peer to dial a port, and lets the peer accept the order."""
    attachment = sessions.stub.Attach(pb.AttachRequest(), timeout=TIMEOUT_S, metadata=as_two)
    assert next(attachment).order.WhichOneof("kind") == "heartbeat"
    request = net.DirectConnectionRequest(cvid=peer_cvid, type=link_pb2.LINK_TYPE_TRANSPORT_TCP, port=4711)
    asked = network.stub.DirectConnection.future(request, timeout=TIMEOUT_S, metadata=as_one)
    order = next_order(attachment)
    assert (order.connection.host, order.connection.port) == ("127.0.0.1", 4711)
    sessions.call("Answer", pb.AnswerRequest(order_id=order.order_id), as_two)
    assert asked.result().request.connection_id == order.connection.connection_id
    called["NetworkService/DirectConnection"] = "OK"
    request = net.GetConnectionRequest(connection_id=order.connection.connection_id)
    assert network.call("GetConnection", request, as_two).connection.peer_cvid == peer_cvid
    assert len(network.call("ListConnections", net.ListConnectionsRequest(), as_one).connections) == 1
    attachment.cancel()


def next_order(attachment):
    """The next order of an attachment that is to be answered."""
    return next(message.order for message in attachment if message.order.order_id)


def connect_through_server(network, net, sessions, streams, pb, relay_pb, ends):
    """Asks for a connection that goes through the server at once, and sends a block over it as soon as both ends have the order."""
    attachments = []
    for _sid, metadata in ends:
        attachment = sessions.stub.Attach(pb.AttachRequest(), timeout=TIMEOUT_S, metadata=metadata)
        assert next(attachment).order.WhichOneof("kind") == "heartbeat"
        attachments.append(attachment)
    (_, as_one), (peer_cvid, as_two) = ends
    request = net.DirectConnectionRequest(
        cvid=peer_cvid,
        type=link_pb2.LINK_TYPE_TRANSPORT_TCP,
        fallback=connection_pb2.CONNECTION_FALLBACK_IMMEDIATE,
        public_key=ED25519_KEY + bytes([1] * 32),
        endorsement=bytes([3] * 256),
        relay_version=3,
    )
    traced = (*as_one, ("traceparent", TRACEPARENT))
    asked = network.stub.DirectConnection.future(request, timeout=TIMEOUT_S, metadata=traced)
    gather = next_order(attachments[1])
    assert gather.connection.role == connection_pb2.CONNECTION_ROLE_GATHER
    assert gather.connection.fallback == connection_pb2.CONNECTION_FALLBACK_IMMEDIATE
    brought = {"public_key": ED25519_KEY + bytes([2] * 32), "endorsement": bytes([4] * 100)}
    data = connection_pb2.GatherAnswer(relay_version=3, **brought).SerializeToString()
    sessions.call("Answer", pb.AnswerRequest(order_id=gather.order_id, data=data), as_two)
    orders = [next_order(attachment) for attachment in attachments]
    for order in (gather, *orders):
        assert order.connection.traceparent == TRACEPARENT
    for order, controlling in zip(orders, (True, False)):
        assert order.connection.role == connection_pb2.CONNECTION_ROLE_RELAY
        assert order.connection.controlling == controlling
        assert order.connection.relay_version == 3
        assert order.connection.relay_stream_id > 0 and order.connection.relay_branch_id > 0
    assert asked.result().request.connection_id == gather.connection.connection_id
    assert orders[0].connection.peer_public_key == ED25519_KEY + bytes([2] * 32)
    assert orders[1].connection.peer_public_key == ED25519_KEY + bytes([1] * 32)
    # What an end brings for the other one alone to read is passed on as it is.
    assert orders[0].connection.peer_endorsement == brought["endorsement"]
    assert gather.connection.peer_endorsement == orders[1].connection.peer_endorsement == bytes([3] * 256)
    for order, metadata in zip(orders, (as_one, as_two)):
        sessions.call("Answer", pb.AnswerRequest(order_id=order.order_id), metadata)
    read = threading.Event()

    def sink_says():
        yield relay_pb.RelayRequest(open=relay_pb.RelayOpen(id=orders[1].connection.relay_branch_id))
        read.wait(TIMEOUT_S)

    sink = streams.stub.Relay(sink_says(), timeout=TIMEOUT_S, metadata=as_two)
    assert next(sink).opened.stream.id == orders[0].connection.relay_stream_id

    def source_says():
        yield relay_pb.RelayRequest(open=relay_pb.RelayOpen(id=orders[0].connection.relay_stream_id))
        yield relay_pb.RelayRequest(block=b"at once")
        read.wait(TIMEOUT_S)

    source = streams.stub.Relay(source_says(), timeout=TIMEOUT_S, metadata=as_one)
    assert next(source).opened.stream.id == orders[0].connection.relay_stream_id
    assert next(sink).block == b"at once"
    read.set()
    request = net.GetConnectionRequest(connection_id=gather.connection.connection_id)
    assert network.call("GetConnection", request, as_one).connection.path == connection_pb2.PATH_KIND_RELAYED
    for call in (sink, source, *attachments):
        call.cancel()


def punch_with_a_way_back(network, net, sessions, pb, ends):
    """An order to punch says whether the connection goes on through the server when the path that it finds has died."""
    attachments = []
    for _sid, metadata in ends:
        attachment = sessions.stub.Attach(pb.AttachRequest(), timeout=TIMEOUT_S, metadata=metadata)
        assert next(attachment).order.WhichOneof("kind") == "heartbeat"
        attachments.append(attachment)
    (_, as_one), (peer_cvid, as_two) = ends
    request = net.DirectConnectionRequest(
        cvid=peer_cvid,
        type=link_pb2.LINK_TYPE_TRANSPORT_UDP,
        fallback=connection_pb2.CONNECTION_FALLBACK_LATE,
        public_key=ED25519_KEY + bytes([1] * 32),
        relay_version=4,
    )
    asked = network.stub.DirectConnection.future(request, timeout=TIMEOUT_S, metadata=as_one)
    gather = next_order(attachments[1])
    answer = connection_pb2.GatherAnswer(relay_version=4, public_key=ED25519_KEY + bytes([2] * 32))
    request = pb.AnswerRequest(order_id=gather.order_id, data=answer.SerializeToString())
    sessions.call("Answer", request, as_two)
    for attachment, role in zip(attachments, ("CONTROLLING", "CONTROLLED")):
        order = next_order(attachment).connection
        assert order.role == connection_pb2.ConnectionRole.Value(f"CONNECTION_ROLE_PUNCH_{role}")
        assert order.relay_version == 4
    name = asked.result().request.connection_id
    lost = net.ReportLinkRequest(
        peer_cvid=peer_cvid, link=link_pb2.LINK_TYPE_TRANSPORT_UDP, state=net.LINK_STATE_LOST, connection_id=name
    )
    network.call("ReportLink", lost, as_one)
    for attachment in attachments:
        attachment.cancel()


def refuse_unknown_fallback(network, net, as_one, peer_cvid):
    """A `fallback` that is none is refused, and says so."""
    request = net.DirectConnectionRequest(cvid=peer_cvid, type=link_pb2.LINK_TYPE_TRANSPORT_TCP, fallback=4)
    try:
        network.stub.DirectConnection(request, timeout=TIMEOUT_S, metadata=as_one)
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT and "fallback" in error.details(), error.details()
    else:
        raise AssertionError("an unknown fallback is taken")


def ask_health(channel):
    """Asks each way for the health of a service, and of one that is not there."""
    health = health_pb2_grpc.HealthStub(channel)
    request = health_pb2.HealthCheckRequest(service="switchyard.v1.SessionService")
    serving = health_pb2.HealthCheckResponse.SERVING
    assert health.Check(request, timeout=TIMEOUT_S).status == serving
    called["Health/Check"] = "OK"
    watch = health.Watch(request, timeout=TIMEOUT_S)
    assert next(watch).status == serving
    watch.cancel()
    called["Health/Watch"] = "OK"
    try:
        health.Check(health_pb2.HealthCheckRequest(service="nothing.v1.Nothing"), timeout=TIMEOUT_S)
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.NOT_FOUND
    else:
        raise AssertionError("a service that is not there is healthy")


class Identities:
    """Calls IdentityService of a network, and is what proofs of the other program ask for their nonce."""

    def __init__(self, channel, network="default"):
        self.stub = identity_pb2_grpc.IdentityServiceStub(channel)
        self.network = network

    def call(self, method, metadata=(), **fields):
        request = getattr(identity_pb2, method + "Request")(**fields)
        metadata = (*metadata, ("switchyard-network", self.network))
        answer = getattr(self.stub, method)(request, timeout=TIMEOUT_S, metadata=metadata)
        called["IdentityService/" + method] = "OK"
        return answer

    def ask(self, _name, _body):
        answer = self.call("Challenge")
        return {"nonce": answer.nonce.hex(), "server_uuid": answer.server_uuid}


def ask_as_proved(channel, sessions, caller):
    """Asks a peer for a connection; the order says who the caller has proved to be, and nothing of one that has proved nothing."""
    peer, as_peer = open_session(sessions, "asked by one that is proved")
    network = network_service_pb2_grpc.NetworkServiceStub(channel)
    attach = session_service_pb2.AttachRequest()
    attachment = sessions.stub.Attach(attach, timeout=TIMEOUT_S, metadata=as_peer)
    plain, as_plain = open_session(sessions, "without a proof")
    for metadata in ((("switchyard-session", caller.session_token),), as_plain):
        request = network_service_pb2.DirectConnectionRequest(
            cvid=peer.instance_sid, type=link_pb2.LINK_TYPE_TRANSPORT_TCP, port=4711
        )
        asked = network.DirectConnection.future(request, timeout=TIMEOUT_S, metadata=metadata)
        order = next_order(attachment)
        if metadata is as_plain:
            assert not order.connection.HasField("peer")
        else:
            assert order.connection.peer.identity_uuid == caller.identity.identity_uuid
            assert order.connection.peer.network == "default" and len(order.connection.peer.key_id) == 64
        sessions.call("Answer", session_service_pb2.AnswerRequest(order_id=order.order_id), as_peer)
        # Who asks is told of its peer in the same way.
        assert not asked.result().request.HasField("peer")
    attachment.cancel()
    for metadata in (as_peer, as_plain):
        sessions.call("TerminateSession", session_service_pb2.TerminateSessionRequest(), metadata)


def new_key():
    return switchyard_system.OpensslKey() if switchyard_system.ed25519 is None else switchyard_system.PackageKey()


def open_by_key(identities, sessions, key, identity, instance):
    """A session of an instance, by the proof of a key of this identity."""
    cells = switchyard_system.prove(identities, key, identity, instance=instance, network=identities.network)
    proof = identity_pb2.Proof(
        purpose=cells["purpose"],
        nonce=bytes.fromhex(cells["nonce"]),
        public_key=key.public_key,
        signature=bytes.fromhex(cells["signature"]),
        identity_uuid=identity,
    )
    agent = {"instance_uuid": instance, "instance_type": instance_pb2.INSTANCE_TYPE_AGENT, "network": identities.network}
    return sessions.call("Session", session_service_pb2.SessionRequest(proof=proof, **agent))


def open_as_person(channel, sessions):
    """Opens two sessions of one person, of itself and of another instance; both are told with it, and end with it."""
    identities = Identities(channel)
    key = new_key()
    person = str(uuid.uuid4())
    identities.call("BindKey", ADMIN, identity_uuid=person, public_key=key.public_key)
    described = {"kind": identity_pb2.IDENTITY_KIND_PERSON, "update_mask": {"paths": ["kind"]}}
    identities.call("UpdateIdentity", ADMIN, identity_uuid=person, **described)
    opened = []
    for instance in (person, str(uuid.uuid4())):
        answer = open_by_key(identities, sessions, key, person, instance)
        assert answer.identity.identity_uuid == person
        opened.append(answer)
    told = identities.call("GetIdentity", ADMIN, identity_uuid=person).identity
    sids = [answer.instance_sid for answer in opened]
    assert list(told.cvids) == sorted(sids) and told.cvid == min(sids)
    ask_as_proved(channel, sessions, opened[0])
    identities.call("RevokeIdentity", ADMIN, identity_uuid=person)
    assert not identities.call("GetIdentity", ADMIN, identity_uuid=person).identity.cvids


def use_network(channel, sessions):
    """Opens a session in a network of its own, by its name in the metadata and in the request; and drops the network."""
    identities = Identities(channel)
    network = identities.call("CreateNetwork", ADMIN, name="harbour", sessions_max=2).network
    assert (network.name, network.sessions_max) == ("harbour", 2)
    agent = {"instance_uuid": str(uuid.uuid4()), "instance_type": instance_pb2.INSTANCE_TYPE_AGENT}
    by_name = (("switchyard-network", "harbour"),)
    first = sessions.call("Session", session_service_pb2.SessionRequest(**agent), by_name)
    second = sessions.call("Session", session_service_pb2.SessionRequest(network="harbour", **agent))
    assert first.session_token.startswith("sw2_") and second.session_token.startswith("sw2_")
    listed = sessions.call("ListSessions", session_service_pb2.ListSessionsRequest(), by_name).sessions
    assert [session.instance_uuid for session in listed] == [agent["instance_uuid"]]
    assert [one.name for one in identities.call("ListNetworks", ADMIN).networks] == ["default", "harbour"]
    identities.call("DropNetwork", ADMIN, name="harbour")


def reach_ports(channel, sessions):
    """The end that is asked is told which of its ports the policy grants to the caller: each range once, ascending."""
    Identities(channel).call("CreateNetwork", ADMIN, name="quay")
    identities = Identities(channel, "quay")
    grant = {"from": ["role:client"], "to": ["role:agent"], "may": ["connection.ask"]}
    grants = [grant | {"ports": ["8000-8099", 22]}, grant | {"ports": ["8100-8200"]}]
    identities.call("PutPolicy", ADMIN, document=json.dumps({"auth": "required", "grants": grants}))
    opened = []
    for role in ("client", "agent"):
        key, instance = new_key(), str(uuid.uuid4())
        identities.call("BindKey", ADMIN, identity_uuid=instance, public_key=key.public_key)
        identities.call("UpdateIdentity", ADMIN, identity_uuid=instance, roles=[role], update_mask={"paths": ["roles"]})
        opened.append(open_by_key(identities, sessions, key, instance, instance))
    (_, as_client), (agent, as_agent) = [(one, (("switchyard-session", one.session_token),)) for one in opened]
    attachment = sessions.stub.Attach(session_service_pb2.AttachRequest(), timeout=TIMEOUT_S, metadata=as_agent)
    request = network_service_pb2.DirectConnectionRequest(
        cvid=agent.instance_sid, type=link_pb2.LINK_TYPE_TRANSPORT_TCP, port=4711
    )
    network = network_service_pb2_grpc.NetworkServiceStub(channel)
    asked = network.DirectConnection.future(request, timeout=TIMEOUT_S, metadata=as_client)
    order = next_order(attachment)
    ranges = [(one.first, one.last) for one in order.connection.peer.ports.ranges]
    assert ranges == [(22, 22), (8000, 8200)], ranges
    sessions.call("Answer", session_service_pb2.AnswerRequest(order_id=order.order_id), as_agent)
    # What the caller opens to its peer is not asked for, so it is told of no ports.
    peer = asked.result().request.peer
    assert peer.identity_uuid and not peer.HasField("ports")
    attachment.cancel()
    Identities(channel).call("DropNetwork", ADMIN, name="quay")


def read_anchor(channel):
    """Waits until the journal knows a line of the audit log: the line of this number has the hash that the anchor says."""
    watch = identity_pb2_grpc.IdentityServiceStub(channel).WatchAudit
    until = time.monotonic() + TIMEOUT_S
    while True:
        stream = watch(identity_pb2.WatchAuditRequest(after=0), timeout=TIMEOUT_S, metadata=ADMIN)
        first = next(stream)
        stream.cancel()
        if first.anchors:
            break
        assert time.monotonic() < until, "nothing is anchored"
        time.sleep(0.1)
    (anchor,) = first.anchors
    (line,) = [one for one in first.lines if one.number == anchor.number]
    assert (line.hash, anchor.missed) == (anchor.hash, False)
    assert anchor.anchored_at.ToJsonString()[:19] >= line.at[:19]


def watch_audit(channel, terminated_sid):
    """Reads the audit log up to the end of a session by an administrator: each line has the hash of the one before."""
    watch = identity_pb2_grpc.IdentityServiceStub(channel).WatchAudit
    before, number = "0" * 64, 0
    stream = watch(identity_pb2.WatchAuditRequest(after=0), timeout=TIMEOUT_S, metadata=ADMIN)
    for message in stream:
        for line in message.lines:
            assert (line.number, line.before) == (number + 1, before) and line.number <= message.end
            before, number = line.hash, line.number
            if line.what == "TerminateSession":
                assert (line.who, line.outcome, line.count) == ("administrator", "ok", 1)
                assert str(terminated_sid) in line.on, line.on
                stream.cancel()
                called["IdentityService/WatchAudit"] = "OK"
                return


def main():
    channel = grpc.insecure_channel(sys.argv[2])
    ask_health(channel)
    pb, net, streaming, transport_pb = session_service_pb2, network_service_pb2, stream_service_pb2, transport_service_pb2
    sessions = Service(pb, "SessionService", session_service_pb2_grpc.SessionServiceStub(channel))
    network = Service(net, "NetworkService", network_service_pb2_grpc.NetworkServiceStub(channel))
    streams = Service(streaming, "StreamService", stream_service_pb2_grpc.StreamServiceStub(channel))
    server = Service(server_pb2, "ServerService", server_pb2_grpc.ServerServiceStub(channel))
    transport = Service(transport_pb, "TransportService", transport_service_pb2_grpc.TransportServiceStub(channel))

    one, as_one = open_session(sessions, "one")
    two, as_two = open_session(sessions, "two")
    assert sessions.call("KeepAlive", pb.KeepAliveRequest(), as_one).ttl == one.ttl
    assert sessions.call("GetSession", pb.GetSessionRequest(), as_one).session.cvid == one.instance_sid
    listed = sessions.call("ListSessions", pb.ListSessionsRequest()).sessions
    assert {one.instance_sid, two.instance_sid} <= {session.cvid for session in listed}

    for peer, metadata in ((two, as_one), (one, as_two)):
        request = net.ReportLinkRequest(
            peer_cvid=peer.instance_sid, link=link_pb2.LINK_TYPE_TRANSPORT_UDP, state=net.LINK_STATE_ESTABLISHED
        )
        reported = network.call("ReportLink", request, metadata)
    assert reported.in_graph
    node = network.call("GetNode", net.GetNodeRequest(cvid=one.instance_sid)).node
    assert [(link.peer_cvid, link.link) for link in node.links] == [(one.server_sid, 0), (two.instance_sid, 2)]
    request = net.FindPathRequest(from_cvid=one.instance_sid, to_cvid=two.instance_sid)
    assert list(network.call("FindPath", request).cvids) == [one.instance_sid, two.instance_sid]
    end = network.first(
        "WatchNetworkDelta",
        net.WatchNetworkDeltaRequest(),
        wanted=lambda message: message.kind == network_pb2.WATCH_KIND_SNAPSHOT_END,
    )
    assert end.position.epoch == one.position.epoch
    connect_directly(network, net, sessions, pb, as_one, as_two, two.instance_sid)

    watched = network.first("WatchConnections", net.WatchConnectionsRequest(), as_one)
    assert watched.kind == network_pb2.WATCH_KIND_SNAPSHOT and watched.connections[0].caller_cvid == one.instance_sid
    opened = sessions.first("WatchSessions", pb.WatchSessionsRequest(cvids=[two.instance_sid]))
    assert opened.kind == network_pb2.WATCH_KIND_SNAPSHOT and opened.changes[0].opened.cvid == two.instance_sid

    request = streaming.CreateStreamRequest(sink_cvids=[two.instance_sid])
    stream = streams.call("CreateStream", request, as_one).stream
    request = streaming.UpdateStreamParamsRequest(id=stream.id)
    request.params.name = "renamed"
    request.update_mask.paths.append("name")
    assert streams.call("UpdateStreamParams", request, as_one).stream.params.name == "renamed"
    assert streams.call("GetStream", streaming.GetStreamRequest(id=stream.sinks[0].id), as_two).stream.id == stream.id
    assert len(streams.call("ListStreams", streaming.ListStreamsRequest(), as_one).streams) == 2
    first = streams.first("WatchStreams", streaming.WatchStreamsRequest(), as_two)
    assert first.kind == network_pb2.WATCH_KIND_SNAPSHOT
    stopped = streams.call("StopStream", streaming.StopStreamRequest(id=stream.id), as_two)
    assert list(stopped.stopped_ids) == [stream.id, stream.sinks[0].id]
    stream = streams.call("CreateStream", streaming.CreateStreamRequest(sink_cvids=[two.instance_sid]), as_one).stream
    streams.call("TerminateStream", streaming.TerminateStreamRequest(id=stream.id), as_one)
    relay_blocks(streams, streaming, as_one, as_two, two.instance_sid)
    ends = ((one.instance_sid, as_one), (two.instance_sid, as_two))
    connect_through_server(network, net, sessions, streams, pb, streaming, ends)
    punch_with_a_way_back(network, net, sessions, pb, ends)
    refuse_unknown_fallback(network, net, as_one, two.instance_sid)

    listed = transport.call("EnumerateTransport", transport_pb.EnumerateTransportRequest()).transports
    assert [one.code_name for one in listed] == ["exchange", "grpc"] and listed[1].addresses == [sys.argv[2]]
    # What is no packet is answered with an error, in a packet.
    assert transport.first("Exchange", iter([transport_pb.ExchangeRequest(packet=b"")])).packet

    told = server.call("GetServer", server_pb2.GetServerRequest())
    assert told.server_sid == one.server_sid and told.server_uuid == one.server_uuid and not told.limits
    assert (told.role, told.term, told.journal_bytes) == (server_pb2.SERVER_ROLE_LEADER, 1, 0)
    whole = server.call("GetServer", server_pb2.GetServerRequest(), ADMIN)
    assert whole.journal_bytes > 0
    listed = server.call("ListServers", server_pb2.ListServersRequest(), ADMIN)
    assert [one.role for one in listed.servers] == [server_pb2.SERVER_ROLE_LEADER] and listed.servers[0].ready
    assert listed.position.epoch == whole.position.epoch
    knows = listed.servers[0]
    assert 2 <= listed.format <= knows.format_max and 1 <= listed.rules <= knows.rules_max, listed
    limits = {limit.name: limit for limit in whole.limits}
    assert limits["sessions-max"].used == 2 and limits["sessions-max"].max == 1048576

    attachment = sessions.stub.Attach(pb.AttachRequest(), timeout=TIMEOUT_S, metadata=as_two)
    assert next(attachment).order.WhichOneof("kind") == "heartbeat"
    closed = network.stub.WatchEndpointClosed(net.WatchEndpointClosedRequest(), timeout=TIMEOUT_S)
    assert next(closed).kind == network_pb2.WATCH_KIND_BOOKMARK
    request = pb.TerminateSessionRequest(cvid=two.instance_sid, reason="enough")
    terminated = sessions.stub.TerminateSession.future(request, timeout=TIMEOUT_S, metadata=ADMIN)
    order = next(attachment).order
    assert order.terminate_session.reason == "enough"
    sessions.call("Answer", pb.AnswerRequest(order_id=order.order_id), as_two)
    terminated.result()
    assert next(closed).endpoint_closed.cvid == two.instance_sid
    called["NetworkService/WatchEndpointClosed"] = "OK"
    try:
        for _message in attachment:
            pass
    except grpc.RpcError as error:
        called["SessionService/Attach"] = "%s %s" % (error.code().name, reason_of(error))
    sessions.call("TerminateSession", pb.TerminateSessionRequest(), as_one)

    open_as_person(channel, sessions)
    use_network(channel, sessions)
    reach_ports(channel, sessions)
    watch_audit(channel, two.instance_sid)
    read_anchor(channel)

    for method, outcome in called.items():
        print(method, outcome)


main()
