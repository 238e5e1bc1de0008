import { ENDORSEMENT_BYTES_MAX } from '../../src/brokering/candidates.js';
import { type ChosenLimit, LIMIT_OPTIONS } from '../../src/config/limit-options.js';
import { BLOCK_BYTES_MAX } from '../../src/core/decide/check.js';
import { DEFAULT_LIMITS } from '../../src/core/model/limits.js';
import { REQUEST_ID_LENGTH_MAX } from '../../src/core/model/request.js';

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
  /** 0 or absent is allowed although it is not in the range: it has a meaning of its own. */
  readonly zero?: true;
  /** The numbers of an enum that are allowed. */
  readonly values?: readonly number[];
  /** Of an enum: every number that has a name, and no other. */
  readonly named?: true;
  /** The size, of a string in UTF-8. */
  readonly minBytes?: number;
  readonly maxBytes?: number;
  /** A regular expression for the whole string, in what ECMAScript, RE2 and Python have in common. */
  readonly pattern?: string;
  /** What a program calls such a string: `ip` is an IPv4 or IPv6 address without zone and brackets. */
  readonly format?: 'uuid' | 'ip';
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
const SPAN: Bound = { minSeconds: 0 };

/** The bounds of requests, by the field's message and name. proto/bounds.json is written from it. */
export const BOUNDS: Readonly<Record<string, Bound>> = {
  'SessionRequest.instance_uuid': {
    format: 'uuid',
    pattern: '^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$',
  },
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
  'DirectConnectionRequest.endorsement': { maxBytes: ENDORSEMENT_BYTES_MAX },
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
};

/** What proto/bounds.json holds. */
export function boundsText(): string {
  const about =
    'Bounds of the fields of requests, with the defaults of a server that was not told otherwise. See docs/clients.md.';
  return `${JSON.stringify({ about, package: 'switchyard.v1', fields: BOUNDS }, null, 2)}\n`;
}
