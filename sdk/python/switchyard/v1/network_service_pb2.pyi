from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from switchyard.v1 import connection_pb2 as _connection_pb2
from switchyard.v1 import link_pb2 as _link_pb2
from switchyard.v1 import network_pb2 as _network_pb2
from switchyard.v1 import position_pb2 as _position_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
LINK_STATE_ESTABLISHED: LinkState
LINK_STATE_LOST: LinkState
LINK_STATE_UNSPECIFIED: LinkState

class DirectConnectionRequest(_message.Message):
    __slots__ = ["candidates", "connection_id", "cvid", "endorsement", "fallback", "port", "public_key", "relay_version", "request_id", "round_trip", "type"]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    CONNECTION_ID_FIELD_NUMBER: _ClassVar[int]
    CVID_FIELD_NUMBER: _ClassVar[int]
    ENDORSEMENT_FIELD_NUMBER: _ClassVar[int]
    FALLBACK_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    RELAY_VERSION_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ROUND_TRIP_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    candidates: _containers.RepeatedCompositeFieldContainer[_connection_pb2.Candidate]
    connection_id: str
    cvid: int
    endorsement: bytes
    fallback: _connection_pb2.ConnectionFallback
    port: int
    public_key: bytes
    relay_version: int
    request_id: str
    round_trip: _duration_pb2.Duration
    type: _link_pb2.LinkType
    def __init__(self, cvid: _Optional[int] = ..., type: _Optional[_Union[_link_pb2.LinkType, str]] = ..., port: _Optional[int] = ..., candidates: _Optional[_Iterable[_Union[_connection_pb2.Candidate, _Mapping]]] = ..., public_key: _Optional[bytes] = ..., round_trip: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., relay_version: _Optional[int] = ..., connection_id: _Optional[str] = ..., request_id: _Optional[str] = ..., fallback: _Optional[_Union[_connection_pb2.ConnectionFallback, str]] = ..., endorsement: _Optional[bytes] = ...) -> None: ...

class DirectConnectionResponse(_message.Message):
    __slots__ = ["request"]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    request: _connection_pb2.Connection
    def __init__(self, request: _Optional[_Union[_connection_pb2.Connection, _Mapping]] = ...) -> None: ...

class FindPathRequest(_message.Message):
    __slots__ = ["from_cvid", "links", "to_cvid"]
    FROM_CVID_FIELD_NUMBER: _ClassVar[int]
    LINKS_FIELD_NUMBER: _ClassVar[int]
    TO_CVID_FIELD_NUMBER: _ClassVar[int]
    from_cvid: int
    links: _containers.RepeatedScalarFieldContainer[_link_pb2.LinkType]
    to_cvid: int
    def __init__(self, from_cvid: _Optional[int] = ..., to_cvid: _Optional[int] = ..., links: _Optional[_Iterable[_Union[_link_pb2.LinkType, str]]] = ...) -> None: ...

class FindPathResponse(_message.Message):
    __slots__ = ["cvids", "position"]
    CVIDS_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    cvids: _containers.RepeatedScalarFieldContainer[int]
    position: _position_pb2.Position
    def __init__(self, cvids: _Optional[_Iterable[int]] = ..., position: _Optional[_Union[_position_pb2.Position, _Mapping]] = ...) -> None: ...

class GetConnectionRequest(_message.Message):
    __slots__ = ["connection_id"]
    CONNECTION_ID_FIELD_NUMBER: _ClassVar[int]
    connection_id: str
    def __init__(self, connection_id: _Optional[str] = ...) -> None: ...

class GetConnectionResponse(_message.Message):
    __slots__ = ["connection"]
    CONNECTION_FIELD_NUMBER: _ClassVar[int]
    connection: _connection_pb2.ConnectionRecord
    def __init__(self, connection: _Optional[_Union[_connection_pb2.ConnectionRecord, _Mapping]] = ...) -> None: ...

class GetNodeRequest(_message.Message):
    __slots__ = ["cvid"]
    CVID_FIELD_NUMBER: _ClassVar[int]
    cvid: int
    def __init__(self, cvid: _Optional[int] = ...) -> None: ...

class GetNodeResponse(_message.Message):
    __slots__ = ["node", "position"]
    NODE_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    node: _network_pb2.Node
    position: _position_pb2.Position
    def __init__(self, node: _Optional[_Union[_network_pb2.Node, _Mapping]] = ..., position: _Optional[_Union[_position_pb2.Position, _Mapping]] = ...) -> None: ...

