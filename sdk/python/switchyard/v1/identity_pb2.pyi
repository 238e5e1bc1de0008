from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import field_mask_pb2 as _field_mask_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from switchyard.v1 import position_pb2 as _position_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

AUTH_MODE_OBSERVE: AuthMode
AUTH_MODE_OPEN: AuthMode
AUTH_MODE_REQUIRED: AuthMode
AUTH_MODE_UNSPECIFIED: AuthMode
BINDING_KIND_TLS_LEAF: BindingKind
BINDING_KIND_UNSPECIFIED: BindingKind
DESCRIPTOR: _descriptor.FileDescriptor
IDENTITY_KIND_INSTANCE: IdentityKind
IDENTITY_KIND_PERSON: IdentityKind
IDENTITY_KIND_SERVICE: IdentityKind
IDENTITY_KIND_UNSPECIFIED: IdentityKind
KEY_ORIGIN_ADMINISTRATOR: KeyOrigin
KEY_ORIGIN_CERTIFICATE: KeyOrigin
KEY_ORIGIN_FIRST_USE: KeyOrigin
KEY_ORIGIN_ISSUER: KeyOrigin
KEY_ORIGIN_ROTATION: KeyOrigin
KEY_ORIGIN_TICKET: KeyOrigin
KEY_ORIGIN_UNSPECIFIED: KeyOrigin
PRINCIPAL_VIA_ACCESS_TOKEN: PrincipalVia
PRINCIPAL_VIA_ADMINISTRATOR: PrincipalVia
PRINCIPAL_VIA_CERTIFICATE: PrincipalVia
PRINCIPAL_VIA_ISSUER: PrincipalVia
PRINCIPAL_VIA_SESSION: PrincipalVia
PRINCIPAL_VIA_UNSPECIFIED: PrincipalVia
PROOF_PURPOSE_ATTACH: ProofPurpose
PROOF_PURPOSE_ENROLL: ProofPurpose
PROOF_PURPOSE_LOGIN: ProofPurpose
PROOF_PURPOSE_ROTATE: ProofPurpose
PROOF_PURPOSE_SESSION: ProofPurpose
PROOF_PURPOSE_UNSPECIFIED: ProofPurpose

class AuditAnchor(_message.Message):
    __slots__ = ["anchored_at", "hash", "missed", "number"]
    ANCHORED_AT_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    MISSED_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    anchored_at: _timestamp_pb2.Timestamp
    hash: str
    missed: bool
    number: int
    def __init__(self, number: _Optional[int] = ..., hash: _Optional[str] = ..., anchored_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., missed: bool = ...) -> None: ...

class AuditLine(_message.Message):
    __slots__ = ["at", "before", "count", "hash", "number", "on", "outcome", "what", "who"]
    AT_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    FROM_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    ON_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    WHAT_FIELD_NUMBER: _ClassVar[int]
    WHO_FIELD_NUMBER: _ClassVar[int]
    at: str
    before: str
    count: int
    hash: str
    number: int
    on: str
    outcome: str
    what: str
    who: str
    def __init__(self, number: _Optional[int] = ..., at: _Optional[str] = ..., who: _Optional[str] = ..., what: _Optional[str] = ..., on: _Optional[str] = ..., outcome: _Optional[str] = ..., count: _Optional[int] = ..., before: _Optional[str] = ..., hash: _Optional[str] = ..., **kwargs) -> None: ...

class BindKeyRequest(_message.Message):
    __slots__ = ["identity_uuid", "public_key"]
    IDENTITY_UUID_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    identity_uuid: str
    public_key: bytes
    def __init__(self, identity_uuid: _Optional[str] = ..., public_key: _Optional[bytes] = ...) -> None: ...

class BindKeyResponse(_message.Message):
    __slots__ = ["identity", "position"]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    identity: Identity
    position: _position_pb2.Position
    def __init__(self, identity: _Optional[_Union[Identity, _Mapping]] = ..., position: _Optional[_Union[_position_pb2.Position, _Mapping]] = ...) -> None: ...

