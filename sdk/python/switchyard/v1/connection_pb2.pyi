from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from switchyard.v1 import error_pb2 as _error_pb2
from switchyard.v1 import link_pb2 as _link_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

CANDIDATE_TYPE_HOST: CandidateType
CANDIDATE_TYPE_REFLEXIVE: CandidateType
CANDIDATE_TYPE_RELAY: CandidateType
CANDIDATE_TYPE_UNSPECIFIED: CandidateType
CONNECTION_FALLBACK_IMMEDIATE: ConnectionFallback
CONNECTION_FALLBACK_LATE: ConnectionFallback
CONNECTION_FALLBACK_NONE: ConnectionFallback
CONNECTION_FALLBACK_UNSPECIFIED: ConnectionFallback
CONNECTION_ROLE_DIAL: ConnectionRole
CONNECTION_ROLE_GATHER: ConnectionRole
CONNECTION_ROLE_LISTEN: ConnectionRole
CONNECTION_ROLE_PUNCH_CONTROLLED: ConnectionRole
CONNECTION_ROLE_PUNCH_CONTROLLING: ConnectionRole
CONNECTION_ROLE_RELAY: ConnectionRole
CONNECTION_ROLE_UNSPECIFIED: ConnectionRole
CONNECTION_STATE_ASKED: ConnectionState
CONNECTION_STATE_CANCELLED: ConnectionState
CONNECTION_STATE_ESTABLISHED: ConnectionState
CONNECTION_STATE_FAILED: ConnectionState
CONNECTION_STATE_GATHERING: ConnectionState
CONNECTION_STATE_ORDERED: ConnectionState
CONNECTION_STATE_PUNCHING: ConnectionState
CONNECTION_STATE_RELAYED: ConnectionState
CONNECTION_STATE_UNSPECIFIED: ConnectionState
DESCRIPTOR: _descriptor.FileDescriptor
PATH_KIND_DIRECT: PathKind
PATH_KIND_RELAYED: PathKind
PATH_KIND_UNSPECIFIED: PathKind

class Candidate(_message.Message):
    __slots__ = ["host", "port", "priority", "type"]
    HOST_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    host: str
    port: int
    priority: int
    type: CandidateType
    def __init__(self, host: _Optional[str] = ..., port: _Optional[int] = ..., type: _Optional[_Union[CandidateType, str]] = ..., priority: _Optional[int] = ...) -> None: ...

class CandidatePair(_message.Message):
    __slots__ = ["local", "outcome", "remote"]
    LOCAL_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    REMOTE_FIELD_NUMBER: _ClassVar[int]
    local: Candidate
    outcome: str
    remote: Candidate
    def __init__(self, local: _Optional[_Union[Candidate, _Mapping]] = ..., remote: _Optional[_Union[Candidate, _Mapping]] = ..., outcome: _Optional[str] = ...) -> None: ...

