"""The Python client as a testee of conformance/: PYTHONPATH=sdk/python python3 conformance/testees/python.py HOST:PORT[,HOST:PORT] [NETWORK]"""
from __future__ import annotations

import asyncio
import importlib.util
import json
import math
import sys
from typing import Any, Optional

from switchyard import Handlers, InstanceOptions, Refusal, SigningKey, Switchyard, SwitchyardError
from switchyard.v1 import network_pb2, stream_pb2

CAN = ["join", "orders", "replica", "streams", "calls", "network", "servers", "closed"]
# Keys and connections to peers need packages that may not be there.
if importlib.util.find_spec("cryptography") is not None:
    CAN.append("proof")
    if importlib.util.find_spec("OpenSSL") is not None:
        CAN += ["relayed", "direct", "moves"]
# The longest command: one that has texts of some MiB sent.
LINE_BYTES_MAX = 32 << 20


def say(**message: Any) -> None:
    print(json.dumps(message), flush=True)


def error_fields(error: BaseException) -> dict[str, Any]:
    """An error as the suite writes it."""
    if not isinstance(error, SwitchyardError):
        return {"code": "", "reason": "", "message": repr(error), "fields": []}
    fields = [violation.field for violation in error.violations]
    message = error.args[0]
    return {"code": error.code.name, "reason": error.reason or "", "message": message, "fields": fields}


def end_fields(error: Any) -> dict[str, Any]:
    return {"code": "OK", "reason": ""} if error is None else error_fields(error)