class ListConnectionsRequest(_message.Message):
    __slots__ = ["page_size", "page_token"]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListConnectionsResponse(_message.Message):
    __slots__ = ["connections", "next_page_token"]
    CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    connections: _containers.RepeatedCompositeFieldContainer[_connection_pb2.ConnectionRecord]
    next_page_token: str
    def __init__(self, connections: _Optional[_Iterable[_Union[_connection_pb2.ConnectionRecord, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ReportLinkRequest(_message.Message):
    __slots__ = ["connection_id", "failed", "link", "path", "peer_cvid", "round_trip", "state"]
    CONNECTION_ID_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    LINK_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    PEER_CVID_FIELD_NUMBER: _ClassVar[int]
    ROUND_TRIP_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    connection_id: str
    failed: bool
    link: _link_pb2.LinkType
    path: _connection_pb2.PathKind
    peer_cvid: int
    round_trip: _duration_pb2.Duration
    state: LinkState
    def __init__(self, peer_cvid: _Optional[int] = ..., link: _Optional[_Union[_link_pb2.LinkType, str]] = ..., state: _Optional[_Union[LinkState, str]] = ..., connection_id: _Optional[str] = ..., path: _Optional[_Union[_connection_pb2.PathKind, str]] = ..., round_trip: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., failed: bool = ...) -> None: ...

class ReportLinkResponse(_message.Message):
    __slots__ = ["in_graph", "position"]
    IN_GRAPH_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    in_graph: bool
    position: _position_pb2.Position
    def __init__(self, in_graph: bool = ..., position: _Optional[_Union[_position_pb2.Position, _Mapping]] = ...) -> None: ...

class WatchConnectionsRequest(_message.Message):
    __slots__ = ["after"]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    after: _position_pb2.Position
    def __init__(self, after: _Optional[_Union[_position_pb2.Position, _Mapping]] = ...) -> None: ...

class WatchConnectionsResponse(_message.Message):
    __slots__ = ["committed_at", "connections", "kind", "position"]
    COMMITTED_AT_FIELD_NUMBER: _ClassVar[int]
    CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    committed_at: _timestamp_pb2.Timestamp
    connections: _containers.RepeatedCompositeFieldContainer[_connection_pb2.ConnectionRecord]
    kind: _network_pb2.WatchKind
    position: _position_pb2.Position
    def __init__(self, position: _Optional[_Union[_position_pb2.Position, _Mapping]] = ..., kind: _Optional[_Union[_network_pb2.WatchKind, str]] = ..., connections: _Optional[_Iterable[_Union[_connection_pb2.ConnectionRecord, _Mapping]]] = ..., committed_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class WatchEndpointClosedRequest(_message.Message):
    __slots__ = ["after", "cvids"]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    CVIDS_FIELD_NUMBER: _ClassVar[int]
    after: _position_pb2.Position
    cvids: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, cvids: _Optional[_Iterable[int]] = ..., after: _Optional[_Union[_position_pb2.Position, _Mapping]] = ...) -> None: ...

class WatchEndpointClosedResponse(_message.Message):
    __slots__ = ["committed_at", "endpoint_closed", "kind", "position"]
    COMMITTED_AT_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_CLOSED_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    committed_at: _timestamp_pb2.Timestamp
    endpoint_closed: _network_pb2.EndpointClosed
    kind: _network_pb2.WatchKind
    position: _position_pb2.Position
    def __init__(self, endpoint_closed: _Optional[_Union[_network_pb2.EndpointClosed, _Mapping]] = ..., position: _Optional[_Union[_position_pb2.Position, _Mapping]] = ..., kind: _Optional[_Union[_network_pb2.WatchKind, str]] = ..., committed_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class WatchNetworkDeltaRequest(_message.Message):
    __slots__ = ["after", "coalesce", "cvids"]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    COALESCE_FIELD_NUMBER: _ClassVar[int]
    CVIDS_FIELD_NUMBER: _ClassVar[int]
    after: _position_pb2.Position
    coalesce: bool
    cvids: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, after: _Optional[_Union[_position_pb2.Position, _Mapping]] = ..., coalesce: bool = ..., cvids: _Optional[_Iterable[int]] = ...) -> None: ...

class WatchNetworkDeltaResponse(_message.Message):
    __slots__ = ["committed_at", "deltas", "kind", "position"]
    COMMITTED_AT_FIELD_NUMBER: _ClassVar[int]
    DELTAS_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    committed_at: _timestamp_pb2.Timestamp
    deltas: _containers.RepeatedCompositeFieldContainer[_network_pb2.NetworkDelta]
    kind: _network_pb2.WatchKind
    position: _position_pb2.Position
    def __init__(self, position: _Optional[_Union[_position_pb2.Position, _Mapping]] = ..., kind: _Optional[_Union[_network_pb2.WatchKind, str]] = ..., deltas: _Optional[_Iterable[_Union[_network_pb2.NetworkDelta, _Mapping]]] = ..., committed_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class LinkState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
