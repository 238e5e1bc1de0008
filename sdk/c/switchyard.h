/*
 * Switchyard's system events in one header: C99, no malloc, no I/O, no state. docs/system-events.md describes the protocol.
 *
 * Include it where it is needed; every function is static inline. What is read is a view of the caller's bytes, and what is written
 * goes into the caller's buffer. Every function is total: any bytes give the thing or the one mistake that the protocol names for
 * them, within the stack of a few calls (structures nest as deep as the tables below, and no deeper).
 *
 *   SWITCHYARD_NAMES   define it before the include to have the names of types and fields in the tables, for logs
 */
#ifndef SWITCHYARD_H
#define SWITCHYARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* begin tables: made from src/system by test/sdk/c-tables.ts, not by hand */
/* Codes of Answers, and of mistakes. */
enum {
  SWY_REASON_FIELD_INVALID = 1,
  SWY_REASON_SESSION_TOKEN_MISSING = 10,
  SWY_REASON_SESSION_TOKEN_INVALID = 11,
  SWY_REASON_SESSION_SUPERSEDED = 12,
  SWY_REASON_SESSION_TERMINATED = 13,
  SWY_REASON_SESSION_EXPIRED = 14,
  SWY_REASON_SESSION_SERVER_LOST = 15,
  SWY_REASON_ATTACHMENT_REPLACED = 16,
  SWY_REASON_ADMIN_REQUIRED = 17,
  SWY_REASON_ADMIN_TOKEN_INVALID = 18,
  SWY_REASON_SESSION_NOT_FOUND = 20,
  SWY_REASON_NODE_NOT_FOUND = 21,
  SWY_REASON_STREAM_NOT_FOUND = 22,
  SWY_REASON_PATH_NOT_FOUND = 23,
  SWY_REASON_ORDER_NOT_FOUND = 24,
  SWY_REASON_CONNECTION_NOT_FOUND = 25,
  SWY_REASON_IDENTITY_NOT_FOUND = 26,
  SWY_REASON_TICKET_NOT_FOUND = 27,
  SWY_REASON_NETWORK_NOT_FOUND = 28,
  SWY_REASON_SESSION_LIMIT = 30,
  SWY_REASON_SID_EXHAUSTED = 31,
  SWY_REASON_STREAM_LIMIT = 32,
  SWY_REASON_LINK_LIMIT = 33,
  SWY_REASON_WATCH_LIMIT = 34,
  SWY_REASON_ORDER_LIMIT = 35,
  SWY_REASON_CONNECTION_LIMIT = 36,
  SWY_REASON_RATE_LIMITED = 37,
  SWY_REASON_TOO_LARGE = 38,
  SWY_REASON_REVISION_COMPACTED = 40,
  SWY_REASON_WATCH_LAGGED = 41,
  SWY_REASON_NOT_ATTACHED = 50,
  SWY_REASON_NOT_STREAM_OWNER = 51,
  SWY_REASON_PEER_REFUSED = 52,
  SWY_REASON_ORDER_DEADLINE = 53,
  SWY_REASON_PEER_LEFT = 54,
  SWY_REASON_PATH_FAILED = 55,
  SWY_REASON_CONNECTION_REPLACED = 56,
  SWY_REASON_SINK_TOO_SLOW = 57,
  SWY_REASON_STREAM_STOPPED = 58,
  SWY_REASON_OUT_OF_ORDER = 59,
  SWY_REASON_DRAINING = 60,
  SWY_REASON_JOURNAL_UNAVAILABLE = 61,
  SWY_REASON_OVERLOADED = 62,
  SWY_REASON_INTERNAL = 63,
  SWY_REASON_UNIMPLEMENTED = 64,
  SWY_REASON_OUTCOME_UNKNOWN = 65,
  SWY_REASON_BEHIND = 66,
  SWY_REASON_SERVER_CUT_OFF = 67,
  SWY_REASON_EVENT_TYPE_UNKNOWN = 70,
  SWY_REASON_EVENT_CATEGORY_WRONG = 71,
  SWY_REASON_EVENT_TRUNCATED = 72,
  SWY_REASON_EVENT_KEY_REPEATED = 73,
  SWY_REASON_PACKET_FLAGS_INVALID = 74,
  SWY_REASON_AUTH_REQUIRED = 80,
  SWY_REASON_PROOF_INVALID = 81,
  SWY_REASON_CHALLENGE_EXPIRED = 82,
  SWY_REASON_TICKET_INVALID = 83,
  SWY_REASON_IDENTITY_REVOKED = 84,
  SWY_REASON_PERMISSION_DENIED = 85,
  SWY_REASON_IDENTITY_MISMATCH = 86,
  SWY_REASON_NETWORK_LIMIT = 87,
  SWY_REASON_POLICY_INVALID = 88,
  SWY_REASON_CERTIFICATE_INVALID = 89,
  SWY_REASON_ISSUER_UNAVAILABLE = 90,
};
/* Types of events. */
enum {
  SWY_TYPE_ENUMERATE_TRANSPORT = 1,
  SWY_TYPE_UPDATE_STREAM_PARAMS = 2,
  SWY_TYPE_CREATE_STREAM = 3,
  SWY_TYPE_TERMINATE_STREAM = 4,
  SWY_TYPE_TERMINATE_SESSION = 5,
  SWY_TYPE_ANSWER = 6,
  SWY_TYPE_SESSION = 16,
  SWY_TYPE_KEEP_ALIVE = 17,
  SWY_TYPE_DIRECT_CONNECTION = 18,
  SWY_TYPE_STOP_STREAM = 19,
  SWY_TYPE_CHALLENGE = 20,
  SWY_TYPE_ENROLL = 21,
  SWY_TYPE_ROTATE_KEY = 22,
  SWY_TYPE_OPEN = 24,
  SWY_TYPE_NETWORK_DELTA = 32,
  SWY_TYPE_ENDPOINT_CLOSED = 33,
  SWY_TYPE_CONNECTION = 34,
  SWY_TYPE_STREAM_STOPPED = 35,
};
/* Keys of EnumerateTransport. */
enum {
  SWY_ENUMERATE_TRANSPORT_CODE_NAME = 1,
  SWY_ENUMERATE_TRANSPORT_ENCRYPTED = 2,
};
/* Keys of Answer to EnumerateTransport. */
enum {
  SWY_ENUMERATE_TRANSPORT_ANSWER_TRANSPORTS = 1,
};
/* Keys of Transport. */
enum {
  SWY_TRANSPORT_CODE_NAME = 1,
  SWY_TRANSPORT_ADDRESSES = 2,
  SWY_TRANSPORT_MAX_BLOCK_BYTES = 3,
  SWY_TRANSPORT_ENCRYPTED = 4,
};
/* Keys of UpdateStreamParams. */
enum {
  SWY_UPDATE_STREAM_PARAMS_ID = 1,
  SWY_UPDATE_STREAM_PARAMS_PARAMS = 2,
  SWY_UPDATE_STREAM_PARAMS_CLEAR_LABELS = 10,
};
/* Keys of StreamParams. */
enum {
  SWY_STREAM_PARAMS_NAME = 1,
  SWY_STREAM_PARAMS_TIMEOUT_MS = 2,
  SWY_STREAM_PARAMS_MAX_BLOCK_BYTES = 3,
  SWY_STREAM_PARAMS_COMPRESSION = 4,
  SWY_STREAM_PARAMS_DELIVERY_CONFIRMATION = 5,
  SWY_STREAM_PARAMS_LABELS = 6,
};
/* Keys of Label. */
enum {
  SWY_LABEL_KEY = 1,
  SWY_LABEL_VALUE = 2,
};
/* Keys of Answer to UpdateStreamParams. */
enum {
  SWY_UPDATE_STREAM_PARAMS_ANSWER_STREAM = 1,
};
/* Keys of Stream. */
enum {
  SWY_STREAM_ID = 1,
  SWY_STREAM_OWNER_CVID = 2,
  SWY_STREAM_SOURCE_CVID = 3,
  SWY_STREAM_SINKS = 4,
  SWY_STREAM_PARAMS = 5,
  SWY_STREAM_POSITION = 6,
};
/* Keys of StreamSink. */
enum {
  SWY_STREAM_SINK_CVID = 1,
  SWY_STREAM_SINK_ID = 2,
};
/* Keys of Position. */
enum {
  SWY_POSITION_EPOCH = 1,
  SWY_POSITION_REVISION = 2,
};
/* Keys of CreateStream. */
enum {
  SWY_CREATE_STREAM_PARAMS = 1,
  SWY_CREATE_STREAM_SINK_CVIDS = 2,
};
/* Keys of Answer to CreateStream. */
enum {
  SWY_CREATE_STREAM_ANSWER_STREAM = 1,
};
/* Keys of TerminateStream. */
enum {
  SWY_TERMINATE_STREAM_ID = 1,
};
/* Keys of Answer to TerminateStream. */
enum {
  SWY_TERMINATE_STREAM_ANSWER_POSITION = 1,
};
/* Keys of TerminateSession. */
enum {
  SWY_TERMINATE_SESSION_CVID = 1,
  SWY_TERMINATE_SESSION_REASON = 10,
};
/* Keys of Answer to TerminateSession. */
enum {
  SWY_TERMINATE_SESSION_ANSWER_POSITION = 1,
};
/* Keys of Answer. */
enum {
  SWY_ANSWER_CODE = 1,
  SWY_ANSWER_DESCRIPTION = 2,
  SWY_ANSWER_DATA = 3,
  SWY_ANSWER_VIOLATIONS = 4,
  SWY_ANSWER_RETRY_AFTER_MS = 5,
  SWY_ANSWER_OFFSET = 6,
  SWY_ANSWER_FACTS = 7,
};
/* Keys of Violation. */
enum {
  SWY_VIOLATION_FIELD = 1,
  SWY_VIOLATION_DESCRIPTION = 2,
};
/* Keys of Session. */
enum {
  SWY_SESSION_INSTANCE_UUID = 1,
  SWY_SESSION_INSTANCE_TYPE = 2,
  SWY_SESSION_INSTANCE_FLAVOR = 3,
  SWY_SESSION_TTL_MS = 10,
  SWY_SESSION_NAME = 11,
  SWY_SESSION_LABELS = 12,
  SWY_SESSION_WATCH = 20,
  SWY_SESSION_NETWORK = 21,
  SWY_SESSION_PROOF = 23,
};
/* Keys of Watch. */
enum {
  SWY_WATCH_DELTAS = 1,
  SWY_WATCH_ENDPOINTS_CLOSED = 2,
  SWY_WATCH_AFTER = 3,
  SWY_WATCH_COALESCE = 4,
  SWY_WATCH_CVIDS = 5,
};
/* Keys of Proof. */
enum {
  SWY_PROOF_PURPOSE = 1,
  SWY_PROOF_NONCE = 2,
  SWY_PROOF_PUBLIC_KEY = 3,
  SWY_PROOF_SIGNATURE = 4,
  SWY_PROOF_BINDING_KIND = 5,
  SWY_PROOF_BINDING = 6,
  SWY_PROOF_IDENTITY_UUID = 7,
};
/* Keys of Answer to Session. */
enum {
  SWY_SESSION_ANSWER_INSTANCE_SID = 1,
  SWY_SESSION_ANSWER_SERVER_SID = 2,
  SWY_SESSION_ANSWER_SERVER_UUID = 3,
  SWY_SESSION_ANSWER_SESSION_TOKEN = 10,
  SWY_SESSION_ANSWER_TTL_MS = 11,
  SWY_SESSION_ANSWER_STREAM_ID = 12,
  SWY_SESSION_ANSWER_POSITION = 13,
  SWY_SESSION_ANSWER_IDENTITY = 20,
};
/* Keys of Principal. */
enum {
  SWY_PRINCIPAL_NETWORK = 1,
  SWY_PRINCIPAL_IDENTITY_UUID = 2,
  SWY_PRINCIPAL_KIND = 3,
  SWY_PRINCIPAL_KEY_ID = 4,
};
/* Keys of KeepAlive. */
enum {
  SWY_KEEP_ALIVE_SESSION_TOKEN = 10,
  SWY_KEEP_ALIVE_WATCH = 20,
  SWY_KEEP_ALIVE_PROOF = 23,
};
/* Keys of Answer to KeepAlive. */
enum {
  SWY_KEEP_ALIVE_ANSWER_TTL_MS = 1,
  SWY_KEEP_ALIVE_ANSWER_POSITION = 2,
};
/* Keys of DirectConnection. */
enum {
  SWY_DIRECT_CONNECTION_CVID = 1,
  SWY_DIRECT_CONNECTION_TYPE = 2,
  SWY_DIRECT_CONNECTION_PORT = 3,
  SWY_DIRECT_CONNECTION_CANDIDATES = 10,
  SWY_DIRECT_CONNECTION_PUBLIC_KEY = 11,
  SWY_DIRECT_CONNECTION_ROUND_TRIP_MS = 12,
  SWY_DIRECT_CONNECTION_ENDORSEMENT = 24,
};
/* Keys of Candidate. */
enum {
  SWY_CANDIDATE_HOST = 1,
  SWY_CANDIDATE_PORT = 2,
  SWY_CANDIDATE_TYPE = 3,
  SWY_CANDIDATE_PRIORITY = 4,
};
/* Keys of Answer to DirectConnection. */
enum {
  SWY_DIRECT_CONNECTION_ANSWER_REQUEST = 1,
};
/* Keys of Connection. */
enum {
  SWY_CONNECTION_HOST = 1,
  SWY_CONNECTION_PORT = 2,
  SWY_CONNECTION_TYPE = 3,
  SWY_CONNECTION_CONNECTION_ID = 10,
  SWY_CONNECTION_PEER_CVID = 11,
  SWY_CONNECTION_ROLE = 12,
  SWY_CONNECTION_CANDIDATES = 13,
  SWY_CONNECTION_START_AFTER_MS = 14,
  SWY_CONNECTION_NONCE = 15,
  SWY_CONNECTION_PEER_PUBLIC_KEY = 16,
  SWY_CONNECTION_ATTEMPT = 17,
  SWY_CONNECTION_RELAY_STREAM_ID = 18,
  SWY_CONNECTION_RENDEZVOUS = 19,
  SWY_CONNECTION_RELAY_BRANCH_ID = 20,
  SWY_CONNECTION_PEER = 30,
  SWY_CONNECTION_PEER_ENDORSEMENT = 31,
};
/* Keys of RendezvousAddress. */
enum {
  SWY_RENDEZVOUS_ADDRESS_HOST = 1,
  SWY_RENDEZVOUS_ADDRESS_PORT = 2,
};
/* Keys of ConnectionPeer. */
enum {
  SWY_CONNECTION_PEER_NETWORK = 1,
  SWY_CONNECTION_PEER_IDENTITY_UUID = 2,
  SWY_CONNECTION_PEER_ROLES = 3,
  SWY_CONNECTION_PEER_KEY_ID = 4,
  SWY_CONNECTION_PEER_LABELS = 5,
  SWY_CONNECTION_PEER_PORTS = 6,
};
/* Keys of PortRanges. */
enum {
  SWY_PORT_RANGES_RANGES = 1,
};
/* Keys of PortRange. */
enum {
  SWY_PORT_RANGE_FIRST = 1,
  SWY_PORT_RANGE_LAST = 2,
};
/* Keys of StopStream. */
enum {
  SWY_STOP_STREAM_ID = 1,
  SWY_STOP_STREAM_VALIDATE_ONLY = 10,
};
/* Keys of Answer to StopStream. */
enum {
  SWY_STOP_STREAM_ANSWER_RESULT = 1,
  SWY_STOP_STREAM_ANSWER_STOPPED_IDS = 10,
};
/* Keys of Challenge. */
enum {
  SWY_CHALLENGE_NETWORK = 1,
};
/* Keys of Answer to Challenge. */
enum {
  SWY_CHALLENGE_ANSWER_NONCE = 1,
  SWY_CHALLENGE_ANSWER_SERVER_UUID = 2,
  SWY_CHALLENGE_ANSWER_MODE = 3,
  SWY_CHALLENGE_ANSWER_EPOCH = 4,
  SWY_CHALLENGE_ANSWER_SERVER_TIME_MS = 5,
  SWY_CHALLENGE_ANSWER_VALID_FOR_MS = 6,
};
/* Keys of Enroll. */
enum {
  SWY_ENROLL_SECRET = 1,
  SWY_ENROLL_PROOF = 2,
  SWY_ENROLL_NAME = 3,
};
/* Keys of Answer to Enroll. */
enum {
  SWY_ENROLL_ANSWER_IDENTITY_UUID = 1,
  SWY_ENROLL_ANSWER_ROLES = 2,
  SWY_ENROLL_ANSWER_NAME = 3,
  SWY_ENROLL_ANSWER_POSITION = 4,
};
/* Keys of RotateKey. */
enum {
  SWY_ROTATE_KEY_OLD_PROOF = 1,
  SWY_ROTATE_KEY_NEW_PROOF = 2,
};
/* Keys of Answer to RotateKey. */
enum {
  SWY_ROTATE_KEY_ANSWER_KEY_ID = 1,
  SWY_ROTATE_KEY_ANSWER_POSITION = 2,
  SWY_ROTATE_KEY_ANSWER_OVERLAP_MS = 3,
};
/* Keys of Open. */
enum {
  SWY_OPEN_ID = 1,
};
/* Keys of Answer to Open. */
enum {
  SWY_OPEN_ANSWER_STREAM = 1,
};
/* Keys of NetworkDelta. */
enum {
  SWY_NETWORK_DELTA_NODE_ADDED = 1,
  SWY_NETWORK_DELTA_NODE_REMOVED = 2,
  SWY_NETWORK_DELTA_LINK_ADDED = 3,
  SWY_NETWORK_DELTA_LINK_REMOVED = 4,
  SWY_NETWORK_DELTA_KIND = 10,
  SWY_NETWORK_DELTA_POSITION = 11,
  SWY_NETWORK_DELTA_MORE = 12,
};
/* Keys of NodeAdded. */
enum {
  SWY_NODE_ADDED_CVID = 1,
  SWY_NODE_ADDED_PARENT = 2,
  SWY_NODE_ADDED_INSTANCE_UUID = 10,
  SWY_NODE_ADDED_NAME = 11,
  SWY_NODE_ADDED_LABELS = 12,
};
/* Keys of NodeRemoved. */
enum {
  SWY_NODE_REMOVED_CVID = 1,
};
/* Keys of LinkAdded. */
enum {
  SWY_LINK_ADDED_CVID1 = 1,
  SWY_LINK_ADDED_CVID2 = 2,
  SWY_LINK_ADDED_LINK = 3,
};
/* Keys of LinkRemoved. */
enum {
  SWY_LINK_REMOVED_CVID1 = 1,
  SWY_LINK_REMOVED_CVID2 = 2,
  SWY_LINK_REMOVED_LINK = 10,
};
/* Keys of EndpointClosed. */
enum {
  SWY_ENDPOINT_CLOSED_CVID = 1,
  SWY_ENDPOINT_CLOSED_REASON = 10,
  SWY_ENDPOINT_CLOSED_POSITION = 11,
  SWY_ENDPOINT_CLOSED_INSTANCE_UUID = 12,
  SWY_ENDPOINT_CLOSED_NAME = 13,
};
/* Keys of Answer to Connection. */
enum {
  SWY_CONNECTION_ANSWER_CANDIDATES = 1,
  SWY_CONNECTION_ANSWER_PUBLIC_KEY = 2,
  SWY_CONNECTION_ANSWER_ROUND_TRIP_MS = 3,
  SWY_CONNECTION_ANSWER_ENDORSEMENT = 5,
  SWY_CONNECTION_ANSWER_CONNECTED = 10,
  SWY_CONNECTION_ANSWER_TOOK_MS = 11,
};
/* Keys of StreamStopped. */
enum {
  SWY_STREAM_STOPPED_ID = 1,
  SWY_STREAM_STOPPED_REASON = 2,
  SWY_STREAM_STOPPED_BY = 3,
};
enum { SWY_KIND_U8, SWY_KIND_U16, SWY_KIND_U32, SWY_KIND_ID, SWY_KIND_U64, SWY_KIND_BOOL, SWY_KIND_UUID, SWY_KIND_TEXT, SWY_KIND_BYTES, SWY_KIND_STRUCTURE };
enum { SWY_OPTIONAL, SWY_REQUIRED, SWY_REPEATED };
/* Who handles a type of event: a server, a client, or either. */
enum { SWY_C2S = 1, SWY_S2C = 2 };
#define SWY_FIELDS_MAX 16
#define SWY_TYPES 18u
#define SWY_NO_TABLE 255u
#ifdef SWITCHYARD_NAMES
#define SWY_NAMED(name) name,
#else
#define SWY_NAMED(name)
#endif
/* One field of a body. `count_max` 0: as many as there is room for. `table`: of a structure. */
typedef struct {
#ifdef SWITCHYARD_NAMES
  const char *name;
#endif
  uint8_t key, kind, presence, table;
  uint16_t bytes_min, bytes_max, count_max;
} swy_field;
typedef struct {
  const swy_field *fields;
  int count;
} swy_table;
/* A type of event, with the tables of its body and of the data of its Answer. */
typedef struct {
#ifdef SWITCHYARD_NAMES
  const char *name;
#endif
  uint8_t number, category, is_answered, table, answer_table;
} swy_type;
static const swy_field swy_fields_enumerate_transport[] = {
  {SWY_NAMED("code_name") 1, SWY_KIND_TEXT, SWY_OPTIONAL, SWY_NO_TABLE, 0, 32, 1},
  {SWY_NAMED("encrypted") 2, SWY_KIND_BOOL, SWY_OPTIONAL, SWY_NO_TABLE, 1, 1, 1},
};
static const swy_field swy_fields_enumerate_transport_answer[] = {
  {SWY_NAMED("transports") 1, SWY_KIND_STRUCTURE, SWY_REPEATED, 2, 0, 65535, 0},
};
static const swy_field swy_fields_transport[] = {
  {SWY_NAMED("code_name") 1, SWY_KIND_TEXT, SWY_REQUIRED, SWY_NO_TABLE, 0, 32, 1},
  {SWY_NAMED("addresses") 2, SWY_KIND_TEXT, SWY_REPEATED, SWY_NO_TABLE, 0, 65535, 0},
  {SWY_NAMED("max_block_bytes") 3, SWY_KIND_U32, SWY_REQUIRED, SWY_NO_TABLE, 4, 4, 1},
  {SWY_NAMED("encrypted") 4, SWY_KIND_BOOL, SWY_REQUIRED, SWY_NO_TABLE, 1, 1, 1},
};
static const swy_field swy_fields_update_stream_params[] = {
  {SWY_NAMED("id") 1, SWY_KIND_ID, SWY_REQUIRED, SWY_NO_TABLE, 4, 4, 1},
  {SWY_NAMED("params") 2, SWY_KIND_STRUCTURE, SWY_REQUIRED, 4, 0, 65535, 1},
  {SWY_NAMED("clear_labels") 10, SWY_KIND_BOOL, SWY_OPTIONAL, SWY_NO_TABLE, 1, 1, 1},
};
static const swy_field swy_fields_stream_params[] = {
  {SWY_NAMED("name") 1, SWY_KIND_TEXT, SWY_OPTIONAL, SWY_NO_TABLE, 0, 65535, 1},
  {SWY_NAMED("timeout_ms") 2, SWY_KIND_U32, SWY_OPTIONAL, SWY_NO_TABLE, 4, 4, 1},
  {SWY_NAMED("max_block_bytes") 3, SWY_KIND_U32, SWY_OPTIONAL, SWY_NO_TABLE, 4, 4, 1},
  {SWY_NAMED("compression") 4, SWY_KIND_U8, SWY_OPTIONAL, SWY_NO_TABLE, 1, 1, 1},
  {SWY_NAMED("delivery_confirmation") 5, SWY_KIND_BOOL, SWY_OPTIONAL, SWY_NO_TABLE, 1, 1, 1},
  {SWY_NAMED("labels") 6, SWY_KIND_STRUCTURE, SWY_REPEATED, 5, 0, 65535, 0},
};
static const swy_field swy_fields_label[] = {
  {SWY_NAMED("key") 1, SWY_KIND_TEXT, SWY_REQUIRED, SWY_NO_TABLE, 0, 65535, 1},
  {SWY_NAMED("value") 2, SWY_KIND_TEXT, SWY_REQUIRED, SWY_NO_TABLE, 0, 65535, 1},
};
static const swy_field swy_fields_update_stream_params_answer[] = {
  {SWY_NAMED("stream") 1, SWY_KIND_STRUCTURE, SWY_REQUIRED, 7, 0, 65535, 1},
};
static const swy_field swy_fields_stream[] = {
  {SWY_NAMED("id") 1, SWY_KIND_ID, SWY_REQUIRED, SWY_NO_TABLE, 4, 4, 1},
  {SWY_NAMED("owner_cvid") 2, SWY_KIND_ID, SWY_REQUIRED, SWY_NO_TABLE, 4, 4, 1},
  {SWY_NAMED("source_cvid") 3, SWY_KIND_ID, SWY_REQUIRED, SWY_NO_TABLE, 4, 4, 1},
  {SWY_NAMED("sinks") 4, SWY_KIND_STRUCTURE, SWY_REPEATED, 8, 0, 65535, 0},
  {SWY_NAMED("params") 5, SWY_KIND_STRUCTURE, SWY_REQUIRED, 4, 0, 65535, 1},
  {SWY_NAMED("position") 6, SWY_KIND_STRUCTURE, SWY_REQUIRED, 9, 0, 65535, 1},
};
static const swy_field swy_fields_stream_sink[] = {
  {SWY_NAMED("cvid") 1, SWY_KIND_ID, SWY_REQUIRED, SWY_NO_TABLE, 4, 4, 1},
  {SWY_NAMED("id") 2, SWY_KIND_ID, SWY_REQUIRED, SWY_NO_TABLE, 4, 4, 1},
};
static const swy_field swy_fields_position[] = {
  {SWY_NAMED("epoch") 1, SWY_KIND_TEXT, SWY_REQUIRED, SWY_NO_TABLE, 0, 32, 1},
  {SWY_NAMED("revision") 2, SWY_KIND_U64, SWY_REQUIRED, SWY_NO_TABLE, 8, 8, 1},
};
static const swy_field swy_fields_create_stream[] = {
  {SWY_NAMED("params") 1, SWY_KIND_STRUCTURE, SWY_OPTIONAL, 4, 0, 65535, 1},
  {SWY_NAMED("sink_cvids") 2, SWY_KIND_ID, SWY_REPEATED, SWY_NO_TABLE, 4, 4, 0},
};
static const swy_field swy_fields_create_stream_answer[] = {
  {SWY_NAMED("stream") 1, SWY_KIND_STRUCTURE, SWY_REQUIRED, 7, 0, 65535, 1},
};
static const swy_field swy_fields_terminate_stream[] = {
  {SWY_NAMED("id") 1, SWY_KIND_ID, SWY_REQUIRED, SWY_NO_TABLE, 4, 4, 1},
};
static const swy_field swy_fields_terminate_stream_answer[] = {
  {SWY_NAMED("position") 1, SWY_KIND_STRUCTURE, SWY_REQUIRED, 9, 0, 65535, 1},
};
static const swy_field swy_fields_terminate_session[] = {
  {SWY_NAMED("cvid") 1, SWY_KIND_ID, SWY_OPTIONAL, SWY_NO_TABLE, 4, 4, 1},
  {SWY_NAMED("reason") 10, SWY_KIND_TEXT, SWY_OPTIONAL, SWY_NO_TABLE, 0, 1024, 1},
};
static const swy_field swy_fields_terminate_session_answer[] = {
  {SWY_NAMED("position") 1, SWY_KIND_STRUCTURE, SWY_OPTIONAL, 9, 0, 65535, 1},
};
static const swy_field swy_fields_answer[] = {
  {SWY_NAMED("code") 1, SWY_KIND_U16, SWY_REQUIRED, SWY_NO_TABLE, 2, 2, 1},
  {SWY_NAMED("description") 2, SWY_KIND_TEXT, SWY_OPTIONAL, SWY_NO_TABLE, 0, 65535, 1},
  {SWY_NAMED("data") 3, SWY_KIND_BYTES, SWY_OPTIONAL, SWY_NO_TABLE, 0, 65535, 1},
  {SWY_NAMED("violations") 4, SWY_KIND_STRUCTURE, SWY_REPEATED, 17, 0, 65535, 0},
  {SWY_NAMED("retry_after_ms") 5, SWY_KIND_U32, SWY_OPTIONAL, SWY_NO_TABLE, 4, 4, 1},
  {SWY_NAMED("offset") 6, SWY_KIND_U32, SWY_OPTIONAL, SWY_NO_TABLE, 4, 4, 1},
  {SWY_NAMED("facts") 7, SWY_KIND_STRUCTURE, SWY_REPEATED, 5, 0, 65535, 0},
};
static const swy_field swy_fields_violation[] = {
  {SWY_NAMED("field") 1, SWY_KIND_TEXT, SWY_REQUIRED, SWY_NO_TABLE, 0, 65535, 1},
  {SWY_NAMED("description") 2, SWY_KIND_TEXT, SWY_REQUIRED, SWY_NO_TABLE, 0, 65535, 1},
};
static const swy_field swy_fields_session[] = {
  {SWY_NAMED("instance_uuid") 1, SWY_KIND_UUID, SWY_REQUIRED, SWY_NO_TABLE, 16, 16, 1},
  {SWY_NAMED("instance_type") 2, SWY_KIND_U8, SWY_REQUIRED, SWY_NO_TABLE, 1, 1, 1},
  {SWY_NAMED("instance_flavor") 3, SWY_KIND_U8, SWY_OPTIONAL, SWY_NO_TABLE, 1, 1, 1},
  {SWY_NAMED("ttl_ms") 10, SWY_KIND_U32, SWY_OPTIONAL, SWY_NO_TABLE, 4, 4, 1},
  {SWY_NAMED("name") 11, SWY_KIND_TEXT, SWY_OPTIONAL, SWY_NO_TABLE, 0, 65535, 1},
  {SWY_NAMED("labels") 12, SWY_KIND_STRUCTURE, SWY_REPEATED, 5, 0, 65535, 0},
  {SWY_NAMED("watch") 20, SWY_KIND_STRUCTURE, SWY_OPTIONAL, 19, 0, 65535, 1},
  {SWY_NAMED("network") 21, SWY_KIND_TEXT, SWY_OPTIONAL, SWY_NO_TABLE, 0, 32, 1},
  {SWY_NAMED("proof") 23, SWY_KIND_STRUCTURE, SWY_OPTIONAL, 20, 0, 65535, 1},
};
static const swy_field swy_fields_watch[] = {
  {SWY_NAMED("deltas") 1, SWY_KIND_BOOL, SWY_OPTIONAL, SWY_NO_TABLE, 1, 1, 1},
  {SWY_NAMED("endpoints_closed") 2, SWY_KIND_BOOL, SWY_OPTIONAL, SWY_NO_TABLE, 1, 1, 1},
  {SWY_NAMED("after") 3, SWY_KIND_STRUCTURE, SWY_OPTIONAL, 9, 0, 65535, 1},
  {SWY_NAMED("coalesce") 4, SWY_KIND_BOOL, SWY_OPTIONAL, SWY_NO_TABLE, 1, 1, 1},
  {SWY_NAMED("cvids") 5, SWY_KIND_ID, SWY_REPEATED, SWY_NO_TABLE, 4, 4, 1024},
};
static const swy_field swy_fields_proof[] = {
  {SWY_NAMED("purpose") 1, SWY_KIND_U8, SWY_REQUIRED, SWY_NO_TABLE, 1, 1, 1},
  {SWY_NAMED("nonce") 2, SWY_KIND_BYTES, SWY_REQUIRED, SWY_NO_TABLE, 40, 40, 1},
  {SWY_NAMED("public_key") 3, SWY_KIND_BYTES, SWY_REQUIRED, SWY_NO_TABLE, 44, 91, 1},
  {SWY_NAMED("signature") 4, SWY_KIND_BYTES, SWY_REQUIRED, SWY_NO_TABLE, 1, 72, 1},
  {SWY_NAMED("binding_kind") 5, SWY_KIND_U8, SWY_OPTIONAL, SWY_NO_TABLE, 1, 1, 1},
  {SWY_NAMED("binding") 6, SWY_KIND_BYTES, SWY_OPTIONAL, SWY_NO_TABLE, 32, 32, 1},
  {SWY_NAMED("identity_uuid") 7, SWY_KIND_UUID, SWY_OPTIONAL, SWY_NO_TABLE, 16, 16, 1},
};
static const swy_field swy_fields_session_answer[] = {
  {SWY_NAMED("instance_sid") 1, SWY_KIND_ID, SWY_REQUIRED, SWY_NO_TABLE, 4, 4, 1},
  {SWY_NAMED("server_sid") 2, SWY_KIND_ID, SWY_REQUIRED, SWY_NO_TABLE, 4, 4, 1},
  {SWY_NAMED("server_uuid") 3, SWY_KIND_UUID, SWY_REQUIRED, SWY_NO_TABLE, 16, 16, 1},
  {SWY_NAMED("session_token") 10, SWY_KIND_TEXT, SWY_REQUIRED, SWY_NO_TABLE, 0, 255, 1},
  {SWY_NAMED("ttl_ms") 11, SWY_KIND_U32, SWY_REQUIRED, SWY_NO_TABLE, 4, 4, 1},
  {SWY_NAMED("stream_id") 12, SWY_KIND_ID, SWY_REQUIRED, SWY_NO_TABLE, 4, 4, 1},
  {SWY_NAMED("position") 13, SWY_KIND_STRUCTURE, SWY_REQUIRED, 9, 0, 65535, 1},
  {SWY_NAMED("identity") 20, SWY_KIND_STRUCTURE, SWY_OPTIONAL, 22, 0, 65535, 1},
};
static const swy_field swy_fields_principal[] = {
  {SWY_NAMED("network") 1, SWY_KIND_TEXT, SWY_REQUIRED, SWY_NO_TABLE, 0, 32, 1},
  {SWY_NAMED("identity_uuid") 2, SWY_KIND_UUID, SWY_REQUIRED, SWY_NO_TABLE, 16, 16, 1},
  {SWY_NAMED("kind") 3, SWY_KIND_U8, SWY_REQUIRED, SWY_NO_TABLE, 1, 1, 1},
  {SWY_NAMED("key_id") 4, SWY_KIND_TEXT, SWY_REQUIRED, SWY_NO_TABLE, 0, 64, 1},
};
static const swy_field swy_fields_keep_alive[] = {
  {SWY_NAMED("session_token") 10, SWY_KIND_TEXT, SWY_OPTIONAL, SWY_NO_TABLE, 0, 255, 1},
  {SWY_NAMED("watch") 20, SWY_KIND_STRUCTURE, SWY_OPTIONAL, 19, 0, 65535, 1},
  {SWY_NAMED("proof") 23, SWY_KIND_STRUCTURE, SWY_OPTIONAL, 20, 0, 65535, 1},
};
static const swy_field swy_fields_keep_alive_answer[] = {
  {SWY_NAMED("ttl_ms") 1, SWY_KIND_U32, SWY_REQUIRED, SWY_NO_TABLE, 4, 4, 1},
  {SWY_NAMED("position") 2, SWY_KIND_STRUCTURE, SWY_REQUIRED, 9, 0, 65535, 1},
};
static const swy_field swy_fields_direct_connection[] = {
  {SWY_NAMED("cvid") 1, SWY_KIND_ID, SWY_REQUIRED, SWY_NO_TABLE, 4, 4, 1},
  {SWY_NAMED("type") 2, SWY_KIND_U8, SWY_OPTIONAL, SWY_NO_TABLE, 1, 1, 1},
  {SWY_NAMED("port") 3, SWY_KIND_U16, SWY_OPTIONAL, SWY_NO_TABLE, 2, 2, 1},
  {SWY_NAMED("candidates") 10, SWY_KIND_STRUCTURE, SWY_REPEATED, 26, 0, 65535, 16},
  {SWY_NAMED("public_key") 11, SWY_KIND_BYTES, SWY_OPTIONAL, SWY_NO_TABLE, 0, 512, 1},
  {SWY_NAMED("round_trip_ms") 12, SWY_KIND_U32, SWY_OPTIONAL, SWY_NO_TABLE, 4, 4, 1},
  {SWY_NAMED("endorsement") 24, SWY_KIND_BYTES, SWY_OPTIONAL, SWY_NO_TABLE, 0, 256, 1},
};
static const swy_field swy_fields_candidate[] = {
  {SWY_NAMED("host") 1, SWY_KIND_TEXT, SWY_REQUIRED, SWY_NO_TABLE, 0, 45, 1},
  {SWY_NAMED("port") 2, SWY_KIND_U16, SWY_REQUIRED, SWY_NO_TABLE, 2, 2, 1},
  {SWY_NAMED("type") 3, SWY_KIND_U8, SWY_REQUIRED, SWY_NO_TABLE, 1, 1, 1},
  {SWY_NAMED("priority") 4, SWY_KIND_U32, SWY_OPTIONAL, SWY_NO_TABLE, 4, 4, 1},
};
static const swy_field swy_fields_direct_connection_answer[] = {
  {SWY_NAMED("request") 1, SWY_KIND_STRUCTURE, SWY_REQUIRED, 28, 0, 65535, 1},
};
static const swy_field swy_fields_connection[] = {
  {SWY_NAMED("host") 1, SWY_KIND_TEXT, SWY_OPTIONAL, SWY_NO_TABLE, 0, 45, 1},
  {SWY_NAMED("port") 2, SWY_KIND_U16, SWY_OPTIONAL, SWY_NO_TABLE, 2, 2, 1},
  {SWY_NAMED("type") 3, SWY_KIND_U8, SWY_OPTIONAL, SWY_NO_TABLE, 1, 1, 1},
  {SWY_NAMED("connection_id") 10, SWY_KIND_TEXT, SWY_REQUIRED, SWY_NO_TABLE, 0, 64, 1},
  {SWY_NAMED("peer_cvid") 11, SWY_KIND_ID, SWY_REQUIRED, SWY_NO_TABLE, 4, 4, 1},
  {SWY_NAMED("role") 12, SWY_KIND_U8, SWY_REQUIRED, SWY_NO_TABLE, 1, 1, 1},
  {SWY_NAMED("candidates") 13, SWY_KIND_STRUCTURE, SWY_REPEATED, 26, 0, 65535, 32},
  {SWY_NAMED("start_after_ms") 14, SWY_KIND_U32, SWY_OPTIONAL, SWY_NO_TABLE, 4, 4, 1},
  {SWY_NAMED("nonce") 15, SWY_KIND_BYTES, SWY_OPTIONAL, SWY_NO_TABLE, 16, 16, 1},
  {SWY_NAMED("peer_public_key") 16, SWY_KIND_BYTES, SWY_OPTIONAL, SWY_NO_TABLE, 0, 512, 1},
  {SWY_NAMED("attempt") 17, SWY_KIND_U8, SWY_OPTIONAL, SWY_NO_TABLE, 1, 1, 1},
  {SWY_NAMED("relay_stream_id") 18, SWY_KIND_ID, SWY_OPTIONAL, SWY_NO_TABLE, 4, 4, 1},
  {SWY_NAMED("rendezvous") 19, SWY_KIND_STRUCTURE, SWY_REPEATED, 29, 0, 65535, 8},
  {SWY_NAMED("relay_branch_id") 20, SWY_KIND_ID, SWY_OPTIONAL, SWY_NO_TABLE, 4, 4, 1},
  {SWY_NAMED("peer") 30, SWY_KIND_STRUCTURE, SWY_OPTIONAL, 30, 0, 65535, 1},
  {SWY_NAMED("peer_endorsement") 31, SWY_KIND_BYTES, SWY_OPTIONAL, SWY_NO_TABLE, 0, 256, 1},
};
static const swy_field swy_fields_rendezvous_address[] = {
  {SWY_NAMED("host") 1, SWY_KIND_TEXT, SWY_OPTIONAL, SWY_NO_TABLE, 0, 255, 1},
  {SWY_NAMED("port") 2, SWY_KIND_U16, SWY_REQUIRED, SWY_NO_TABLE, 2, 2, 1},
};
static const swy_field swy_fields_connection_peer[] = {
  {SWY_NAMED("network") 1, SWY_KIND_TEXT, SWY_REQUIRED, SWY_NO_TABLE, 0, 32, 1},
  {SWY_NAMED("identity_uuid") 2, SWY_KIND_UUID, SWY_REQUIRED, SWY_NO_TABLE, 16, 16, 1},
  {SWY_NAMED("roles") 3, SWY_KIND_TEXT, SWY_REPEATED, SWY_NO_TABLE, 0, 32, 8},
  {SWY_NAMED("key_id") 4, SWY_KIND_TEXT, SWY_REQUIRED, SWY_NO_TABLE, 0, 64, 1},
  {SWY_NAMED("labels") 5, SWY_KIND_STRUCTURE, SWY_REPEATED, 5, 0, 65535, 16},
  {SWY_NAMED("ports") 6, SWY_KIND_STRUCTURE, SWY_OPTIONAL, 31, 0, 65535, 1},
};
static const swy_field swy_fields_port_ranges[] = {
  {SWY_NAMED("ranges") 1, SWY_KIND_STRUCTURE, SWY_REPEATED, 32, 0, 65535, 1024},
};
static const swy_field swy_fields_port_range[] = {
  {SWY_NAMED("first") 1, SWY_KIND_U16, SWY_REQUIRED, SWY_NO_TABLE, 2, 2, 1},
  {SWY_NAMED("last") 2, SWY_KIND_U16, SWY_REQUIRED, SWY_NO_TABLE, 2, 2, 1},
};
static const swy_field swy_fields_stop_stream[] = {
  {SWY_NAMED("id") 1, SWY_KIND_ID, SWY_REQUIRED, SWY_NO_TABLE, 4, 4, 1},
  {SWY_NAMED("validate_only") 10, SWY_KIND_BOOL, SWY_OPTIONAL, SWY_NO_TABLE, 1, 1, 1},
};
static const swy_field swy_fields_stop_stream_answer[] = {
  {SWY_NAMED("result") 1, SWY_KIND_U8, SWY_REQUIRED, SWY_NO_TABLE, 1, 1, 1},
  {SWY_NAMED("stopped_ids") 10, SWY_KIND_ID, SWY_REPEATED, SWY_NO_TABLE, 4, 4, 0},
};
static const swy_field swy_fields_challenge[] = {
  {SWY_NAMED("network") 1, SWY_KIND_TEXT, SWY_OPTIONAL, SWY_NO_TABLE, 0, 32, 1},
};
static const swy_field swy_fields_challenge_answer[] = {
  {SWY_NAMED("nonce") 1, SWY_KIND_BYTES, SWY_REQUIRED, SWY_NO_TABLE, 40, 40, 1},
  {SWY_NAMED("server_uuid") 2, SWY_KIND_UUID, SWY_REQUIRED, SWY_NO_TABLE, 16, 16, 1},
  {SWY_NAMED("mode") 3, SWY_KIND_U8, SWY_REQUIRED, SWY_NO_TABLE, 1, 1, 1},
  {SWY_NAMED("epoch") 4, SWY_KIND_TEXT, SWY_REQUIRED, SWY_NO_TABLE, 0, 32, 1},
  {SWY_NAMED("server_time_ms") 5, SWY_KIND_U64, SWY_REQUIRED, SWY_NO_TABLE, 8, 8, 1},
  {SWY_NAMED("valid_for_ms") 6, SWY_KIND_U32, SWY_REQUIRED, SWY_NO_TABLE, 4, 4, 1},
};
static const swy_field swy_fields_enroll[] = {
  {SWY_NAMED("secret") 1, SWY_KIND_BYTES, SWY_REQUIRED, SWY_NO_TABLE, 32, 32, 1},
  {SWY_NAMED("proof") 2, SWY_KIND_STRUCTURE, SWY_REQUIRED, 20, 0, 65535, 1},
  {SWY_NAMED("name") 3, SWY_KIND_TEXT, SWY_OPTIONAL, SWY_NO_TABLE, 0, 63, 1},
};
static const swy_field swy_fields_enroll_answer[] = {
  {SWY_NAMED("identity_uuid") 1, SWY_KIND_UUID, SWY_REQUIRED, SWY_NO_TABLE, 16, 16, 1},
  {SWY_NAMED("roles") 2, SWY_KIND_TEXT, SWY_REPEATED, SWY_NO_TABLE, 0, 32, 8},
  {SWY_NAMED("name") 3, SWY_KIND_TEXT, SWY_OPTIONAL, SWY_NO_TABLE, 0, 63, 1},
  {SWY_NAMED("position") 4, SWY_KIND_STRUCTURE, SWY_REQUIRED, 9, 0, 65535, 1},
};
static const swy_field swy_fields_rotate_key[] = {
  {SWY_NAMED("old_proof") 1, SWY_KIND_STRUCTURE, SWY_REQUIRED, 20, 0, 65535, 1},
  {SWY_NAMED("new_proof") 2, SWY_KIND_STRUCTURE, SWY_REQUIRED, 20, 0, 65535, 1},
};
static const swy_field swy_fields_rotate_key_answer[] = {
  {SWY_NAMED("key_id") 1, SWY_KIND_TEXT, SWY_REQUIRED, SWY_NO_TABLE, 0, 64, 1},
  {SWY_NAMED("position") 2, SWY_KIND_STRUCTURE, SWY_REQUIRED, 9, 0, 65535, 1},
  {SWY_NAMED("overlap_ms") 3, SWY_KIND_U32, SWY_REQUIRED, SWY_NO_TABLE, 4, 4, 1},
};
static const swy_field swy_fields_open[] = {
  {SWY_NAMED("id") 1, SWY_KIND_ID, SWY_OPTIONAL, SWY_NO_TABLE, 4, 4, 1},
};
static const swy_field swy_fields_open_answer[] = {
  {SWY_NAMED("stream") 1, SWY_KIND_STRUCTURE, SWY_OPTIONAL, 7, 0, 65535, 1},
};
static const swy_field swy_fields_network_delta[] = {
  {SWY_NAMED("node_added") 1, SWY_KIND_STRUCTURE, SWY_REPEATED, 44, 0, 65535, 0},
  {SWY_NAMED("node_removed") 2, SWY_KIND_STRUCTURE, SWY_REPEATED, 45, 0, 65535, 0},
  {SWY_NAMED("link_added") 3, SWY_KIND_STRUCTURE, SWY_REPEATED, 46, 0, 65535, 0},
  {SWY_NAMED("link_removed") 4, SWY_KIND_STRUCTURE, SWY_REPEATED, 47, 0, 65535, 0},
  {SWY_NAMED("kind") 10, SWY_KIND_U8, SWY_REQUIRED, SWY_NO_TABLE, 1, 1, 1},
  {SWY_NAMED("position") 11, SWY_KIND_STRUCTURE, SWY_REQUIRED, 9, 0, 65535, 1},
  {SWY_NAMED("more") 12, SWY_KIND_BOOL, SWY_OPTIONAL, SWY_NO_TABLE, 1, 1, 1},
};
static const swy_field swy_fields_node_added[] = {
  {SWY_NAMED("cvid") 1, SWY_KIND_ID, SWY_REQUIRED, SWY_NO_TABLE, 4, 4, 1},
  {SWY_NAMED("parent") 2, SWY_KIND_ID, SWY_OPTIONAL, SWY_NO_TABLE, 4, 4, 1},
  {SWY_NAMED("instance_uuid") 10, SWY_KIND_UUID, SWY_OPTIONAL, SWY_NO_TABLE, 16, 16, 1},
  {SWY_NAMED("name") 11, SWY_KIND_TEXT, SWY_OPTIONAL, SWY_NO_TABLE, 0, 65535, 1},
  {SWY_NAMED("labels") 12, SWY_KIND_STRUCTURE, SWY_REPEATED, 5, 0, 65535, 0},
};
static const swy_field swy_fields_node_removed[] = {
  {SWY_NAMED("cvid") 1, SWY_KIND_ID, SWY_REQUIRED, SWY_NO_TABLE, 4, 4, 1},
};
static const swy_field swy_fields_link_added[] = {
  {SWY_NAMED("cvid1") 1, SWY_KIND_ID, SWY_REQUIRED, SWY_NO_TABLE, 4, 4, 1},
  {SWY_NAMED("cvid2") 2, SWY_KIND_ID, SWY_REQUIRED, SWY_NO_TABLE, 4, 4, 1},
  {SWY_NAMED("link") 3, SWY_KIND_U8, SWY_OPTIONAL, SWY_NO_TABLE, 1, 1, 1},
};
static const swy_field swy_fields_link_removed[] = {
  {SWY_NAMED("cvid1") 1, SWY_KIND_ID, SWY_REQUIRED, SWY_NO_TABLE, 4, 4, 1},
  {SWY_NAMED("cvid2") 2, SWY_KIND_ID, SWY_REQUIRED, SWY_NO_TABLE, 4, 4, 1},
  {SWY_NAMED("link") 10, SWY_KIND_U8, SWY_OPTIONAL, SWY_NO_TABLE, 1, 1, 1},
};
static const swy_field swy_fields_endpoint_closed[] = {
  {SWY_NAMED("cvid") 1, SWY_KIND_ID, SWY_REQUIRED, SWY_NO_TABLE, 4, 4, 1},
  {SWY_NAMED("reason") 10, SWY_KIND_U8, SWY_OPTIONAL, SWY_NO_TABLE, 1, 1, 1},
  {SWY_NAMED("position") 11, SWY_KIND_STRUCTURE, SWY_REQUIRED, 9, 0, 65535, 1},
  {SWY_NAMED("instance_uuid") 12, SWY_KIND_UUID, SWY_OPTIONAL, SWY_NO_TABLE, 16, 16, 1},
  {SWY_NAMED("name") 13, SWY_KIND_TEXT, SWY_OPTIONAL, SWY_NO_TABLE, 0, 65535, 1},
};
static const swy_field swy_fields_connection_answer[] = {
  {SWY_NAMED("candidates") 1, SWY_KIND_STRUCTURE, SWY_REPEATED, 26, 0, 65535, 16},
  {SWY_NAMED("public_key") 2, SWY_KIND_BYTES, SWY_OPTIONAL, SWY_NO_TABLE, 0, 512, 1},
  {SWY_NAMED("round_trip_ms") 3, SWY_KIND_U32, SWY_OPTIONAL, SWY_NO_TABLE, 4, 4, 1},
  {SWY_NAMED("endorsement") 5, SWY_KIND_BYTES, SWY_OPTIONAL, SWY_NO_TABLE, 0, 256, 1},
  {SWY_NAMED("connected") 10, SWY_KIND_BOOL, SWY_OPTIONAL, SWY_NO_TABLE, 1, 1, 1},
  {SWY_NAMED("took_ms") 11, SWY_KIND_U32, SWY_OPTIONAL, SWY_NO_TABLE, 4, 4, 1},
};
static const swy_field swy_fields_stream_stopped[] = {
  {SWY_NAMED("id") 1, SWY_KIND_ID, SWY_REQUIRED, SWY_NO_TABLE, 4, 4, 1},
  {SWY_NAMED("reason") 2, SWY_KIND_U8, SWY_OPTIONAL, SWY_NO_TABLE, 1, 1, 1},
  {SWY_NAMED("by") 3, SWY_KIND_ID, SWY_OPTIONAL, SWY_NO_TABLE, 4, 4, 1},
};
static const swy_table swy_tables[] = {
  {swy_fields_enumerate_transport, 2},
  {swy_fields_enumerate_transport_answer, 1},
  {swy_fields_transport, 4},
  {swy_fields_update_stream_params, 3},
  {swy_fields_stream_params, 6},
  {swy_fields_label, 2},
  {swy_fields_update_stream_params_answer, 1},
  {swy_fields_stream, 6},
  {swy_fields_stream_sink, 2},
  {swy_fields_position, 2},
  {swy_fields_create_stream, 2},
  {swy_fields_create_stream_answer, 1},
  {swy_fields_terminate_stream, 1},
  {swy_fields_terminate_stream_answer, 1},
  {swy_fields_terminate_session, 2},
  {swy_fields_terminate_session_answer, 1},
  {swy_fields_answer, 7},
  {swy_fields_violation, 2},
  {swy_fields_session, 9},
  {swy_fields_watch, 5},
  {swy_fields_proof, 7},
  {swy_fields_session_answer, 8},
  {swy_fields_principal, 4},
  {swy_fields_keep_alive, 3},
  {swy_fields_keep_alive_answer, 2},
  {swy_fields_direct_connection, 7},
  {swy_fields_candidate, 4},
  {swy_fields_direct_connection_answer, 1},
  {swy_fields_connection, 16},
  {swy_fields_rendezvous_address, 2},
  {swy_fields_connection_peer, 6},
  {swy_fields_port_ranges, 1},
  {swy_fields_port_range, 2},
  {swy_fields_stop_stream, 2},
  {swy_fields_stop_stream_answer, 2},
  {swy_fields_challenge, 1},
  {swy_fields_challenge_answer, 6},
  {swy_fields_enroll, 3},
  {swy_fields_enroll_answer, 4},
  {swy_fields_rotate_key, 2},
  {swy_fields_rotate_key_answer, 3},
  {swy_fields_open, 1},
  {swy_fields_open_answer, 1},
  {swy_fields_network_delta, 7},
  {swy_fields_node_added, 5},
  {swy_fields_node_removed, 1},
  {swy_fields_link_added, 3},
  {swy_fields_link_removed, 3},
  {swy_fields_endpoint_closed, 5},
  {swy_fields_connection_answer, 6},
  {swy_fields_stream_stopped, 3},
};
static inline const swy_table *swy_table_at(uint8_t index) { return &swy_tables[index]; }
static const swy_type swy_types[] = {
  {SWY_NAMED("EnumerateTransport") 1, SWY_C2S, 1, 0, 1},
  {SWY_NAMED("UpdateStreamParams") 2, SWY_C2S, 1, 3, 6},
  {SWY_NAMED("CreateStream") 3, SWY_C2S, 1, 10, 11},
  {SWY_NAMED("TerminateStream") 4, SWY_C2S, 1, 12, 13},
  {SWY_NAMED("TerminateSession") 5, SWY_C2S | SWY_S2C, 1, 14, 15},
  {SWY_NAMED("Answer") 6, SWY_C2S | SWY_S2C, 0, 16, SWY_NO_TABLE},
  {SWY_NAMED("Session") 16, SWY_C2S, 1, 18, 21},
  {SWY_NAMED("KeepAlive") 17, SWY_C2S, 1, 23, 24},
  {SWY_NAMED("DirectConnection") 18, SWY_C2S, 1, 25, 27},
  {SWY_NAMED("StopStream") 19, SWY_C2S, 1, 33, 34},
  {SWY_NAMED("Challenge") 20, SWY_C2S, 1, 35, 36},
  {SWY_NAMED("Enroll") 21, SWY_C2S, 1, 37, 38},
  {SWY_NAMED("RotateKey") 22, SWY_C2S, 1, 39, 40},
  {SWY_NAMED("Open") 24, SWY_C2S, 1, 41, 42},
  {SWY_NAMED("NetworkDelta") 32, SWY_S2C, 0, 43, SWY_NO_TABLE},
  {SWY_NAMED("EndpointClosed") 33, SWY_S2C, 0, 48, SWY_NO_TABLE},
  {SWY_NAMED("Connection") 34, SWY_S2C, 1, 28, 49},
  {SWY_NAMED("StreamStopped") 35, SWY_S2C, 0, 50, SWY_NO_TABLE},
};
/* end tables */

