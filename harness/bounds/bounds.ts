import { ENDORSEMENT_BYTES_MAX } from '../../src/brokering/candidates.js';
import { type ChosenLimit, DOOR_LIMIT_OPTIONS, LIMIT_OPTIONS } from '../../src/config/limit-options.js';
import { BLOCK_BYTES_MAX } from '../../src/core/decide/check.js';
import { DEFAULT_LIMITS } from '../../src/core/model/limits.js';
import { REQUEST_ID_LENGTH_MAX } from '../../src/core/model/request.js';
import { IDENTITY_BOUNDS, ROLES } from '../../src/core/model/trust/identity.js';
import { PERMISSIONS } from '../../src/core/model/trust/permission.js';
import { POLICY_BOUNDS } from '../../src/core/model/trust/policy.js';
import { TICKET_BOUNDS, TICKET_ID_LENGTH } from '../../src/core/model/trust/ticket.js';
import { DEFAULT_DOOR_LIMITS } from '../../src/grpc/limits.js';
import { CODE_NAMES } from '../../src/transport/transports.js';
import { ADMIN_NONCE_BYTES } from '../../src/trust/admin-proof.js';
import { HASH_BYTES } from '../../src/trust/signed-bytes.js';
import { TICKET_ADDRESSES_MAX, TICKET_SECRET_BYTES } from '../../src/trust/ticket.js';

/**
 * What a field of a request may hold, for programs: forms, validators, generators of tests. What is left out is not bounded
 * beyond the field's type.
 */
export interface Bound {
  /** The smallest and the largest number. */
  readonly min?: number;
  readonly max?: number;
  /** The same for a google.protobuf.Duration. */
  readonly minSeconds?: number;
  readonly maxSeconds?: number;
  /** 0, an empty string or absent is allowed although the rest does not allow it: it has a meaning of its own. */
  readonly zero?: true;
  /** The field may be left out; `kind` of UpdateIdentityRequest, which is 0 then, where the mask does not name it. */
  readonly optional?: true;
  /** The numbers of an enum that are allowed. */
  readonly values?: readonly number[];
  /** Of an enum: every number that has a name, and no other. */
  readonly named?: true;
  /** The strings that are allowed. */
  readonly strings?: readonly string[];
  /** Of a google.protobuf.FieldMask: the paths that it may name, of which one at least is needed; `*` names all. */
  readonly paths?: readonly string[];
  /** The size, of a string in UTF-8. */
  readonly minBytes?: number;
  readonly maxBytes?: number;
  /** A regular expression for the whole string, in what ECMAScript, RE2 and Python have in common. */
  readonly pattern?: string;
  /**
   * What a program calls such a string: `ip` is an IPv4 or IPv6 address without zone and brackets, `address` HOST:PORT, `key` a DER
   * SubjectPublicKeyInfo of Ed25519 or of P-256 with an uncompressed point, `policy` the document of docs/security.md.
   */
  readonly format?: 'uuid' | 'ip' | 'address' | 'key' | 'policy';
  /** How many elements or entries. */
  readonly minCount?: number;
  readonly maxCount?: number;
  /** No element stands twice. */
  readonly unique?: true;
  /** What each element, or each key and value of a map, may be. */
  readonly each?: Bound;
  readonly key?: Bound;
  readonly value?: Bound;
  /** The option of `switchyard serve` that sets the maximum; the number here is its default. */
  readonly option?: string;
}

const SECONDS_PER_DAY = 86_400;
const NO_CONTROLS = '^[^\\x00-\\x1f\\x7f-\\x9f]*$';

/** A maximum that is one of the core's limits, with the option that sets it. */
function limited(limit: ChosenLimit, as: 'maxBytes' | 'maxCount'): Bound {
  return { [as]: DEFAULT_LIMITS[limit], option: `--${LIMIT_OPTIONS[limit].flag}` };
}

