from google.protobuf import duration_pb2 as _duration_pb2
from switchyard.v1 import position_pb2 as _position_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

COMPRESSION_UNSPECIFIED: Compression
COMPRESSION_ZLIB: Compression
DESCRIPTOR: _descriptor.FileDescriptor

class Stream(_message.Message):
    __slots__ = ["id", "owner_cvid", "params", "position", "sinks", "source_cvid"]
    ID_FIELD_NUMBER: _ClassVar[int]
    OWNER_CVID_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SINKS_FIELD_NUMBER: _ClassVar[int]
    SOURCE_CVID_FIELD_NUMBER: _ClassVar[int]
    id: int
    owner_cvid: int
    params: StreamParams
    position: _position_pb2.Position
    sinks: _containers.RepeatedCompositeFieldContainer[StreamSink]
    source_cvid: int
    def __init__(self, id: _Optional[int] = ..., owner_cvid: _Optional[int] = ..., source_cvid: _Optional[int] = ..., sinks: _Optional[_Iterable[_Union[StreamSink, _Mapping]]] = ..., params: _Optional[_Union[StreamParams, _Mapping]] = ..., position: _Optional[_Union[_position_pb2.Position, _Mapping]] = ...) -> None: ...

class StreamParams(_message.Message):
    __slots__ = ["compression", "delivery_confirmation", "labels", "max_block_bytes", "name", "timeout"]
    class LabelsEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    COMPRESSION_FIELD_NUMBER: _ClassVar[int]
    DELIVERY_CONFIRMATION_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    MAX_BLOCK_BYTES_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    compression: Compression
    delivery_confirmation: bool
    labels: _containers.ScalarMap[str, str]
    max_block_bytes: int
    name: str
    timeout: _duration_pb2.Duration
    def __init__(self, name: _Optional[str] = ..., timeout: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., max_block_bytes: _Optional[int] = ..., compression: _Optional[_Union[Compression, str]] = ..., delivery_confirmation: bool = ..., labels: _Optional[_Mapping[str, str]] = ...) -> None: ...

class StreamSink(_message.Message):
    __slots__ = ["cvid", "id"]
    CVID_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    cvid: int
    id: int
    def __init__(self, cvid: _Optional[int] = ..., id: _Optional[int] = ...) -> None: ...

class Compression(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