/* The bits of a packet's flags. All others are 0. */
#define SWY_FLAG_EVENT 0x01u
#define SWY_FLAG_PACKET_ID 0x02u
#define SWY_FLAG_COMPRESSED 0x04u
#define SWY_FLAG_NOISE 0x08u
/* A packet's header at most, and the length before it on transports that are a stream of bytes. */
#define SWY_PACKET_HEADER_BYTES 9
#define SWY_FRAME_HEADER_BYTES 4
#define SWY_CELL_HEADER_BYTES 3
/* Stream ids and SIDs. */
#define SWY_ID_MAX 0x7fffffffu
/* 2^53 - 1: a revision is exact in every language's numbers. */
#define SWY_U64_MAX 0x1fffffffffffffu

/* A view of bytes that somebody else owns. */
typedef struct {
  const uint8_t *at;
  size_t length;
} swy_bytes;

/* What is wrong with bytes, and where: an offset from the event's first byte, or from the packet's. `reason` 0: nothing. */
typedef struct {
  uint16_t reason;
  size_t offset;
} swy_mistake;

static inline swy_mistake swy_mistake_at(uint16_t reason, size_t offset) {
  swy_mistake mistake = {reason, offset};
  return mistake;
}

static inline swy_mistake swy_no_mistake(void) { return swy_mistake_at(0, 0); }