const NAME: Bound = { ...limited('nameBytesMax', 'maxBytes'), pattern: NO_CONTROLS };
const LABELS: Bound = {
  ...limited('labelsMax', 'maxCount'),
  key: { minBytes: 1, ...limited('labelKeyBytesMax', 'maxBytes'), pattern: '^[A-Za-z0-9._/-]+$' },
  value: limited('labelValueBytesMax', 'maxBytes'),
};
const REQUEST_ID: Bound = { maxBytes: REQUEST_ID_LENGTH_MAX, pattern: '^[!-~]*$' };
const SPAN: Bound = { optional: true, minSeconds: 0 };
const UUID: Bound = {
  format: 'uuid',
  pattern: '^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$',
};
const NETWORK_NAME: Bound = { minBytes: 1, maxBytes: 32, pattern: '^[a-z0-9-]+$' };
const IDENTITY_NAME: Bound = {
  ...{ zero: true, minBytes: 1, maxBytes: IDENTITY_BOUNDS.nameLengthMax },
  pattern: '^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$',
};
const IDENTITY_ROLES: Bound = { unique: true, each: { strings: ROLES } };
/** One that is larger than a page may be is cut. */
const PAGE_SIZE: Bound = { min: 0 };
const WATCHED: Bound = {
  ...{ maxCount: DEFAULT_DOOR_LIMITS.watchedNodesMax, option: `--${DOOR_LIMIT_OPTIONS.watchedNodesMax.flag}` },
  each: { min: 1 },
};
const HASH: Bound = { minBytes: HASH_BYTES, maxBytes: HASH_BYTES };

