"""
The Python client of Switchyard, for asyncio.

`Switchyard` is a server as an observer sees it; `join` makes an `Instance` that stays on the network; `watch_network` makes a
`Network`, a replica of the graph that keeps itself up to date. Messages are those of the protos, in `switchyard.v1`; times are
seconds.
"""
from .client import DEFAULT_SERVER, Switchyard
from .errors import FieldViolation, Refusal, SwitchyardError
from .graph import Change, Graph, Link
from .instance import Instance, InstanceOptions, OwnSession
from .keys import SigningKey
from .lifecycle import State
from .network import Network
from .orders import Handlers
from .peer_stream import PeerStream
from .relay import RelaySink, RelaySource
from .server import Tls

__all__ = [
    "DEFAULT_SERVER",
    "Change",
    "FieldViolation",
    "Graph",
    "Handlers",
    "Instance",
    "InstanceOptions",
    "Link",
    "Network",
    "OwnSession",
    "PeerStream",
    "Refusal",
    "RelaySink",
    "RelaySource",
    "SigningKey",
    "State",
    "Switchyard",
    "SwitchyardError",
    "Tls",
]