/* ---- Numbers -------------------------------------------------------------------------------------------------------------- */

static inline uint16_t swy_u16_at(const uint8_t *at) { return (uint16_t)((at[0] << 8) | at[1]); }

static inline uint32_t swy_u32_at(const uint8_t *at) {
  return ((uint32_t)at[0] << 24) | ((uint32_t)at[1] << 16) | ((uint32_t)at[2] << 8) | at[3];
}

static inline uint64_t swy_u64_at(const uint8_t *at) { return ((uint64_t)swy_u32_at(at) << 32) | swy_u32_at(at + 4); }

/* ---- Reading: frames and packets ------------------------------------------------------------------------------------------ */

/*
 * Takes one packet off the front of what has been received. 1: `packet` is there, and `input` begins after it. 0: more bytes are
 * needed; keep `input` and append to it, at most SWY_FRAME_HEADER_BYTES + `bytes_max`. -1: the frame is larger than `bytes_max`, and
 * the connection is of no use any more (SWY_REASON_TOO_LARGE).
 */
static inline int swy_take_frame(swy_bytes *input, size_t bytes_max, swy_bytes *packet) {
  if (input->length < SWY_FRAME_HEADER_BYTES) return 0;
  const uint32_t length = swy_u32_at(input->at);
  if (length > bytes_max) return -1;
  if (input->length - SWY_FRAME_HEADER_BYTES < length) return 0;
  packet->at = input->at + SWY_FRAME_HEADER_BYTES;
  packet->length = length;
  input->at += SWY_FRAME_HEADER_BYTES + length;
  input->length -= SWY_FRAME_HEADER_BYTES + length;
  return 1;
}

