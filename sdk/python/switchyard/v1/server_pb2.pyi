from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from switchyard.v1 import position_pb2 as _position_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
SERVER_ROLE_FOLLOWER: ServerRole
SERVER_ROLE_LEADER: ServerRole
SERVER_ROLE_UNSPECIFIED: ServerRole

class GetServerRequest(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class GetServerResponse(_message.Message):
    __slots__ = ["addresses", "capabilities", "commit", "journal_bytes", "limits", "position", "role", "server_sid", "server_uuid", "snapshot_at", "term", "uptime", "version"]
    ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    CAPABILITIES_FIELD_NUMBER: _ClassVar[int]
    COMMIT_FIELD_NUMBER: _ClassVar[int]
    JOURNAL_BYTES_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    SERVER_SID_FIELD_NUMBER: _ClassVar[int]
    SERVER_UUID_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_AT_FIELD_NUMBER: _ClassVar[int]
    TERM_FIELD_NUMBER: _ClassVar[int]
    UPTIME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    addresses: _containers.RepeatedCompositeFieldContainer[ServerAddress]
    capabilities: _containers.RepeatedScalarFieldContainer[str]
    commit: str
    journal_bytes: int
    limits: _containers.RepeatedCompositeFieldContainer[ServerLimit]
    position: _position_pb2.Position
    role: ServerRole
    server_sid: int
    server_uuid: str
    snapshot_at: _timestamp_pb2.Timestamp
    term: int
    uptime: _duration_pb2.Duration
    version: str
    def __init__(self, version: _Optional[str] = ..., server_uuid: _Optional[str] = ..., commit: _Optional[str] = ..., uptime: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., server_sid: _Optional[int] = ..., position: _Optional[_Union[_position_pb2.Position, _Mapping]] = ..., capabilities: _Optional[_Iterable[str]] = ..., addresses: _Optional[_Iterable[_Union[ServerAddress, _Mapping]]] = ..., limits: _Optional[_Iterable[_Union[ServerLimit, _Mapping]]] = ..., role: _Optional[_Union[ServerRole, str]] = ..., term: _Optional[int] = ..., journal_bytes: _Optional[int] = ..., snapshot_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListServersRequest(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class ListServersResponse(_message.Message):
    __slots__ = ["format", "position", "rules", "servers"]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    SERVERS_FIELD_NUMBER: _ClassVar[int]
    format: int
    position: _position_pb2.Position
    rules: int
    servers: _containers.RepeatedCompositeFieldContainer[Server]
    def __init__(self, servers: _Optional[_Iterable[_Union[Server, _Mapping]]] = ..., position: _Optional[_Union[_position_pb2.Position, _Mapping]] = ..., format: _Optional[int] = ..., rules: _Optional[int] = ...) -> None: ...

class Server(_message.Message):
    __slots__ = ["addresses", "format_max", "lag", "name", "ready", "revision", "role", "rules_max", "sessions", "term", "told_ago", "version"]
    ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    FORMAT_MAX_FIELD_NUMBER: _ClassVar[int]
    LAG_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    READY_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    RULES_MAX_FIELD_NUMBER: _ClassVar[int]
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    TERM_FIELD_NUMBER: _ClassVar[int]
    TOLD_AGO_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    addresses: _containers.RepeatedCompositeFieldContainer[ServerAddress]
    format_max: int
    lag: _duration_pb2.Duration
    name: str
    ready: bool
    revision: int
    role: ServerRole
    rules_max: int
    sessions: int
    term: int
    told_ago: _duration_pb2.Duration
    version: str
    def __init__(self, name: _Optional[str] = ..., role: _Optional[_Union[ServerRole, str]] = ..., term: _Optional[int] = ..., lag: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., sessions: _Optional[int] = ..., addresses: _Optional[_Iterable[_Union[ServerAddress, _Mapping]]] = ..., revision: _Optional[int] = ..., version: _Optional[str] = ..., told_ago: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., ready: bool = ..., format_max: _Optional[int] = ..., rules_max: _Optional[int] = ...) -> None: ...

class ServerAddress(_message.Message):
    __slots__ = ["address", "code_name"]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    CODE_NAME_FIELD_NUMBER: _ClassVar[int]
    address: str
    code_name: str
    def __init__(self, code_name: _Optional[str] = ..., address: _Optional[str] = ...) -> None: ...

class ServerLimit(_message.Message):
    __slots__ = ["max", "name", "unit", "used"]
    MAX_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    USED_FIELD_NUMBER: _ClassVar[int]
    max: int
    name: str
    unit: str
    used: int
    def __init__(self, name: _Optional[str] = ..., used: _Optional[int] = ..., max: _Optional[int] = ..., unit: _Optional[str] = ...) -> None: ...

class ServerRole(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