class Testee:
    """Carries out the commands of one case."""

    def __init__(self, server: str, network: Optional[str]) -> None:
        self.yard = Switchyard(server.split(","), network=network)
        self.instances: dict[str, Any] = {}
        self.networks: dict[str, Any] = {}
        self.sources: dict[str, Any] = {}
        self.sinks: dict[str, Any] = {}
        self.peers: dict[str, Any] = {}
        # Those of watches, which nothing else keeps.
        self.tasks: list[asyncio.Task[None]] = []

    async def join(self, of: dict[str, Any]) -> None:
        name = of["as"]

        async def terminate(reason: str) -> None:
            say(event="terminate", **{"as": name}, reason=reason)

        options = InstanceOptions(
            uuid=of["uuid"],
            type=of["type"],
            name=of.get("name", ""),
            labels=of.get("labels", {}),
            ttl=of["ttlMs"] / 1000 if "ttlMs" in of else None,
            reopen=of.get("reopen", True),
            key=SigningKey.from_secret(bytes.fromhex(of["key"])) if "key" in of else None,
            handlers=Handlers(terminate=terminate),
        )
        instance = self.instances[name] = self.yard.join(options)

        def tell(kind: str, **fields: Any) -> None:
            say(event=kind, **{"as": name}, **fields)

        instance.on("opened", lambda session: tell("opened", cvid=session.cvid))
        instance.on(
            "attached",
            lambda session: tell(
                "attached", cvid=session.cvid, ttlMs=session.ttl * 1000, proved=session.identity is not None
            ),
        )
        instance.on("broken", lambda error, delay: tell("broken", **error_fields(error), delayMs=delay * 1000))
        instance.on("lost", lambda error: tell("lost", **error_fields(error)))
        instance.on("stream_stopped", lambda stopped: tell("streamStopped", id=stopped.id))
        instance.on("problem", lambda error: tell("problem", **error_fields(error)))
        instance.on("ended", lambda error: tell("ended", **end_fields(error)))

    async def leave(self, of: dict[str, Any]) -> None:
        await self.instances[of["as"]].leave()

    async def detach(self, of: dict[str, Any]) -> None:
        self.instances[of["as"]].detach()

    async def state(self, of: dict[str, Any]) -> dict[str, Any]:
        return {"state": self.instances[of["as"]].state.value}

    async def answerOrders(self, of: dict[str, Any]) -> None:
        refuse = of.get("refuse")

        async def connection(order: Any) -> None:
            say(event="connection", **{"as": of["as"]}, peer=order.peer_cvid, port=order.port)
            if refuse is not None:
                raise Refusal(refuse["reason"], refuse["description"])

        self.instances[of["as"]].handlers.connection = connection

    async def acceptPeers(self, of: dict[str, Any]) -> None:
        async def accept(cvid: int) -> bool:
            return True

        async def accepted(stream: Any) -> None:
            say(event="accepted", **{"as": of["as"]}, peer=stream.peer_cvid, path=stream.path, endToEnd=stream.end_to_end)
            async with stream:
                while data := await stream.reader.read(65_536):
                    stream.writer.write(data)
                    await stream.writer.drain()

        handlers = self.instances[of["as"]].handlers
        handlers.accept, handlers.accepted = accept, accepted

    async def connect(self, of: dict[str, Any]) -> dict[str, Any]:
        # Without `direct` it stays on the relay, unless the case asks for the move.
        fallback = "none" if of.get("direct") else "immediate"
        upgrade_after = of.get("upgradeAfter", 5.0) if of.get("moves") else math.inf
        connecting = self.instances[of["as"]].connect(of["cvid"], fallback=fallback, upgrade_after=upgrade_after)
        stream = self.peers[of["stream"]] = await connecting
        return {"path": stream.path, "endToEnd": stream.end_to_end}

    async def moved(self, of: dict[str, Any]) -> dict[str, Any]:
        stream = self.peers[of["stream"]]
        while stream.path != "direct":
            await asyncio.sleep(0.01)
        return {"path": stream.path}

    async def send(self, of: dict[str, Any]) -> None:
        writer = self.peers[of["stream"]].writer
        writer.write(of["text"].encode("latin-1"))
        await writer.drain()

    async def endWriting(self, of: dict[str, Any]) -> None:
        self.peers[of["stream"]].writer.write_eof()

    async def receive(self, of: dict[str, Any]) -> dict[str, Any]:
        return {"text": (await self.peers[of["stream"]].reader.readexactly(of["length"])).decode("latin-1")}

    async def receiveEnd(self, of: dict[str, Any]) -> dict[str, Any]:
        return {"rest": (await self.peers[of["stream"]].reader.read()).decode("latin-1")}

    async def watch(self, of: dict[str, Any]) -> None:
        name = of["as"]
        network = self.networks[name] = self.yard.watch_network()

        def tell(kind: str, **fields: Any) -> None:
            say(event=kind, **{"as": name}, **fields)

        network.on("synced", lambda position: tell("synced"))
        network.on("node_added", lambda node: tell("nodeAdded", name=node.name, cvid=node.cvid))
        network.on("node_removed", lambda node: tell("nodeRemoved", name=node.name, cvid=node.cvid))
        network.on("broken", lambda error, delay: tell("broken", **error_fields(error), delayMs=delay * 1000))
        network.on("ended", lambda error: tell("ended", **end_fields(error)))

    async def watchClosed(self, of: dict[str, Any]) -> None:
        self.tasks.append(asyncio.create_task(self.tell_closed(of["as"])))

    async def tell_closed(self, name: str) -> None:
        """Tells the sessions that end, and how far what it told goes back."""
        try:
            async for message in self.yard.watch_endpoint_closed():
                if message.kind == network_pb2.WATCH_KIND_BOOKMARK:
                    say(event="bookmark", **{"as": name}, dated=message.HasField("committed_at"))
                if message.HasField("endpoint_closed"):
                    closed = message.endpoint_closed
                    reason = network_pb2.CloseReason.Name(closed.reason).removeprefix("CLOSE_REASON_")
                    ended = {"cvid": closed.cvid, "uuid": closed.instance_uuid, "name": closed.name, "reason": reason}
                    say(event="closed", **{"as": name}, **ended)
        except SwitchyardError as error:
            say(event="ended", **{"as": name}, **error_fields(error))

    async def unwatch(self, of: dict[str, Any]) -> None:
        await self.networks[of["as"]].close()

    async def picture(self, of: dict[str, Any]) -> dict[str, Any]:
        graph = self.networks[of["as"]].graph
        return {"names": sorted(node.name for node in graph.nodes()), "links": graph.link_count}

    async def current(self, of: dict[str, Any]) -> dict[str, Any]:
        await self.networks[of["as"]].current()
        return await self.picture(of)

    async def getNode(self, of: dict[str, Any]) -> dict[str, Any]:
        return {"name": (await self.yard.get_node(of["cvid"])).name}

    async def createStream(self, of: dict[str, Any]) -> dict[str, Any]:
        params = stream_pb2.StreamParams(
            delivery_confirmation=of.get("confirmed", False),
            name="x" * of.get("nameBytes", 0),
            max_block_bytes=of.get("maxBlockBytes", 0),
        )
        stream = await self.instances[of["as"]].create_stream(of["sinks"], params)
        branches = [sink.id for sink in stream.sinks]
        return {"id": stream.id, "branches": branches, "branch": branches[0]}

    async def terminateStream(self, of: dict[str, Any]) -> None:
        await self.instances[of["as"]].terminate_stream(of["id"])

    async def openSource(self, of: dict[str, Any]) -> dict[str, Any]:
        source = await self.instances[of["as"]].open_source(of["id"], blocks=of.get("blocks"))
        self.sources[of["stream"]] = source
        return {"confirmed": source.confirmed_blocks}

    async def openSink(self, of: dict[str, Any]) -> dict[str, Any]:
        sink = await self.instances[of["as"]].open_sink(of["id"], blocks=of.get("blocks"))
        self.sinks[of["stream"]] = sink
        return {"taken": sink.taken_blocks}

    async def read(self, of: dict[str, Any]) -> dict[str, Any]:
        blocks: list[Any] = []
        while len(blocks) < of.get("count", float("inf")):
            try:
                block = await self.sinks[of["stream"]].__anext__()
                blocks.append(len(block) if of.get("sizes") else block.decode())
            except StopAsyncIteration:
                return {"blocks": blocks, "ended": True}
        return {"blocks": blocks, "ended": False}

    async def write(self, of: dict[str, Any]) -> None:
        for block in of["blocks"]:
            await self.sources[of["stream"]].write(block.encode())

    async def writeLarge(self, of: dict[str, Any]) -> None:
        await self.sources[of["stream"]].write(b"x" * of["bytes"])

    async def finish(self, of: dict[str, Any]) -> None:
        await self.sources[of["stream"]].finish()

    async def carry_out(self, line: bytes) -> None:
        of = json.loads(line)
        seq, command = of.pop("seq"), of.pop("do")
        try:
            say(seq=seq, ok=await getattr(self, command)(of) or {})
        except Exception as error:  # whatever it is, the case is told of it
            say(seq=seq, error=error_fields(error))


async def main() -> None:
    testee = Testee(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None)
    reader = asyncio.StreamReader(limit=LINE_BYTES_MAX)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    say(testee="python", can=CAN)
    running: set[asyncio.Task[None]] = set()
    while line := await reader.readline():
        task = asyncio.create_task(testee.carry_out(line))
        running.add(task)
        task.add_done_callback(running.discard)
    for task in running:
        task.cancel()
    await testee.yard.close()


asyncio.run(main())
