from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from switchyard.v1 import connection_pb2 as _connection_pb2
from switchyard.v1 import instance_pb2 as _instance_pb2
from switchyard.v1 import position_pb2 as _position_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
STOP_REASON_IDLE: StopReason
STOP_REASON_SESSION_CLOSED: StopReason
STOP_REASON_SINK_TOO_SLOW: StopReason
STOP_REASON_STOPPED: StopReason
STOP_REASON_TERMINATED: StopReason
STOP_REASON_UNSPECIFIED: StopReason

class Heartbeat(_message.Message):
    __slots__ = ["position", "servers"]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SERVERS_FIELD_NUMBER: _ClassVar[int]
    position: _position_pb2.Position
    servers: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, position: _Optional[_Union[_position_pb2.Position, _Mapping]] = ..., servers: _Optional[_Iterable[str]] = ...) -> None: ...

class Order(_message.Message):
    __slots__ = ["connection", "connection_ended", "heartbeat", "order_id", "stream_stopped", "terminate_session"]
    CONNECTION_ENDED_FIELD_NUMBER: _ClassVar[int]
    CONNECTION_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STREAM_STOPPED_FIELD_NUMBER: _ClassVar[int]
    TERMINATE_SESSION_FIELD_NUMBER: _ClassVar[int]
    connection: _connection_pb2.Connection
    connection_ended: _connection_pb2.ConnectionEnded
    heartbeat: Heartbeat
    order_id: str
    stream_stopped: StreamStopped
    terminate_session: TerminateSessionOrder
    def __init__(self, order_id: _Optional[str] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ..., connection: _Optional[_Union[_connection_pb2.Connection, _Mapping]] = ..., stream_stopped: _Optional[_Union[StreamStopped, _Mapping]] = ..., terminate_session: _Optional[_Union[TerminateSessionOrder, _Mapping]] = ..., connection_ended: _Optional[_Union[_connection_pb2.ConnectionEnded, _Mapping]] = ...) -> None: ...

class Session(_message.Message):
    __slots__ = ["attached", "cvid", "instance_flavor", "instance_type", "instance_uuid", "labels", "name", "opened_at", "opened_position", "ttl"]
    class LabelsEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ATTACHED_FIELD_NUMBER: _ClassVar[int]
    CVID_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_FLAVOR_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_TYPE_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_UUID_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    OPENED_AT_FIELD_NUMBER: _ClassVar[int]
    OPENED_POSITION_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    attached: bool
    cvid: int
    instance_flavor: _instance_pb2.InstanceFlavor
    instance_type: _instance_pb2.InstanceType
    instance_uuid: str
    labels: _containers.ScalarMap[str, str]
    name: str
    opened_at: _timestamp_pb2.Timestamp
    opened_position: _position_pb2.Position
    ttl: _duration_pb2.Duration
    def __init__(self, cvid: _Optional[int] = ..., instance_uuid: _Optional[str] = ..., instance_type: _Optional[_Union[_instance_pb2.InstanceType, str]] = ..., instance_flavor: _Optional[_Union[_instance_pb2.InstanceFlavor, str]] = ..., name: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., ttl: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., opened_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., attached: bool = ..., opened_position: _Optional[_Union[_position_pb2.Position, _Mapping]] = ...) -> None: ...

class StreamStopped(_message.Message):
    __slots__ = ["by", "id", "reason"]
    BY_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    by: int
    id: int
    reason: StopReason
    def __init__(self, id: _Optional[int] = ..., reason: _Optional[_Union[StopReason, str]] = ..., by: _Optional[int] = ...) -> None: ...

class TerminateSessionOrder(_message.Message):
    __slots__ = ["reason"]
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...

class StopReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
