from switchyard.v1 import link_pb2 as _link_pb2
from switchyard.v1 import position_pb2 as _position_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

CLOSE_REASON_EXPIRED: CloseReason
CLOSE_REASON_REVOKED: CloseReason
CLOSE_REASON_SERVER_LOST: CloseReason
CLOSE_REASON_SUPERSEDED: CloseReason
CLOSE_REASON_TERMINATED: CloseReason
CLOSE_REASON_UNSPECIFIED: CloseReason
DESCRIPTOR: _descriptor.FileDescriptor
WATCH_KIND_BOOKMARK: WatchKind
WATCH_KIND_DELTA: WatchKind
WATCH_KIND_RESET: WatchKind
WATCH_KIND_SNAPSHOT: WatchKind
WATCH_KIND_SNAPSHOT_END: WatchKind
WATCH_KIND_UNSPECIFIED: WatchKind

class EndpointClosed(_message.Message):
    __slots__ = ["cvid", "instance_uuid", "name", "position", "reason"]
    CVID_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_UUID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    cvid: int
    instance_uuid: str
    name: str
    position: _position_pb2.Position
    reason: CloseReason
    def __init__(self, cvid: _Optional[int] = ..., reason: _Optional[_Union[CloseReason, str]] = ..., position: _Optional[_Union[_position_pb2.Position, _Mapping]] = ..., instance_uuid: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class LinkAdded(_message.Message):
    __slots__ = ["cvid1", "cvid2", "link"]
    CVID1_FIELD_NUMBER: _ClassVar[int]
    CVID2_FIELD_NUMBER: _ClassVar[int]
    LINK_FIELD_NUMBER: _ClassVar[int]
    cvid1: int
    cvid2: int
    link: _link_pb2.LinkType
    def __init__(self, cvid1: _Optional[int] = ..., cvid2: _Optional[int] = ..., link: _Optional[_Union[_link_pb2.LinkType, str]] = ...) -> None: ...

class LinkRemoved(_message.Message):
    __slots__ = ["cvid1", "cvid2", "link"]
    CVID1_FIELD_NUMBER: _ClassVar[int]
    CVID2_FIELD_NUMBER: _ClassVar[int]
    LINK_FIELD_NUMBER: _ClassVar[int]
    cvid1: int
    cvid2: int
    link: _link_pb2.LinkType
    def __init__(self, cvid1: _Optional[int] = ..., cvid2: _Optional[int] = ..., link: _Optional[_Union[_link_pb2.LinkType, str]] = ...) -> None: ...

class NetworkDelta(_message.Message):
    __slots__ = ["link_added", "link_removed", "node_added", "node_removed"]
    LINK_ADDED_FIELD_NUMBER: _ClassVar[int]
    LINK_REMOVED_FIELD_NUMBER: _ClassVar[int]
    NODE_ADDED_FIELD_NUMBER: _ClassVar[int]
    NODE_REMOVED_FIELD_NUMBER: _ClassVar[int]
    link_added: _containers.RepeatedCompositeFieldContainer[LinkAdded]
    link_removed: _containers.RepeatedCompositeFieldContainer[LinkRemoved]
    node_added: _containers.RepeatedCompositeFieldContainer[NodeAdded]
    node_removed: _containers.RepeatedCompositeFieldContainer[NodeRemoved]
    def __init__(self, node_added: _Optional[_Iterable[_Union[NodeAdded, _Mapping]]] = ..., node_removed: _Optional[_Iterable[_Union[NodeRemoved, _Mapping]]] = ..., link_added: _Optional[_Iterable[_Union[LinkAdded, _Mapping]]] = ..., link_removed: _Optional[_Iterable[_Union[LinkRemoved, _Mapping]]] = ...) -> None: ...

class Node(_message.Message):
    __slots__ = ["cvid", "instance_uuid", "labels", "links", "name", "parent"]
    class LabelsEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CVID_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_UUID_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    LINKS_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PARENT_FIELD_NUMBER: _ClassVar[int]
    cvid: int
    instance_uuid: str
    labels: _containers.ScalarMap[str, str]
    links: _containers.RepeatedCompositeFieldContainer[NodeLink]
    name: str
    parent: int
    def __init__(self, cvid: _Optional[int] = ..., parent: _Optional[int] = ..., instance_uuid: _Optional[str] = ..., name: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., links: _Optional[_Iterable[_Union[NodeLink, _Mapping]]] = ...) -> None: ...

class NodeAdded(_message.Message):
    __slots__ = ["cvid", "instance_uuid", "labels", "name", "parent"]
    class LabelsEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CVID_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_UUID_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PARENT_FIELD_NUMBER: _ClassVar[int]
    cvid: int
    instance_uuid: str
    labels: _containers.ScalarMap[str, str]
    name: str
    parent: int
    def __init__(self, cvid: _Optional[int] = ..., parent: _Optional[int] = ..., instance_uuid: _Optional[str] = ..., name: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ...) -> None: ...

class NodeLink(_message.Message):
    __slots__ = ["link", "peer_cvid"]
    LINK_FIELD_NUMBER: _ClassVar[int]
    PEER_CVID_FIELD_NUMBER: _ClassVar[int]
    link: _link_pb2.LinkType
    peer_cvid: int
    def __init__(self, peer_cvid: _Optional[int] = ..., link: _Optional[_Union[_link_pb2.LinkType, str]] = ...) -> None: ...

class NodeRemoved(_message.Message):
    __slots__ = ["cvid"]
    CVID_FIELD_NUMBER: _ClassVar[int]
    cvid: int
    def __init__(self, cvid: _Optional[int] = ...) -> None: ...

class CloseReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class WatchKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
