"""Tells the server which path a connection has, and that it has none any more; and asks whether it has heard so from both ends."""
from __future__ import annotations

from . import limits
from .brokered import Brokered
from .errors import SwitchyardError
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


async def report_path(owner: PeersOwner, brokered: Brokered, *, established: bool, path: str = "", failed: bool = False) -> None:
    """
    Reports the link of a connection, after what was reported of it before: `established`, or lost; `failed`: because of an error.
    """
    request = network_service_pb2.ReportLinkRequest(
        peer_cvid=brokered.peer_cvid,
        link=brokered.link,
        state=network_service_pb2.LINK_STATE_ESTABLISHED if established else network_service_pb2.LINK_STATE_LOST,
        connection_id=brokered.id,
        path=_PATHS.get(path, connection_pb2.PATH_KIND_UNSPECIFIED),
        failed=failed,
    )
    method, seconds = owner.caller.server.network.ReportLink, limits.ANSWER_TIMEOUT_MS / 1000
    try:
        async with brokered.reporting:
            await owner.caller.call(method, request, timeout=seconds, retry=True)
    except SwitchyardError as error:
        # That it is lost the server may know already.
        if established:
            owner.problem(error)