/** The bounds of requests, by the field's message and name. proto/bounds.json is written from it. */
export const BOUNDS: Readonly<Record<string, Bound>> = {
  'SessionRequest.instance_uuid': UUID,
  'SessionRequest.instance_type': { min: 2, max: 7 },
  'SessionRequest.instance_flavor': { min: 0, max: 31 },
  'SessionRequest.ttl': SPAN,
  'SessionRequest.name': NAME,
  'SessionRequest.labels': LABELS,
  'AnswerRequest.order_id': { minBytes: 1, maxBytes: 64 },
  'AnswerRequest.code': { named: true },
  'AnswerRequest.description': limited('descriptionBytesMax', 'maxBytes'),
  'AnswerRequest.data': limited('answerDataBytesMax', 'maxBytes'),
  'TerminateSessionRequest.cvid': { min: 0 },
  'TerminateSessionRequest.reason': limited('descriptionBytesMax', 'maxBytes'),
  'CreateStreamRequest.sink_cvids': {
    minCount: 1,
    ...limited('sinksPerStreamMax', 'maxCount'),
    unique: true,
    each: { min: 1 },
  },
  'CreateStreamRequest.request_id': REQUEST_ID,
  'StreamParams.name': NAME,
  'StreamParams.timeout': { zero: true, minSeconds: 1, maxSeconds: 24 * SECONDS_PER_DAY },
  'StreamParams.max_block_bytes': { zero: true, min: 1, max: BLOCK_BYTES_MAX },
  'StreamParams.compression': { named: true },
  'StreamParams.labels': LABELS,
  'DirectConnectionRequest.cvid': { min: 1 },
  'DirectConnectionRequest.type': { values: [1, 2] },
  'DirectConnectionRequest.port': { min: 0, max: 65_535 },
  'DirectConnectionRequest.candidates': limited('candidatesMax', 'maxCount'),
  'DirectConnectionRequest.public_key': limited('publicKeyBytesMax', 'maxBytes'),
  'DirectConnectionRequest.endorsement': { optional: true, maxBytes: ENDORSEMENT_BYTES_MAX },
  'DirectConnectionRequest.round_trip': SPAN,
  'DirectConnectionRequest.request_id': REQUEST_ID,
  'DirectConnectionRequest.fallback': { named: true },
  'Candidate.host': { format: 'ip' },
  'Candidate.port': { min: 1, max: 65_535 },
  'Candidate.type': { values: [1, 2] },
  'ReportLinkRequest.peer_cvid': { min: 1 },
  'ReportLinkRequest.link': { values: [1, 2] },
  'ReportLinkRequest.state': { values: [1, 2] },
  'ReportLinkRequest.path': { named: true },
  'ReportLinkRequest.round_trip': SPAN,
  'GetSessionRequest.cvid': { min: 0 },
  'GetNodeRequest.cvid': { min: 1 },
  'GetStreamRequest.id': { min: 1 },
  'TerminateStreamRequest.id': { min: 1 },
  'Position.epoch': { maxBytes: 32 },
  'ListSessionsRequest.page_size': PAGE_SIZE,
  'ListSessionsRequest.instance_type': { named: true },
  'ListSessionsRequest.instance_uuid': { zero: true, ...UUID },
  'WatchSessionsRequest.cvids': WATCHED,
  'FindPathRequest.from_cvid': { min: 1 },
  'FindPathRequest.to_cvid': { min: 1 },
  'FindPathRequest.links': { maxCount: 16, each: { values: [0, 1, 2] } },
  'WatchNetworkDeltaRequest.cvids': WATCHED,
  'WatchEndpointClosedRequest.cvids': WATCHED,
  'ListConnectionsRequest.page_size': PAGE_SIZE,
  'UpdateStreamParamsRequest.id': { min: 1 },
  'UpdateStreamParamsRequest.update_mask': {
    paths: ['name', 'timeout', 'max_block_bytes', 'compression', 'delivery_confirmation', 'labels'],
  },
  'ListStreamsRequest.page_size': PAGE_SIZE,
  'ListStreamsRequest.cvid': { min: 0 },
  'EnumerateTransportRequest.code_name': { zero: true, strings: CODE_NAMES },
  'Proof.purpose': { values: [1, 2, 3, 4, 5] },
  'Proof.nonce': { minBytes: 40, maxBytes: 40 },
  'Proof.public_key': { format: 'key' },
  'Proof.signature': { minBytes: 1, maxBytes: 72 },
  'Proof.binding_kind': { values: [0, 1] },
  'Proof.binding': { zero: true, ...HASH },
  'Proof.identity_uuid': { zero: true, ...UUID },
  'ChallengeRequest.network': { zero: true, ...NETWORK_NAME },
  'ChallengeRequest.admin_nonce': { optional: true, minBytes: ADMIN_NONCE_BYTES, maxBytes: ADMIN_NONCE_BYTES },
  'ChallengeRequest.admin_binding': { optional: true, ...HASH },
  'GetIdentityRequest.identity_uuid': UUID,
  'ListIdentitiesRequest.page_size': PAGE_SIZE,
  'UpdateIdentityRequest.identity_uuid': UUID,
  'UpdateIdentityRequest.kind': { optional: true, values: [1, 2, 3] },
  'UpdateIdentityRequest.roles': IDENTITY_ROLES,
  'UpdateIdentityRequest.name': IDENTITY_NAME,
  'UpdateIdentityRequest.labels': LABELS,
  'UpdateIdentityRequest.update_mask': { paths: ['kind', 'roles', 'name', 'labels'] },
  'BindKeyRequest.identity_uuid': UUID,
  'BindKeyRequest.public_key': { format: 'key' },
  'ForgetKeyRequest.identity_uuid': UUID,
  'RevokeIdentityRequest.identity_uuid': UUID,
  'PutPolicyRequest.document': { format: 'policy', maxBytes: POLICY_BOUNDS.documentBytesMax },
  'ExplainRequest.from': { minBytes: 1 },
  'ExplainRequest.permission': { strings: PERMISSIONS },
  'IssueTicketRequest.kind': { named: true },
  'IssueTicketRequest.roles': IDENTITY_ROLES,
  'IssueTicketRequest.uses': { min: 0, max: TICKET_BOUNDS.usesMax },
  'IssueTicketRequest.valid_for': { optional: true, minSeconds: 1, maxSeconds: 366 * SECONDS_PER_DAY },
  'IssueTicketRequest.names': { zero: true, minBytes: 1, maxBytes: 63, pattern: '^[a-z0-9.*-]+$' },
  'IssueTicketRequest.identity_uuid': { zero: true, ...UUID },
  'IssueTicketRequest.addresses': { maxCount: TICKET_ADDRESSES_MAX, each: { format: 'address', maxBytes: 255 } },
  'ListTicketsRequest.page_size': PAGE_SIZE,
  'RevokeTicketRequest.ticket_id': {
    ...{ minBytes: TICKET_ID_LENGTH, maxBytes: TICKET_ID_LENGTH },
    pattern: '^[0-9a-f]+$',
  },
  'EnrollRequest.secret': { minBytes: TICKET_SECRET_BYTES, maxBytes: TICKET_SECRET_BYTES },
  'EnrollRequest.name': IDENTITY_NAME,
  'WatchAuditRequest.newest': { min: 0, max: 10_000 },
  'CreateNetworkRequest.name': NETWORK_NAME,
  'CreateNetworkRequest.sessions_max': { min: 0 },
  'DropNetworkRequest.name': NETWORK_NAME,
  'RelayOpen.blocks': { optional: true, max: Number.MAX_SAFE_INTEGER },
};

/** What proto/bounds.json holds. */
export function boundsText(): string {
  const about =
    'Bounds of the fields of requests, with the defaults of a server that was not told otherwise. See docs/clients.md.';
  return `${JSON.stringify({ about, package: 'switchyard.v1', fields: BOUNDS }, null, 2)}\n`;
}