/* A packet: an event where SWY_FLAG_EVENT is set, else a block of a stream's data. One with SWY_FLAG_NOISE is to be dropped. */
typedef struct {
  uint32_t stream_id;
  uint8_t flags;
  /* Only with SWY_FLAG_PACKET_ID; otherwise 0. */
  uint32_t packet_id;
  swy_bytes body;
} swy_packet;

/* Reads a packet that fills the bytes. */
static inline swy_mistake swy_read_packet(swy_bytes bytes, swy_packet *packet) {
  if (bytes.length < 4) return swy_mistake_at(SWY_REASON_EVENT_TRUNCATED, 0);
  packet->stream_id = swy_u32_at(bytes.at);
  if (packet->stream_id > SWY_ID_MAX) return swy_mistake_at(SWY_REASON_FIELD_INVALID, 0);
  if (bytes.length < 5) return swy_mistake_at(SWY_REASON_EVENT_TRUNCATED, 4);
  packet->flags = bytes.at[4];
  const uint8_t judged = packet->flags & (SWY_FLAG_EVENT | SWY_FLAG_COMPRESSED | SWY_FLAG_NOISE);
  if ((packet->flags & 0xf0u) != 0 || judged == (SWY_FLAG_EVENT | SWY_FLAG_COMPRESSED))
    return swy_mistake_at(SWY_REASON_PACKET_FLAGS_INVALID, 4);
  const bool has_id = (packet->flags & SWY_FLAG_PACKET_ID) != 0;
  if (has_id && bytes.length < SWY_PACKET_HEADER_BYTES) return swy_mistake_at(SWY_REASON_EVENT_TRUNCATED, 5);
  packet->packet_id = has_id ? swy_u32_at(bytes.at + 5) : 0;
  const size_t header = has_id ? SWY_PACKET_HEADER_BYTES : 5;
  packet->body.at = bytes.at + header;
  packet->body.length = bytes.length - header;
  return swy_no_mistake();
}

