from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from switchyard.v1 import connection_pb2 as _connection_pb2
from switchyard.v1 import error_pb2 as _error_pb2
from switchyard.v1 import identity_pb2 as _identity_pb2
from switchyard.v1 import instance_pb2 as _instance_pb2
from switchyard.v1 import network_pb2 as _network_pb2
from switchyard.v1 import position_pb2 as _position_pb2
from switchyard.v1 import session_pb2 as _session_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AnswerRequest(_message.Message):
    __slots__ = ["code", "data", "description", "order_id"]
    CODE_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    code: _error_pb2.Reason
    data: bytes
    description: str
    order_id: str
    def __init__(self, order_id: _Optional[str] = ..., code: _Optional[_Union[_error_pb2.Reason, str]] = ..., description: _Optional[str] = ..., data: _Optional[bytes] = ...) -> None: ...

class AnswerResponse(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class AttachRequest(_message.Message):
    __slots__ = ["proof"]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    proof: _identity_pb2.Proof
    def __init__(self, proof: _Optional[_Union[_identity_pb2.Proof, _Mapping]] = ...) -> None: ...

class AttachResponse(_message.Message):
    __slots__ = ["order"]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    order: _session_pb2.Order
    def __init__(self, order: _Optional[_Union[_session_pb2.Order, _Mapping]] = ...) -> None: ...

class GetSessionRequest(_message.Message):
    __slots__ = ["cvid"]
    CVID_FIELD_NUMBER: _ClassVar[int]
    cvid: int
    def __init__(self, cvid: _Optional[int] = ...) -> None: ...

class GetSessionResponse(_message.Message):
    __slots__ = ["position", "session"]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    position: _position_pb2.Position
    session: _session_pb2.Session
    def __init__(self, session: _Optional[_Union[_session_pb2.Session, _Mapping]] = ..., position: _Optional[_Union[_position_pb2.Position, _Mapping]] = ...) -> None: ...

class KeepAliveRequest(_message.Message):
    __slots__ = ["proof"]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    proof: _identity_pb2.Proof
    def __init__(self, proof: _Optional[_Union[_identity_pb2.Proof, _Mapping]] = ...) -> None: ...

class KeepAliveResponse(_message.Message):
    __slots__ = ["position", "ttl"]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    position: _position_pb2.Position
    ttl: _duration_pb2.Duration
    def __init__(self, ttl: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., position: _Optional[_Union[_position_pb2.Position, _Mapping]] = ...) -> None: ...

class ListSessionsRequest(_message.Message):
    __slots__ = ["instance_type", "instance_uuid", "page_size", "page_token"]
    INSTANCE_TYPE_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_UUID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    instance_type: _instance_pb2.InstanceType
    instance_uuid: str
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., instance_type: _Optional[_Union[_instance_pb2.InstanceType, str]] = ..., instance_uuid: _Optional[str] = ...) -> None: ...