class ChallengeRequest(_message.Message):
    __slots__ = ["admin_binding", "admin_nonce", "network"]
    ADMIN_BINDING_FIELD_NUMBER: _ClassVar[int]
    ADMIN_NONCE_FIELD_NUMBER: _ClassVar[int]
    NETWORK_FIELD_NUMBER: _ClassVar[int]
    admin_binding: bytes
    admin_nonce: bytes
    network: str
    def __init__(self, network: _Optional[str] = ..., admin_nonce: _Optional[bytes] = ..., admin_binding: _Optional[bytes] = ...) -> None: ...

class ChallengeResponse(_message.Message):
    __slots__ = ["admin_proof", "authority_pins", "epoch", "mode", "nonce", "server_time", "server_uuid", "valid_for"]
    ADMIN_PROOF_FIELD_NUMBER: _ClassVar[int]
    AUTHORITY_PINS_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    SERVER_TIME_FIELD_NUMBER: _ClassVar[int]
    SERVER_UUID_FIELD_NUMBER: _ClassVar[int]
    VALID_FOR_FIELD_NUMBER: _ClassVar[int]
    admin_proof: bytes
    authority_pins: _containers.RepeatedScalarFieldContainer[bytes]
    epoch: str
    mode: AuthMode
    nonce: bytes
    server_time: _timestamp_pb2.Timestamp
    server_uuid: str
    valid_for: _duration_pb2.Duration
    def __init__(self, nonce: _Optional[bytes] = ..., server_uuid: _Optional[str] = ..., mode: _Optional[_Union[AuthMode, str]] = ..., epoch: _Optional[str] = ..., server_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., valid_for: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., admin_proof: _Optional[bytes] = ..., authority_pins: _Optional[_Iterable[bytes]] = ...) -> None: ...