/* ---- Reading: events ------------------------------------------------------------------------------------------------------ */

/* Whether bytes are UTF-8 as RFC 3629 has it: shortest form, no surrogates, nothing past U+10FFFF. */
static inline bool swy_is_utf8(swy_bytes text) {
  size_t i = 0;
  while (i < text.length) {
    const uint8_t lead = text.at[i++];
    if (lead < 0x80) continue;
    if (lead < 0xc2 || lead > 0xf4) return false;
    const int more = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    if (text.length - i < (size_t)more) return false;
    const uint8_t second = text.at[i];
    const uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    const uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (second < low || second > high) return false;
    for (int k = 1; k < more; k++)
      if ((text.at[i + (size_t)k] & 0xc0) != 0x80) return false;
    i += (size_t)more;
  }
  return true;
}

/* Whether bytes of a right length make a value of their kind. Structures are looked at by swy_check_body. */
static inline bool swy_is_value(uint8_t kind, swy_bytes value) {
  switch (kind) {
    case SWY_KIND_BOOL:
      return value.at[0] <= 1;
    case SWY_KIND_ID:
      return swy_u32_at(value.at) <= SWY_ID_MAX;
    case SWY_KIND_U64:
      return swy_u64_at(value.at) <= SWY_U64_MAX;
    case SWY_KIND_TEXT:
      return swy_is_utf8(value);
    default:
      return true;
  }
}