class ListSessionsResponse(_message.Message):
    __slots__ = ["next_page_token", "position", "sessions"]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    next_page_token: str
    position: _position_pb2.Position
    sessions: _containers.RepeatedCompositeFieldContainer[_session_pb2.Session]
    def __init__(self, sessions: _Optional[_Iterable[_Union[_session_pb2.Session, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., position: _Optional[_Union[_position_pb2.Position, _Mapping]] = ...) -> None: ...

class SessionAttached(_message.Message):
    __slots__ = ["cvid"]
    CVID_FIELD_NUMBER: _ClassVar[int]
    cvid: int
    def __init__(self, cvid: _Optional[int] = ...) -> None: ...

class SessionChange(_message.Message):
    __slots__ = ["attached", "closed", "detached", "opened"]
    ATTACHED_FIELD_NUMBER: _ClassVar[int]
    CLOSED_FIELD_NUMBER: _ClassVar[int]
    DETACHED_FIELD_NUMBER: _ClassVar[int]
    OPENED_FIELD_NUMBER: _ClassVar[int]
    attached: SessionAttached
    closed: _network_pb2.EndpointClosed
    detached: SessionDetached
    opened: _session_pb2.Session
    def __init__(self, opened: _Optional[_Union[_session_pb2.Session, _Mapping]] = ..., attached: _Optional[_Union[SessionAttached, _Mapping]] = ..., detached: _Optional[_Union[SessionDetached, _Mapping]] = ..., closed: _Optional[_Union[_network_pb2.EndpointClosed, _Mapping]] = ...) -> None: ...

class SessionDetached(_message.Message):
    __slots__ = ["cvid"]
    CVID_FIELD_NUMBER: _ClassVar[int]
    cvid: int
    def __init__(self, cvid: _Optional[int] = ...) -> None: ...

class SessionRequest(_message.Message):
    __slots__ = ["instance_flavor", "instance_type", "instance_uuid", "labels", "name", "network", "proof", "ttl"]
    class LabelsEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    INSTANCE_FLAVOR_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_TYPE_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_UUID_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    NETWORK_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    instance_flavor: _instance_pb2.InstanceFlavor
    instance_type: _instance_pb2.InstanceType
    instance_uuid: str
    labels: _containers.ScalarMap[str, str]
    name: str
    network: str
    proof: _identity_pb2.Proof
    ttl: _duration_pb2.Duration
    def __init__(self, instance_uuid: _Optional[str] = ..., instance_type: _Optional[_Union[_instance_pb2.InstanceType, str]] = ..., instance_flavor: _Optional[_Union[_instance_pb2.InstanceFlavor, str]] = ..., ttl: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., name: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., proof: _Optional[_Union[_identity_pb2.Proof, _Mapping]] = ..., network: _Optional[str] = ...) -> None: ...

class SessionResponse(_message.Message):
    __slots__ = ["identity", "instance_sid", "position", "relay_version", "rendezvous", "server_sid", "server_uuid", "servers", "session_token", "stream_id", "ttl"]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_SID_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    RELAY_VERSION_FIELD_NUMBER: _ClassVar[int]
    RENDEZVOUS_FIELD_NUMBER: _ClassVar[int]
    SERVERS_FIELD_NUMBER: _ClassVar[int]
    SERVER_SID_FIELD_NUMBER: _ClassVar[int]
    SERVER_UUID_FIELD_NUMBER: _ClassVar[int]
    SESSION_TOKEN_FIELD_NUMBER: _ClassVar[int]
    STREAM_ID_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    identity: _identity_pb2.Principal
    instance_sid: int
    position: _position_pb2.Position
    relay_version: int
    rendezvous: _containers.RepeatedCompositeFieldContainer[_connection_pb2.RendezvousAddress]
    server_sid: int
    server_uuid: str
    servers: _containers.RepeatedScalarFieldContainer[str]
    session_token: str
    stream_id: int
    ttl: _duration_pb2.Duration
    def __init__(self, instance_sid: _Optional[int] = ..., server_sid: _Optional[int] = ..., server_uuid: _Optional[str] = ..., session_token: _Optional[str] = ..., ttl: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., stream_id: _Optional[int] = ..., position: _Optional[_Union[_position_pb2.Position, _Mapping]] = ..., rendezvous: _Optional[_Iterable[_Union[_connection_pb2.RendezvousAddress, _Mapping]]] = ..., identity: _Optional[_Union[_identity_pb2.Principal, _Mapping]] = ..., servers: _Optional[_Iterable[str]] = ..., relay_version: _Optional[int] = ...) -> None: ...

class TerminateSessionRequest(_message.Message):
    __slots__ = ["cvid", "reason"]
    CVID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    cvid: int
    reason: str
    def __init__(self, cvid: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class TerminateSessionResponse(_message.Message):
    __slots__ = ["position"]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    position: _position_pb2.Position
    def __init__(self, position: _Optional[_Union[_position_pb2.Position, _Mapping]] = ...) -> None: ...

class WatchSessionsRequest(_message.Message):
    __slots__ = ["after", "cvids"]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    CVIDS_FIELD_NUMBER: _ClassVar[int]
    after: _position_pb2.Position
    cvids: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, after: _Optional[_Union[_position_pb2.Position, _Mapping]] = ..., cvids: _Optional[_Iterable[int]] = ...) -> None: ...

class WatchSessionsResponse(_message.Message):
    __slots__ = ["changes", "committed_at", "kind", "position"]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    COMMITTED_AT_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    changes: _containers.RepeatedCompositeFieldContainer[SessionChange]
    committed_at: _timestamp_pb2.Timestamp
    kind: _network_pb2.WatchKind
    position: _position_pb2.Position
    def __init__(self, position: _Optional[_Union[_position_pb2.Position, _Mapping]] = ..., kind: _Optional[_Union[_network_pb2.WatchKind, str]] = ..., changes: _Optional[_Iterable[_Union[SessionChange, _Mapping]]] = ..., committed_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
