from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EnumerateTransportRequest(_message.Message):
    __slots__ = ["code_name", "encrypted"]
    CODE_NAME_FIELD_NUMBER: _ClassVar[int]
    ENCRYPTED_FIELD_NUMBER: _ClassVar[int]
    code_name: str
    encrypted: bool
    def __init__(self, code_name: _Optional[str] = ..., encrypted: bool = ...) -> None: ...

class EnumerateTransportResponse(_message.Message):
    __slots__ = ["transports"]
    TRANSPORTS_FIELD_NUMBER: _ClassVar[int]
    transports: _containers.RepeatedCompositeFieldContainer[Transport]
    def __init__(self, transports: _Optional[_Iterable[_Union[Transport, _Mapping]]] = ...) -> None: ...

class ExchangeRequest(_message.Message):
    __slots__ = ["packet"]
    PACKET_FIELD_NUMBER: _ClassVar[int]
    packet: bytes
    def __init__(self, packet: _Optional[bytes] = ...) -> None: ...

class ExchangeResponse(_message.Message):
    __slots__ = ["packet"]
    PACKET_FIELD_NUMBER: _ClassVar[int]
    packet: bytes
    def __init__(self, packet: _Optional[bytes] = ...) -> None: ...

class Transport(_message.Message):
    __slots__ = ["addresses", "code_name", "encrypted", "max_block_bytes"]
    ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    CODE_NAME_FIELD_NUMBER: _ClassVar[int]
    ENCRYPTED_FIELD_NUMBER: _ClassVar[int]
    MAX_BLOCK_BYTES_FIELD_NUMBER: _ClassVar[int]
    addresses: _containers.RepeatedScalarFieldContainer[str]
    code_name: str
    encrypted: bool
    max_block_bytes: int
    def __init__(self, code_name: _Optional[str] = ..., addresses: _Optional[_Iterable[str]] = ..., max_block_bytes: _Optional[int] = ..., encrypted: bool = ...) -> None: ...