/* The field of a key; its index in the table, or -1. */
static inline int swy_field_of(const swy_table *table, uint8_t key) {
  for (int i = 0; i < table->count; i++)
    if (table->fields[i].key == key) return i;
  return -1;
}

/* Checks the body that fills the bytes from `start` to `end` of `bytes`. */
static inline swy_mistake swy_check_body(const swy_table *table, const uint8_t *bytes, size_t start, size_t end) {
  uint16_t counts[SWY_FIELDS_MAX] = {0};
  if (start == end) return swy_mistake_at(SWY_REASON_EVENT_TRUNCATED, start);
  size_t next = end - start == 1 && bytes[start] == 0 ? end : start;
  while (next < end) {
    const size_t at = next;
    if (bytes[at] == 0) return swy_mistake_at(SWY_REASON_FIELD_INVALID, at);
    if (end - at < SWY_CELL_HEADER_BYTES) return swy_mistake_at(SWY_REASON_EVENT_TRUNCATED, at);
    const swy_bytes value = {bytes + at + SWY_CELL_HEADER_BYTES, swy_u16_at(bytes + at + 1)};
    if (end - at - SWY_CELL_HEADER_BYTES < value.length) return swy_mistake_at(SWY_REASON_EVENT_TRUNCATED, at);
    next = at + SWY_CELL_HEADER_BYTES + value.length;
    const int index = swy_field_of(table, bytes[at]);
    if (index < 0) continue;
    const swy_field *field = &table->fields[index];
    if (counts[index] > 0 && field->presence != SWY_REPEATED) return swy_mistake_at(SWY_REASON_EVENT_KEY_REPEATED, at);
    if (field->count_max != 0 && counts[index] == field->count_max) return swy_mistake_at(SWY_REASON_FIELD_INVALID, at);
    counts[index]++;
    /* A structure of 0 bytes is a mistake of its body, at the place where that would begin. */
    const bool is_structure = field->kind == SWY_KIND_STRUCTURE;
    const bool fits = value.length >= field->bytes_min && value.length <= field->bytes_max;
    if (!is_structure && (!fits || !swy_is_value(field->kind, value))) return swy_mistake_at(SWY_REASON_FIELD_INVALID, at);
    if (!is_structure) continue;
    const swy_mistake mistake = swy_check_body(swy_table_at(field->table), bytes, at + SWY_CELL_HEADER_BYTES, next);
    if (mistake.reason != 0) return mistake;
  }
  for (int i = 0; i < table->count; i++)
    if (table->fields[i].presence == SWY_REQUIRED && counts[i] == 0) return swy_mistake_at(SWY_REASON_FIELD_INVALID, end);
  return swy_no_mistake();
}

