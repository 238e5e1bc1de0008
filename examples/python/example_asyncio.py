"""The same as example.py, for asyncio.

    example_asyncio.py HOST:PORT
"""
import asyncio
import sys

import grpc
from google.rpc import error_details_pb2, status_pb2
from switchyard.v1 import instance_pb2, network_pb2, network_service_pb2, network_service_pb2_grpc
from switchyard.v1 import session_service_pb2, session_service_pb2_grpc

# How long to wait before a watch is opened again when the server does not say.
DEFAULT_RETRY_S = 0.5


async def main():
    async with grpc.aio.insecure_channel(sys.argv[1]) as channel:
        sessions = session_service_pb2_grpc.SessionServiceStub(channel)
        network = network_service_pb2_grpc.NetworkServiceStub(channel)
        session = await sessions.Session(
            session_service_pb2.SessionRequest(
                instance_uuid="6f1d2c3b-0000-4000-8000-00000000900c",
                instance_type=instance_pb2.INSTANCE_TYPE_AGENT,
                name="an example in Python, with asyncio",
                labels={"language": "python"},
            )
        )
        print("session", session.instance_sid, flush=True)
        after = await watch(network, None)
        while True:
            try:
                await watch(network, after)
                break
            except grpc.aio.AioRpcError as error:
                if error.code() != grpc.StatusCode.UNAVAILABLE:
                    raise
                await asyncio.sleep(retry_delay(error))
        try:
            await network.GetNode(network_service_pb2.GetNodeRequest(cvid=1))
        except grpc.aio.AioRpcError as error:
            info = find_detail(error, error_details_pb2.ErrorInfo)
            print("refused %s %s: %s" % (error.code().name, info.reason, error.details()))
        as_session = (("switchyard-session", session.session_token),)
        await sessions.TerminateSession(session_service_pb2.TerminateSessionRequest(), metadata=as_session)


async def watch(network, after):
    """Reads a watch: from a snapshot until the server goes away, or from a position to its first message."""
    position = after
    nodes = 0
    try:
        async for message in network.WatchNetworkDelta(network_service_pb2.WatchNetworkDeltaRequest(after=after)):
            if message.kind == network_pb2.WATCH_KIND_SNAPSHOT:
                nodes += sum(len(delta.node_added) for delta in message.deltas)
                continue
            if message.kind == network_pb2.WATCH_KIND_RESET:
                raise SystemExit("the server does not know our position: forget everything, a snapshot follows")
            if message.kind == network_pb2.WATCH_KIND_SNAPSHOT_END:
                print("watching %d nodes" % nodes, flush=True)
            elif after is not None:
                print("resumed after revision", after.revision, flush=True)
                return message.position
            position = message.position
    except grpc.aio.AioRpcError as error:
        if after is not None or position is None or error.code() != grpc.StatusCode.UNAVAILABLE:
            raise
    return position


def find_detail(error, kind):
    """A detail of a refusal; an empty one when it has none of the kind."""
    for key, value in error.trailing_metadata() or ():
        if key != "grpc-status-details-bin":
            continue
        for packed in status_pb2.Status.FromString(value).details:
            detail = kind()
            if packed.Unpack(detail):
                return detail
    return kind()


def retry_delay(error):
    """How long the server asks to wait, in seconds."""
    delay = find_detail(error, error_details_pb2.RetryInfo).retry_delay
    return delay.ToNanoseconds() / 1e9 or DEFAULT_RETRY_S


asyncio.run(main())