class CreateNetworkRequest(_message.Message):
    __slots__ = ["name", "sessions_max"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SESSIONS_MAX_FIELD_NUMBER: _ClassVar[int]
    name: str
    sessions_max: int
    def __init__(self, name: _Optional[str] = ..., sessions_max: _Optional[int] = ...) -> None: ...

class CreateNetworkResponse(_message.Message):
    __slots__ = ["network"]
    NETWORK_FIELD_NUMBER: _ClassVar[int]
    network: Network
    def __init__(self, network: _Optional[_Union[Network, _Mapping]] = ...) -> None: ...

class DropNetworkRequest(_message.Message):
    __slots__ = ["name"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class DropNetworkResponse(_message.Message):
    __slots__ = ["exported_to"]
    EXPORTED_TO_FIELD_NUMBER: _ClassVar[int]
    exported_to: str
    def __init__(self, exported_to: _Optional[str] = ...) -> None: ...

class EnrollRequest(_message.Message):
    __slots__ = ["name", "proof", "secret"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    SECRET_FIELD_NUMBER: _ClassVar[int]
    name: str
    proof: Proof
    secret: bytes
    def __init__(self, secret: _Optional[bytes] = ..., proof: _Optional[_Union[Proof, _Mapping]] = ..., name: _Optional[str] = ...) -> None: ...

class EnrollResponse(_message.Message):
    __slots__ = ["identity", "position"]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    identity: Identity
    position: _position_pb2.Position
    def __init__(self, identity: _Optional[_Union[Identity, _Mapping]] = ..., position: _Optional[_Union[_position_pb2.Position, _Mapping]] = ...) -> None: ...

class ExplainRequest(_message.Message):
    __slots__ = ["permission", "to"]
    FROM_FIELD_NUMBER: _ClassVar[int]
    PERMISSION_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    permission: str
    to: str
    def __init__(self, permission: _Optional[str] = ..., to: _Optional[str] = ..., **kwargs) -> None: ...

class ExplainResponse(_message.Message):
    __slots__ = ["allowed", "because"]
    ALLOWED_FIELD_NUMBER: _ClassVar[int]
    BECAUSE_FIELD_NUMBER: _ClassVar[int]
    allowed: bool
    because: str
    def __init__(self, allowed: bool = ..., because: _Optional[str] = ...) -> None: ...

class ForgetKeyRequest(_message.Message):
    __slots__ = ["identity_uuid"]
    IDENTITY_UUID_FIELD_NUMBER: _ClassVar[int]
    identity_uuid: str
    def __init__(self, identity_uuid: _Optional[str] = ...) -> None: ...

class ForgetKeyResponse(_message.Message):
    __slots__ = ["position"]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    position: _position_pb2.Position
    def __init__(self, position: _Optional[_Union[_position_pb2.Position, _Mapping]] = ...) -> None: ...

class GetIdentityRequest(_message.Message):
    __slots__ = ["identity_uuid"]
    IDENTITY_UUID_FIELD_NUMBER: _ClassVar[int]
    identity_uuid: str
    def __init__(self, identity_uuid: _Optional[str] = ...) -> None: ...

class GetIdentityResponse(_message.Message):
    __slots__ = ["identity", "position"]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    identity: Identity
    position: _position_pb2.Position
    def __init__(self, identity: _Optional[_Union[Identity, _Mapping]] = ..., position: _Optional[_Union[_position_pb2.Position, _Mapping]] = ...) -> None: ...

class GetPolicyRequest(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class GetPolicyResponse(_message.Message):
    __slots__ = ["document", "mode", "revision"]
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    document: str
    mode: AuthMode
    revision: int
    def __init__(self, document: _Optional[str] = ..., revision: _Optional[int] = ..., mode: _Optional[_Union[AuthMode, str]] = ...) -> None: ...

class Identity(_message.Message):
    __slots__ = ["barred_key_ids", "cvid", "cvids", "identity_uuid", "keys", "kind", "labels", "name", "revoked", "roles", "ticket_id"]
    class LabelsEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    BARRED_KEY_IDS_FIELD_NUMBER: _ClassVar[int]
    CVIDS_FIELD_NUMBER: _ClassVar[int]
    CVID_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_UUID_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    REVOKED_FIELD_NUMBER: _ClassVar[int]
    ROLES_FIELD_NUMBER: _ClassVar[int]
    TICKET_ID_FIELD_NUMBER: _ClassVar[int]
    barred_key_ids: _containers.RepeatedScalarFieldContainer[str]
    cvid: int
    cvids: _containers.RepeatedScalarFieldContainer[int]
    identity_uuid: str
    keys: _containers.RepeatedCompositeFieldContainer[IdentityKey]
    kind: IdentityKind
    labels: _containers.ScalarMap[str, str]
    name: str
    revoked: bool
    roles: _containers.RepeatedScalarFieldContainer[str]
    ticket_id: str
    def __init__(self, identity_uuid: _Optional[str] = ..., kind: _Optional[_Union[IdentityKind, str]] = ..., keys: _Optional[_Iterable[_Union[IdentityKey, _Mapping]]] = ..., revoked: bool = ..., barred_key_ids: _Optional[_Iterable[str]] = ..., cvid: _Optional[int] = ..., roles: _Optional[_Iterable[str]] = ..., name: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., ticket_id: _Optional[str] = ..., cvids: _Optional[_Iterable[int]] = ...) -> None: ...

class IdentityKey(_message.Message):
    __slots__ = ["bound_at", "good_until", "key_id", "origin", "public_key", "vouched"]
    BOUND_AT_FIELD_NUMBER: _ClassVar[int]
    GOOD_UNTIL_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    VOUCHED_FIELD_NUMBER: _ClassVar[int]
    bound_at: _timestamp_pb2.Timestamp
    good_until: _timestamp_pb2.Timestamp
    key_id: str
    origin: KeyOrigin
    public_key: bytes
    vouched: str
    def __init__(self, key_id: _Optional[str] = ..., public_key: _Optional[bytes] = ..., origin: _Optional[_Union[KeyOrigin, str]] = ..., bound_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., good_until: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., vouched: _Optional[str] = ...) -> None: ...

class IssueTicketRequest(_message.Message):
    __slots__ = ["addresses", "identity_uuid", "kind", "names", "roles", "uses", "valid_for"]
    ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_UUID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    ROLES_FIELD_NUMBER: _ClassVar[int]
    USES_FIELD_NUMBER: _ClassVar[int]
    VALID_FOR_FIELD_NUMBER: _ClassVar[int]
    addresses: _containers.RepeatedScalarFieldContainer[str]
    identity_uuid: str
    kind: IdentityKind
    names: str
    roles: _containers.RepeatedScalarFieldContainer[str]
    uses: int
    valid_for: _duration_pb2.Duration
    def __init__(self, kind: _Optional[_Union[IdentityKind, str]] = ..., roles: _Optional[_Iterable[str]] = ..., uses: _Optional[int] = ..., valid_for: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., names: _Optional[str] = ..., identity_uuid: _Optional[str] = ..., addresses: _Optional[_Iterable[str]] = ...) -> None: ...

class IssueTicketResponse(_message.Message):
    __slots__ = ["position", "text", "ticket"]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    TICKET_FIELD_NUMBER: _ClassVar[int]
    position: _position_pb2.Position
    text: str
    ticket: Ticket
    def __init__(self, text: _Optional[str] = ..., ticket: _Optional[_Union[Ticket, _Mapping]] = ..., position: _Optional[_Union[_position_pb2.Position, _Mapping]] = ...) -> None: ...

class ListIdentitiesRequest(_message.Message):
    __slots__ = ["page_size", "page_token"]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListIdentitiesResponse(_message.Message):
    __slots__ = ["identities", "next_page_token", "position"]
    IDENTITIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    identities: _containers.RepeatedCompositeFieldContainer[Identity]
    next_page_token: str
    position: _position_pb2.Position
    def __init__(self, identities: _Optional[_Iterable[_Union[Identity, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., position: _Optional[_Union[_position_pb2.Position, _Mapping]] = ...) -> None: ...

class ListNetworksRequest(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class ListNetworksResponse(_message.Message):
    __slots__ = ["networks"]
    NETWORKS_FIELD_NUMBER: _ClassVar[int]
    networks: _containers.RepeatedCompositeFieldContainer[Network]
    def __init__(self, networks: _Optional[_Iterable[_Union[Network, _Mapping]]] = ...) -> None: ...

class ListTicketsRequest(_message.Message):
    __slots__ = ["page_size", "page_token"]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListTicketsResponse(_message.Message):
    __slots__ = ["next_page_token", "position", "tickets"]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    TICKETS_FIELD_NUMBER: _ClassVar[int]
    next_page_token: str
    position: _position_pb2.Position
    tickets: _containers.RepeatedCompositeFieldContainer[Ticket]
    def __init__(self, tickets: _Optional[_Iterable[_Union[Ticket, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., position: _Optional[_Union[_position_pb2.Position, _Mapping]] = ...) -> None: ...

class LoginRequest(_message.Message):
    __slots__ = ["proof"]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    proof: Proof
    def __init__(self, proof: _Optional[_Union[Proof, _Mapping]] = ...) -> None: ...

class LoginResponse(_message.Message):
    __slots__ = ["access_token", "principal", "valid_for"]
    ACCESS_TOKEN_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    VALID_FOR_FIELD_NUMBER: _ClassVar[int]
    access_token: str
    principal: Principal
    valid_for: _duration_pb2.Duration
    def __init__(self, access_token: _Optional[str] = ..., valid_for: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., principal: _Optional[_Union[Principal, _Mapping]] = ...) -> None: ...

class Network(_message.Message):
    __slots__ = ["created_at", "epoch", "name", "number", "sessions", "sessions_max"]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    SESSIONS_MAX_FIELD_NUMBER: _ClassVar[int]
    created_at: _timestamp_pb2.Timestamp
    epoch: str
    name: str
    number: int
    sessions: int
    sessions_max: int
    def __init__(self, name: _Optional[str] = ..., number: _Optional[int] = ..., created_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., sessions: _Optional[int] = ..., sessions_max: _Optional[int] = ..., epoch: _Optional[str] = ...) -> None: ...

class Principal(_message.Message):
    __slots__ = ["identity_uuid", "key_id", "kind", "name", "network", "roles", "via"]
    IDENTITY_UUID_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    NETWORK_FIELD_NUMBER: _ClassVar[int]
    ROLES_FIELD_NUMBER: _ClassVar[int]
    VIA_FIELD_NUMBER: _ClassVar[int]
    identity_uuid: str
    key_id: str
    kind: IdentityKind
    name: str
    network: str
    roles: _containers.RepeatedScalarFieldContainer[str]
    via: PrincipalVia
    def __init__(self, network: _Optional[str] = ..., identity_uuid: _Optional[str] = ..., kind: _Optional[_Union[IdentityKind, str]] = ..., key_id: _Optional[str] = ..., roles: _Optional[_Iterable[str]] = ..., name: _Optional[str] = ..., via: _Optional[_Union[PrincipalVia, str]] = ...) -> None: ...

class Proof(_message.Message):
    __slots__ = ["binding", "binding_kind", "identity_uuid", "nonce", "public_key", "purpose", "signature"]
    BINDING_FIELD_NUMBER: _ClassVar[int]
    BINDING_KIND_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_UUID_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    binding: bytes
    binding_kind: BindingKind
    identity_uuid: str
    nonce: bytes
    public_key: bytes
    purpose: ProofPurpose
    signature: bytes
    def __init__(self, purpose: _Optional[_Union[ProofPurpose, str]] = ..., nonce: _Optional[bytes] = ..., public_key: _Optional[bytes] = ..., signature: _Optional[bytes] = ..., binding_kind: _Optional[_Union[BindingKind, str]] = ..., binding: _Optional[bytes] = ..., identity_uuid: _Optional[str] = ...) -> None: ...

class PutPolicyRequest(_message.Message):
    __slots__ = ["document", "if_revision", "validate_only"]
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    IF_REVISION_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    document: str
    if_revision: int
    validate_only: bool
    def __init__(self, document: _Optional[str] = ..., validate_only: bool = ..., if_revision: _Optional[int] = ...) -> None: ...

class PutPolicyResponse(_message.Message):
    __slots__ = ["mode", "position", "revision"]
    MODE_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    mode: AuthMode
    position: _position_pb2.Position
    revision: int
    def __init__(self, revision: _Optional[int] = ..., mode: _Optional[_Union[AuthMode, str]] = ..., position: _Optional[_Union[_position_pb2.Position, _Mapping]] = ...) -> None: ...

class RevokeIdentityRequest(_message.Message):
    __slots__ = ["identity_uuid"]
    IDENTITY_UUID_FIELD_NUMBER: _ClassVar[int]
    identity_uuid: str
    def __init__(self, identity_uuid: _Optional[str] = ...) -> None: ...

class RevokeIdentityResponse(_message.Message):
    __slots__ = ["identity", "position"]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    identity: Identity
    position: _position_pb2.Position
    def __init__(self, identity: _Optional[_Union[Identity, _Mapping]] = ..., position: _Optional[_Union[_position_pb2.Position, _Mapping]] = ...) -> None: ...

class RevokeTicketRequest(_message.Message):
    __slots__ = ["and_identities", "ticket_id"]
    AND_IDENTITIES_FIELD_NUMBER: _ClassVar[int]
    TICKET_ID_FIELD_NUMBER: _ClassVar[int]
    and_identities: bool
    ticket_id: str
    def __init__(self, ticket_id: _Optional[str] = ..., and_identities: bool = ...) -> None: ...

class RevokeTicketResponse(_message.Message):
    __slots__ = ["identity_uuids", "position", "ticket"]
    IDENTITY_UUIDS_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    TICKET_FIELD_NUMBER: _ClassVar[int]
    identity_uuids: _containers.RepeatedScalarFieldContainer[str]
    position: _position_pb2.Position
    ticket: Ticket
    def __init__(self, ticket: _Optional[_Union[Ticket, _Mapping]] = ..., identity_uuids: _Optional[_Iterable[str]] = ..., position: _Optional[_Union[_position_pb2.Position, _Mapping]] = ...) -> None: ...

class RotateKeyRequest(_message.Message):
    __slots__ = ["new_proof", "old_proof"]
    NEW_PROOF_FIELD_NUMBER: _ClassVar[int]
    OLD_PROOF_FIELD_NUMBER: _ClassVar[int]
    new_proof: Proof
    old_proof: Proof
    def __init__(self, old_proof: _Optional[_Union[Proof, _Mapping]] = ..., new_proof: _Optional[_Union[Proof, _Mapping]] = ...) -> None: ...

class RotateKeyResponse(_message.Message):
    __slots__ = ["identity", "overlap", "position"]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    OVERLAP_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    identity: Identity
    overlap: _duration_pb2.Duration
    position: _position_pb2.Position
    def __init__(self, identity: _Optional[_Union[Identity, _Mapping]] = ..., position: _Optional[_Union[_position_pb2.Position, _Mapping]] = ..., overlap: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class Ticket(_message.Message):
    __slots__ = ["expires_at", "identity_uuid", "issued_at", "issuer_uuid", "kind", "names", "revoked", "roles", "ticket_id", "used", "uses"]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_UUID_FIELD_NUMBER: _ClassVar[int]
    ISSUED_AT_FIELD_NUMBER: _ClassVar[int]
    ISSUER_UUID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    REVOKED_FIELD_NUMBER: _ClassVar[int]
    ROLES_FIELD_NUMBER: _ClassVar[int]
    TICKET_ID_FIELD_NUMBER: _ClassVar[int]
    USED_FIELD_NUMBER: _ClassVar[int]
    USES_FIELD_NUMBER: _ClassVar[int]
    expires_at: _timestamp_pb2.Timestamp
    identity_uuid: str
    issued_at: _timestamp_pb2.Timestamp
    issuer_uuid: str
    kind: IdentityKind
    names: str
    revoked: bool
    roles: _containers.RepeatedScalarFieldContainer[str]
    ticket_id: str
    used: int
    uses: int
    def __init__(self, ticket_id: _Optional[str] = ..., kind: _Optional[_Union[IdentityKind, str]] = ..., roles: _Optional[_Iterable[str]] = ..., uses: _Optional[int] = ..., used: _Optional[int] = ..., names: _Optional[str] = ..., identity_uuid: _Optional[str] = ..., issued_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., expires_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., issuer_uuid: _Optional[str] = ..., revoked: bool = ...) -> None: ...

class UpdateIdentityRequest(_message.Message):
    __slots__ = ["identity_uuid", "kind", "labels", "name", "roles", "update_mask"]
    class LabelsEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    IDENTITY_UUID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ROLES_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    identity_uuid: str
    kind: IdentityKind
    labels: _containers.ScalarMap[str, str]
    name: str
    roles: _containers.RepeatedScalarFieldContainer[str]
    update_mask: _field_mask_pb2.FieldMask
    def __init__(self, identity_uuid: _Optional[str] = ..., kind: _Optional[_Union[IdentityKind, str]] = ..., roles: _Optional[_Iterable[str]] = ..., name: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ...) -> None: ...

class UpdateIdentityResponse(_message.Message):
    __slots__ = ["identity", "position"]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    identity: Identity
    position: _position_pb2.Position
    def __init__(self, identity: _Optional[_Union[Identity, _Mapping]] = ..., position: _Optional[_Union[_position_pb2.Position, _Mapping]] = ...) -> None: ...

class WatchAuditRequest(_message.Message):
    __slots__ = ["after", "newest"]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    NEWEST_FIELD_NUMBER: _ClassVar[int]
    after: int
    newest: int
    def __init__(self, after: _Optional[int] = ..., newest: _Optional[int] = ...) -> None: ...

class WatchAuditResponse(_message.Message):
    __slots__ = ["anchors", "end", "lines"]
    ANCHORS_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    anchors: _containers.RepeatedCompositeFieldContainer[AuditAnchor]
    end: int
    lines: _containers.RepeatedCompositeFieldContainer[AuditLine]
    def __init__(self, lines: _Optional[_Iterable[_Union[AuditLine, _Mapping]]] = ..., end: _Optional[int] = ..., anchors: _Optional[_Iterable[_Union[AuditAnchor, _Mapping]]] = ...) -> None: ...

class WhoAmIRequest(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class WhoAmIResponse(_message.Message):
    __slots__ = ["administrator", "cvid", "mode", "principal"]
    ADMINISTRATOR_FIELD_NUMBER: _ClassVar[int]
    CVID_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    administrator: bool
    cvid: int
    mode: AuthMode
    principal: Principal
    def __init__(self, principal: _Optional[_Union[Principal, _Mapping]] = ..., cvid: _Optional[int] = ..., administrator: bool = ..., mode: _Optional[_Union[AuthMode, str]] = ...) -> None: ...

class ProofPurpose(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class BindingKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class IdentityKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class PrincipalVia(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class KeyOrigin(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class AuthMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
