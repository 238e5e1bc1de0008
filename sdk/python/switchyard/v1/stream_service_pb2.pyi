from google.protobuf import field_mask_pb2 as _field_mask_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from switchyard.v1 import network_pb2 as _network_pb2
from switchyard.v1 import position_pb2 as _position_pb2
from switchyard.v1 import session_pb2 as _session_pb2
from switchyard.v1 import stream_pb2 as _stream_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class BranchesLost(_message.Message):
    __slots__ = ["id", "position", "sink_ids"]
    ID_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SINK_IDS_FIELD_NUMBER: _ClassVar[int]
    id: int
    position: _position_pb2.Position
    sink_ids: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, id: _Optional[int] = ..., sink_ids: _Optional[_Iterable[int]] = ..., position: _Optional[_Union[_position_pb2.Position, _Mapping]] = ...) -> None: ...

class CreateStreamRequest(_message.Message):
    __slots__ = ["params", "request_id", "sink_cvids"]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SINK_CVIDS_FIELD_NUMBER: _ClassVar[int]
    params: _stream_pb2.StreamParams
    request_id: str
    sink_cvids: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, params: _Optional[_Union[_stream_pb2.StreamParams, _Mapping]] = ..., sink_cvids: _Optional[_Iterable[int]] = ..., request_id: _Optional[str] = ...) -> None: ...

class CreateStreamResponse(_message.Message):
    __slots__ = ["stream"]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    stream: _stream_pb2.Stream
    def __init__(self, stream: _Optional[_Union[_stream_pb2.Stream, _Mapping]] = ...) -> None: ...

class GetStreamRequest(_message.Message):
    __slots__ = ["id"]
    ID_FIELD_NUMBER: _ClassVar[int]
    id: int
    def __init__(self, id: _Optional[int] = ...) -> None: ...

class GetStreamResponse(_message.Message):
    __slots__ = ["position", "stream"]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    position: _position_pb2.Position
    stream: _stream_pb2.Stream
    def __init__(self, stream: _Optional[_Union[_stream_pb2.Stream, _Mapping]] = ..., position: _Optional[_Union[_position_pb2.Position, _Mapping]] = ...) -> None: ...

class ListStreamsRequest(_message.Message):
    __slots__ = ["cvid", "page_size", "page_token"]
    CVID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    cvid: int
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., cvid: _Optional[int] = ...) -> None: ...