/* What a type of event is; NULL: there is none of this number. */
static inline const swy_type *swy_type_of(uint8_t number) {
  for (size_t i = 0; i < SWY_TYPES; i++)
    if (swy_types[i].number == number) return &swy_types[i];
  return NULL;
}

/* An event whose body has been checked: swy_find and swy_next_cell need not ask again. */
typedef struct {
  const swy_type *type;
  swy_bytes body;
} swy_event;

/* Reads an event that fills the bytes. `receiver` is SWY_C2S for a server, SWY_S2C for a client. */
static inline swy_mistake swy_read_event(swy_bytes bytes, uint8_t receiver, swy_event *event) {
  if (bytes.length == 0) return swy_mistake_at(SWY_REASON_EVENT_TRUNCATED, 0);
  event->type = swy_type_of(bytes.at[0]);
  if (event->type == NULL) return swy_mistake_at(SWY_REASON_EVENT_TYPE_UNKNOWN, 0);
  if ((event->type->category & receiver) == 0) return swy_mistake_at(SWY_REASON_EVENT_CATEGORY_WRONG, 0);
  event->body.at = bytes.at + 1;
  event->body.length = bytes.length - 1;
  return swy_check_body(swy_table_at(event->type->table), bytes.at, 1, bytes.length);
}