class Connection(_message.Message):
    __slots__ = ["attempt", "candidates", "connection_id", "controlling", "fallback", "host", "nonce", "peer", "peer_cvid", "peer_endorsement", "peer_public_key", "port", "relay_branch_id", "relay_stream_id", "relay_version", "rendezvous", "role", "start_after", "traceparent", "type"]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    CONNECTION_ID_FIELD_NUMBER: _ClassVar[int]
    CONTROLLING_FIELD_NUMBER: _ClassVar[int]
    FALLBACK_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    PEER_CVID_FIELD_NUMBER: _ClassVar[int]
    PEER_ENDORSEMENT_FIELD_NUMBER: _ClassVar[int]
    PEER_FIELD_NUMBER: _ClassVar[int]
    PEER_PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    RELAY_BRANCH_ID_FIELD_NUMBER: _ClassVar[int]
    RELAY_STREAM_ID_FIELD_NUMBER: _ClassVar[int]
    RELAY_VERSION_FIELD_NUMBER: _ClassVar[int]
    RENDEZVOUS_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    START_AFTER_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    attempt: int
    candidates: _containers.RepeatedCompositeFieldContainer[Candidate]
    connection_id: str
    controlling: bool
    fallback: ConnectionFallback
    host: str
    nonce: bytes
    peer: ConnectionPeer
    peer_cvid: int
    peer_endorsement: bytes
    peer_public_key: bytes
    port: int
    relay_branch_id: int
    relay_stream_id: int
    relay_version: int
    rendezvous: _containers.RepeatedCompositeFieldContainer[RendezvousAddress]
    role: ConnectionRole
    start_after: _duration_pb2.Duration
    traceparent: str
    type: _link_pb2.LinkType
    def __init__(self, host: _Optional[str] = ..., port: _Optional[int] = ..., type: _Optional[_Union[_link_pb2.LinkType, str]] = ..., connection_id: _Optional[str] = ..., peer_cvid: _Optional[int] = ..., role: _Optional[_Union[ConnectionRole, str]] = ..., candidates: _Optional[_Iterable[_Union[Candidate, _Mapping]]] = ..., start_after: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., nonce: _Optional[bytes] = ..., peer_public_key: _Optional[bytes] = ..., attempt: _Optional[int] = ..., relay_stream_id: _Optional[int] = ..., rendezvous: _Optional[_Iterable[_Union[RendezvousAddress, _Mapping]]] = ..., relay_branch_id: _Optional[int] = ..., relay_version: _Optional[int] = ..., peer: _Optional[_Union[ConnectionPeer, _Mapping]] = ..., peer_endorsement: _Optional[bytes] = ..., fallback: _Optional[_Union[ConnectionFallback, str]] = ..., controlling: bool = ..., traceparent: _Optional[str] = ...) -> None: ...

class ConnectionAttempt(_message.Message):
    __slots__ = ["description", "number", "pairs", "reason", "started_at", "took"]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    PAIRS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    TOOK_FIELD_NUMBER: _ClassVar[int]
    description: str
    number: int
    pairs: _containers.RepeatedCompositeFieldContainer[CandidatePair]
    reason: _error_pb2.Reason
    started_at: _timestamp_pb2.Timestamp
    took: _duration_pb2.Duration
    def __init__(self, number: _Optional[int] = ..., started_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., took: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., pairs: _Optional[_Iterable[_Union[CandidatePair, _Mapping]]] = ..., reason: _Optional[_Union[_error_pb2.Reason, str]] = ..., description: _Optional[str] = ...) -> None: ...

class ConnectionEnded(_message.Message):
    __slots__ = ["connection_id", "description", "reason"]
    CONNECTION_ID_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    connection_id: str
    description: str
    reason: _error_pb2.Reason
    def __init__(self, connection_id: _Optional[str] = ..., reason: _Optional[_Union[_error_pb2.Reason, str]] = ..., description: _Optional[str] = ...) -> None: ...

class ConnectionPeer(_message.Message):
    __slots__ = ["identity_uuid", "key_id", "labels", "network", "ports", "roles"]
    class LabelsEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    IDENTITY_UUID_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    NETWORK_FIELD_NUMBER: _ClassVar[int]
    PORTS_FIELD_NUMBER: _ClassVar[int]
    ROLES_FIELD_NUMBER: _ClassVar[int]
    identity_uuid: str
    key_id: str
    labels: _containers.ScalarMap[str, str]
    network: str
    ports: PortRanges
    roles: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, network: _Optional[str] = ..., identity_uuid: _Optional[str] = ..., roles: _Optional[_Iterable[str]] = ..., key_id: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., ports: _Optional[_Union[PortRanges, _Mapping]] = ...) -> None: ...

