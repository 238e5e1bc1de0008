from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from typing import ClassVar as _ClassVar

DESCRIPTOR: _descriptor.FileDescriptor
LINK_TYPE_CONTROL_TCP: LinkType
LINK_TYPE_TRANSPORT_TCP: LinkType
LINK_TYPE_TRANSPORT_UDP: LinkType

class LinkType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
