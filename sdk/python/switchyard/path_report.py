"""Tells the server which path a connection has, and that it has none any more; and asks whether it has heard so from both ends."""
from __future__ import annotations

import asyncio
from typing import Any, Optional

from . import limits
from .brokered import Brokered
from .errors import SwitchyardError
from .peer_transport import PeerTransport
from .peers_owner import PeersOwner
from .v1 import connection_pb2, network_service_pb2

_PATHS = {"relayed": connection_pb2.PATH_KIND_RELAYED, "direct": connection_pb2.PATH_KIND_DIRECT}


async def is_punching(owner: PeersOwner, brokered: Brokered, seconds: float) -> bool:
    """
    Whether the server may order another attempt, or the relay, as it has not heard of a path from both ends. False: it cannot say, and
    could not in so many seconds.
    """
    request = network_service_pb2.GetConnectionRequest(connection_id=brokered.id)
    try:
        answer = await owner.caller.call(owner.caller.server.network.GetConnection, request, timeout=seconds, retry=True)
    except SwitchyardError:
        return False
    return answer.connection.state == connection_pb2.CONNECTION_STATE_PUNCHING


async def report_path(owner: PeersOwner, brokered: Brokered, transport: PeerTransport, path: str) -> None:
    """Reports the path that a connection stands on, after what was reported of it before, unless it is left or over by then."""
    async with brokered.reporting:
        if not brokered.stands_on(transport):
            return
        error = await _report(owner, brokered, state=network_service_pb2.LINK_STATE_ESTABLISHED, path=_PATHS[path])
    # What stood is over: whether the server has heard of it does not matter any more.
    if error is not None and brokered.stands_on(transport):
        owner.problem(error)


async def report_loss(owner: PeersOwner, brokered: Brokered, *, failed: bool) -> None:
    """Reports the end of a connection, after what is on its way to the server; `failed`: because of an error."""
    async with brokered.reporting:
        # That it is lost the server may know already.
        await _report(owner, brokered, state=network_service_pb2.LINK_STATE_LOST, failed=failed)


async def _report(owner: PeersOwner, brokered: Brokered, **word: Any) -> Optional[SwitchyardError]:
    """Reports until the server has heard it, or it is given up; returns why it could not be reported."""
    request = network_service_pb2.ReportLinkRequest(
        peer_cvid=brokered.peer_cvid, link=brokered.link, connection_id=brokered.id, **word
    )
    call = owner.caller.call(owner.caller.server.network.ReportLink, request, timeout=limits.ANSWER_TIMEOUT_MS / 1000, retry=True)
    report = brokered.report = asyncio.ensure_future(call)
    try:
        await asyncio.wait({report})
    finally:
        report.cancel()
    if report.cancelled():
        return None
    error = report.exception()
    if error is not None and not isinstance(error, SwitchyardError):
        raise error
    return error