/* Checks the data of a successful Answer to an event of a type that has some. Then the data is a body like others. */
static inline swy_mistake swy_check_answer(const swy_type *type, swy_bytes data) {
  return swy_check_body(swy_table_at(type->answer_table), data.at, 0, data.length);
}

/* One cell of a body that has been checked. */
typedef struct {
  uint8_t key;
  swy_bytes value;
} swy_cell;

/* Takes one cell off the front of a body that has been checked; false at its end. */
static inline bool swy_next_cell(swy_bytes *body, swy_cell *cell) {
  if (body->length < SWY_CELL_HEADER_BYTES) return false;
  cell->key = body->at[0];
  cell->value.at = body->at + SWY_CELL_HEADER_BYTES;
  cell->value.length = swy_u16_at(body->at + 1);
  body->at += SWY_CELL_HEADER_BYTES + cell->value.length;
  body->length -= SWY_CELL_HEADER_BYTES + cell->value.length;
  return true;
}

/* The first value of a key in a body that has been checked; false: there is none. */
static inline bool swy_find(swy_bytes body, uint8_t key, swy_bytes *value) {
  swy_cell cell;
  while (swy_next_cell(&body, &cell)) {
    if (cell.key != key) continue;
    *value = cell.value;
    return true;
  }
  return false;
}

/* The number in a value that has been checked: u8, bool, u16, u32, id or u64. */
static inline uint64_t swy_number(swy_bytes value) {
  uint64_t number = 0;
  for (size_t i = 0; i < value.length && i < 8; i++) number = (number << 8) | value.at[i];
  return number;
}

/* The number of a key; `otherwise` where it is absent. */
static inline uint64_t swy_number_of(swy_bytes body, uint8_t key, uint64_t otherwise) {
  swy_bytes value;
  return swy_find(body, key, &value) ? swy_number(value) : otherwise;
}

/* ---- Writing -------------------------------------------------------------------------------------------------------------- */

/* Writes into a buffer of the caller's. What has no room sets `is_full`, and writes nothing more. */
typedef struct {
  uint8_t *bytes;
  size_t room;
  size_t length;
  bool is_full;
} swy_writer;

static inline swy_writer swy_write_into(uint8_t *bytes, size_t room) {
  swy_writer writer = {bytes, room, 0, false};
  return writer;
}

static inline void swy_put(swy_writer *writer, const void *bytes, size_t length) {
  if (writer->is_full || writer->room - writer->length < length) {
    writer->is_full = true;
    return;
  }
  if (length > 0) memcpy(writer->bytes + writer->length, bytes, length);
  writer->length += length;
}

/* Appends the lowest `width` bytes of a number, 1 to 8, the highest first. */
static inline void swy_put_integer(swy_writer *writer, uint64_t number, size_t width) {
  uint8_t bytes[8];
  for (size_t i = 0; i < width; i++) bytes[i] = (uint8_t)(number >> (8 * (width - 1 - i)));
  swy_put(writer, bytes, width);
}

/* Begins a frame. Give what it returns to swy_end_frame once the packet stands. */
static inline size_t swy_begin_frame(swy_writer *writer) {
  const size_t mark = writer->length;
  swy_put_integer(writer, 0, SWY_FRAME_HEADER_BYTES);
  return mark;
}

static inline void swy_end_frame(swy_writer *writer, size_t mark) {
  if (writer->is_full) return;
  const size_t length = writer->length - mark - SWY_FRAME_HEADER_BYTES;
  for (size_t i = 0; i < SWY_FRAME_HEADER_BYTES; i++) writer->bytes[mark + i] = (uint8_t)(length >> (8 * (3 - i)));
}

/* Appends what stands before a packet's body. `packet_id` counts only with SWY_FLAG_PACKET_ID. */
static inline void swy_put_packet_header(swy_writer *writer, uint32_t stream_id, uint8_t flags, uint32_t packet_id) {
  swy_put_integer(writer, stream_id, 4);
  swy_put_integer(writer, flags, 1);
  if ((flags & SWY_FLAG_PACKET_ID) != 0) swy_put_integer(writer, packet_id, 4);
}

/* Begins a body: an event's after its type (swy_begin_event), or a structure's. Cells follow, by ascending keys. */
static inline size_t swy_begin_body(const swy_writer *writer) { return writer->length; }

/* Ends a body: one without cells is a single 0. */
static inline void swy_end_body(swy_writer *writer, size_t mark) {
  if (writer->length == mark) swy_put_integer(writer, 0, 1);
}

static inline size_t swy_begin_event(swy_writer *writer, uint8_t type) {
  swy_put_integer(writer, type, 1);
  return swy_begin_body(writer);
}

/* Appends a cell. A value of more than 65,535 bytes has no place in one, and counts as no room. */
static inline void swy_put_cell(swy_writer *writer, uint8_t key, const void *value, size_t length) {
  if (length > 0xffff) writer->is_full = true;
  swy_put_integer(writer, key, 1);
  swy_put_integer(writer, length, 2);
  swy_put(writer, value, length);
}

/* Appends a cell with a number of 1, 2, 4 or 8 bytes, as the kind of its field says. */
static inline void swy_put_number(swy_writer *writer, uint8_t key, uint64_t number, size_t width) {
  swy_put_integer(writer, key, 1);
  swy_put_integer(writer, width, 2);
  swy_put_integer(writer, number, width);
}

/* Appends a cell with text that ends in a 0, which is not sent. It must be UTF-8. */
static inline void swy_put_text(swy_writer *writer, uint8_t key, const char *text) {
  swy_put_cell(writer, key, text, strlen(text));
}

/* Begins a cell that holds a structure. Give what it returns to swy_end_structure once its cells stand. */
static inline size_t swy_begin_structure(swy_writer *writer, uint8_t key) {
  swy_put_integer(writer, key, 1);
  swy_put_integer(writer, 0, 2);
  return writer->length;
}

static inline void swy_end_structure(swy_writer *writer, size_t mark) {
  swy_end_body(writer, mark);
  if (writer->is_full) return;
  const size_t length = writer->length - mark;
  if (length > 0xffff) {
    writer->is_full = true;
    return;
  }
  writer->bytes[mark - 2] = (uint8_t)(length >> 8);
  writer->bytes[mark - 1] = (uint8_t)length;
}

#endif