class ConnectionRecord(_message.Message):
    __slots__ = ["asked_at", "attempts", "caller_candidates", "caller_cvid", "connection_id", "description", "listening_host", "listening_port", "path", "peer_candidates", "peer_cvid", "reason", "round_trip", "state", "type"]
    ASKED_AT_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    CALLER_CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    CALLER_CVID_FIELD_NUMBER: _ClassVar[int]
    CONNECTION_ID_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    LISTENING_HOST_FIELD_NUMBER: _ClassVar[int]
    LISTENING_PORT_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    PEER_CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    PEER_CVID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ROUND_TRIP_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    asked_at: _timestamp_pb2.Timestamp
    attempts: _containers.RepeatedCompositeFieldContainer[ConnectionAttempt]
    caller_candidates: _containers.RepeatedCompositeFieldContainer[Candidate]
    caller_cvid: int
    connection_id: str
    description: str
    listening_host: str
    listening_port: int
    path: PathKind
    peer_candidates: _containers.RepeatedCompositeFieldContainer[Candidate]
    peer_cvid: int
    reason: _error_pb2.Reason
    round_trip: _duration_pb2.Duration
    state: ConnectionState
    type: _link_pb2.LinkType
    def __init__(self, connection_id: _Optional[str] = ..., caller_cvid: _Optional[int] = ..., peer_cvid: _Optional[int] = ..., type: _Optional[_Union[_link_pb2.LinkType, str]] = ..., state: _Optional[_Union[ConnectionState, str]] = ..., asked_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., caller_candidates: _Optional[_Iterable[_Union[Candidate, _Mapping]]] = ..., peer_candidates: _Optional[_Iterable[_Union[Candidate, _Mapping]]] = ..., attempts: _Optional[_Iterable[_Union[ConnectionAttempt, _Mapping]]] = ..., path: _Optional[_Union[PathKind, str]] = ..., round_trip: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., reason: _Optional[_Union[_error_pb2.Reason, str]] = ..., description: _Optional[str] = ..., listening_host: _Optional[str] = ..., listening_port: _Optional[int] = ...) -> None: ...

class GatherAnswer(_message.Message):
    __slots__ = ["candidates", "endorsement", "public_key", "relay_version", "round_trip"]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    ENDORSEMENT_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    RELAY_VERSION_FIELD_NUMBER: _ClassVar[int]
    ROUND_TRIP_FIELD_NUMBER: _ClassVar[int]
    candidates: _containers.RepeatedCompositeFieldContainer[Candidate]
    endorsement: bytes
    public_key: bytes
    relay_version: int
    round_trip: _duration_pb2.Duration
    def __init__(self, candidates: _Optional[_Iterable[_Union[Candidate, _Mapping]]] = ..., public_key: _Optional[bytes] = ..., round_trip: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., relay_version: _Optional[int] = ..., endorsement: _Optional[bytes] = ...) -> None: ...

class PortRange(_message.Message):
    __slots__ = ["first", "last"]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    first: int
    last: int
    def __init__(self, first: _Optional[int] = ..., last: _Optional[int] = ...) -> None: ...

class PortRanges(_message.Message):
    __slots__ = ["ranges"]
    RANGES_FIELD_NUMBER: _ClassVar[int]
    ranges: _containers.RepeatedCompositeFieldContainer[PortRange]
    def __init__(self, ranges: _Optional[_Iterable[_Union[PortRange, _Mapping]]] = ...) -> None: ...

class PunchAnswer(_message.Message):
    __slots__ = ["connected", "pairs", "round_trip", "took"]
    CONNECTED_FIELD_NUMBER: _ClassVar[int]
    PAIRS_FIELD_NUMBER: _ClassVar[int]
    ROUND_TRIP_FIELD_NUMBER: _ClassVar[int]
    TOOK_FIELD_NUMBER: _ClassVar[int]
    connected: bool
    pairs: _containers.RepeatedCompositeFieldContainer[CandidatePair]
    round_trip: _duration_pb2.Duration
    took: _duration_pb2.Duration
    def __init__(self, pairs: _Optional[_Iterable[_Union[CandidatePair, _Mapping]]] = ..., took: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., connected: bool = ..., round_trip: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class RendezvousAddress(_message.Message):
    __slots__ = ["host", "port"]
    HOST_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    host: str
    port: int
    def __init__(self, host: _Optional[str] = ..., port: _Optional[int] = ...) -> None: ...

class ConnectionFallback(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class ConnectionRole(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class CandidateType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class PathKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class ConnectionState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