class ListStreamsResponse(_message.Message):
    __slots__ = ["next_page_token", "position", "streams"]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    STREAMS_FIELD_NUMBER: _ClassVar[int]
    next_page_token: str
    position: _position_pb2.Position
    streams: _containers.RepeatedCompositeFieldContainer[_stream_pb2.Stream]
    def __init__(self, streams: _Optional[_Iterable[_Union[_stream_pb2.Stream, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., position: _Optional[_Union[_position_pb2.Position, _Mapping]] = ...) -> None: ...

class RelayOpen(_message.Message):
    __slots__ = ["blocks", "id"]
    BLOCKS_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    blocks: int
    id: int
    def __init__(self, id: _Optional[int] = ..., blocks: _Optional[int] = ...) -> None: ...

class RelayOpened(_message.Message):
    __slots__ = ["channel", "stream"]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    channel: int
    stream: _stream_pb2.Stream
    def __init__(self, stream: _Optional[_Union[_stream_pb2.Stream, _Mapping]] = ..., channel: _Optional[int] = ...) -> None: ...

class RelayRequest(_message.Message):
    __slots__ = ["block", "confirmed_blocks", "open"]
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    CONFIRMED_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    OPEN_FIELD_NUMBER: _ClassVar[int]
    block: bytes
    confirmed_blocks: int
    open: RelayOpen
    def __init__(self, open: _Optional[_Union[RelayOpen, _Mapping]] = ..., block: _Optional[bytes] = ..., confirmed_blocks: _Optional[int] = ...) -> None: ...

class RelayResponse(_message.Message):
    __slots__ = ["block", "confirmed_blocks", "lost_blocks", "opened"]
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    CONFIRMED_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    LOST_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    OPENED_FIELD_NUMBER: _ClassVar[int]
    block: bytes
    confirmed_blocks: int
    lost_blocks: int
    opened: RelayOpened
    def __init__(self, opened: _Optional[_Union[RelayOpened, _Mapping]] = ..., block: _Optional[bytes] = ..., confirmed_blocks: _Optional[int] = ..., lost_blocks: _Optional[int] = ...) -> None: ...

class StopStreamRequest(_message.Message):
    __slots__ = ["id", "validate_only"]
    ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    id: int
    validate_only: bool
    def __init__(self, id: _Optional[int] = ..., validate_only: bool = ...) -> None: ...

class StopStreamResponse(_message.Message):
    __slots__ = ["result", "stopped_ids"]
    class Result(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    RESULT_FIELD_NUMBER: _ClassVar[int]
    RESULT_INVALID: StopStreamResponse.Result
    RESULT_OK: StopStreamResponse.Result
    STOPPED_IDS_FIELD_NUMBER: _ClassVar[int]
    result: StopStreamResponse.Result
    stopped_ids: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, result: _Optional[_Union[StopStreamResponse.Result, str]] = ..., stopped_ids: _Optional[_Iterable[int]] = ...) -> None: ...

class StreamChange(_message.Message):
    __slots__ = ["branches_lost", "cvids", "put", "stopped"]
    BRANCHES_LOST_FIELD_NUMBER: _ClassVar[int]
    CVIDS_FIELD_NUMBER: _ClassVar[int]
    PUT_FIELD_NUMBER: _ClassVar[int]
    STOPPED_FIELD_NUMBER: _ClassVar[int]
    branches_lost: BranchesLost
    cvids: _containers.RepeatedScalarFieldContainer[int]
    put: _stream_pb2.Stream
    stopped: _session_pb2.StreamStopped
    def __init__(self, put: _Optional[_Union[_stream_pb2.Stream, _Mapping]] = ..., stopped: _Optional[_Union[_session_pb2.StreamStopped, _Mapping]] = ..., branches_lost: _Optional[_Union[BranchesLost, _Mapping]] = ..., cvids: _Optional[_Iterable[int]] = ...) -> None: ...

class TerminateStreamRequest(_message.Message):
    __slots__ = ["id"]
    ID_FIELD_NUMBER: _ClassVar[int]
    id: int
    def __init__(self, id: _Optional[int] = ...) -> None: ...

class TerminateStreamResponse(_message.Message):
    __slots__ = ["position"]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    position: _position_pb2.Position
    def __init__(self, position: _Optional[_Union[_position_pb2.Position, _Mapping]] = ...) -> None: ...

class UpdateStreamParamsRequest(_message.Message):
    __slots__ = ["id", "params", "update_mask"]
    ID_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    id: int
    params: _stream_pb2.StreamParams
    update_mask: _field_mask_pb2.FieldMask
    def __init__(self, id: _Optional[int] = ..., params: _Optional[_Union[_stream_pb2.StreamParams, _Mapping]] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ...) -> None: ...

class UpdateStreamParamsResponse(_message.Message):
    __slots__ = ["stream"]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    stream: _stream_pb2.Stream
    def __init__(self, stream: _Optional[_Union[_stream_pb2.Stream, _Mapping]] = ...) -> None: ...

class WatchStreamsRequest(_message.Message):
    __slots__ = ["after"]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    after: _position_pb2.Position
    def __init__(self, after: _Optional[_Union[_position_pb2.Position, _Mapping]] = ...) -> None: ...

class WatchStreamsResponse(_message.Message):
    __slots__ = ["changes", "committed_at", "kind", "position"]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    COMMITTED_AT_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    changes: _containers.RepeatedCompositeFieldContainer[StreamChange]
    committed_at: _timestamp_pb2.Timestamp
    kind: _network_pb2.WatchKind
    position: _position_pb2.Position
    def __init__(self, position: _Optional[_Union[_position_pb2.Position, _Mapping]] = ..., kind: _Optional[_Union[_network_pb2.WatchKind, str]] = ..., changes: _Optional[_Iterable[_Union[StreamChange, _Mapping]]] = ..., committed_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
