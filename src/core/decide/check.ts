import type { FieldViolation } from '../model/fault.js';
import type { Limits } from '../model/limits.js';
import { LinkType } from '../model/link.js';
import { REQUEST_ID_LENGTH_MAX } from '../model/request.js';
import type { Labels } from '../model/session.js';
import type { StreamParams } from '../model/stream.js';
import { IDENTITY_BOUNDS, IdentityKind, ROLES } from '../model/trust/identity.js';

/**
 * What every door asks of the fields that it took in, so that a mistake is the same mistake at each of them.
 *
 * Each check adds what it finds to one list, under the field's name in the protos: a request is refused once, with all its
 * mistakes. Nothing here knows the state; what depends on it is decided in the core.
 */
export class Checked {
  readonly violations: FieldViolation[] = [];

  constructor(private readonly limits: Limits) {}

  /** A mistake that the door itself found. */
  wrong(field: string, description: string): void {
    this.violations.push({ field, description });
  }

  /** Any RFC 9562 UUID in its 36-character form. Answers with it in lower case. */
  uuid(field: string, value: string): string {
    if (!UUID.test(value)) this.wrong(field, `${quoted(cut(value))} is not a UUID (8-4-4-4-12 hexadecimal digits)`);
    return value.toLowerCase();
  }

  /** A type that a session can have: 2 to 7. */
  instanceType(field: string, value: number): void {
    if (value === 0) this.wrong(field, 'a type is needed: 2 to 7');
    else if (value === 1)
      this.wrong(field, 'SERVER (1) is for servers, which make their own nodes; 2 to 7 are allowed');
    else if (!inRange(value, 2, 7)) this.wrong(field, `${value} is not a type; 2 to 7 are allowed`);
  }

  /** A flavor: 0 to 31. */
  instanceFlavor(field: string, value: number): void {
    if (!inRange(value, 0, 31)) this.wrong(field, `${value} is not a flavor; 0 to 31 are allowed`);
  }

  /** A name for people: short, and fit for one line. */
  name(field: string, value: string): void {
    const bytes = utf8Bytes(value);
    const { nameBytesMax } = this.limits;
    if (bytes > nameBytesMax) this.wrong(field, `${bytes} bytes; ${nameBytesMax} are the limit`);
    if (CONTROL.test(value)) this.wrong(field, 'control characters are not allowed');
  }

  /** What an identity is called in its network: a host name, or empty for none. */
  identityName(field: string, value: string): void {
    if (value === '' || (value.length <= IDENTITY_BOUNDS.nameLengthMax && IDENTITY_NAME.test(value))) return;
    const form = 'a-z, 0-9, - and ., the first and the last a letter or a digit';
    this.wrong(field, `${quoted(cut(value))}; a name has 1 to ${IDENTITY_BOUNDS.nameLengthMax} of ${form}`);
  }

  /** Roles of an identity, each once. */
  roles(field: string, roles: readonly string[]): void {
    const known: readonly string[] = ROLES;
    if (roles.length > known.length) this.wrong(field, `${roles.length} roles; there are ${known.length}`);
    roles.slice(0, known.length).forEach((role, at) => {
      if (!known.includes(role))
        this.wrong(`${field}[${at}]`, `${quoted(cut(role))} is not a role; ${known.join(', ')} are`);
      else if (roles.indexOf(role) < at) this.wrong(`${field}[${at}]`, `${role} is there twice`);
    });
  }

  /** One of the kinds of identities. */
  identityKind(field: string, value: number): IdentityKind {
    if (!inRange(value, IdentityKind.INSTANCE, IdentityKind.PERSON)) {
      this.wrong(field, `${value} is not a kind; 1 (INSTANCE), 2 (SERVICE) and 3 (PERSON) are`);
    }
    return value as IdentityKind;
  }

  /** Labels: few, their keys plain. */
  labels(field: string, labels: Labels): void {
    const { labelsMax, labelKeyBytesMax, labelValueBytesMax } = this.limits;
    const entries = Object.entries(labels);
    if (entries.length > labelsMax) this.wrong(field, `${entries.length} labels; ${labelsMax} are the limit`);
    for (const [key, value] of entries.slice(0, labelsMax)) {
      const one = `${field}[${quoted(key.slice(0, labelKeyBytesMax))}]`;
      if (!LABEL_KEY.test(key) || key.length > labelKeyBytesMax) {
        this.wrong(one, `a key has 1 to ${labelKeyBytesMax} letters, digits or -_./`);
      }
      const bytes = utf8Bytes(value);
      if (bytes > labelValueBytesMax) this.wrong(one, `${bytes} bytes; ${labelValueBytesMax} are the limit of a value`);
    }
  }

  /** A text for people that may have several lines. */
  description(field: string, value: string): void {
    const bytes = utf8Bytes(value);
    const { descriptionBytesMax } = this.limits;
    if (bytes > descriptionBytesMax) this.wrong(field, `${bytes} bytes; ${descriptionBytesMax} are the limit`);
  }

  /** A span of time: not negative, and (NaN) not malformed. */
  duration(field: string, ms: number): void {
    if (Number.isNaN(ms))
      this.wrong(field, 'not a Duration: nanos are within ±999,999,999 and have the sign of seconds');
    else if (ms < 0) this.wrong(field, `${ms} ms is negative`);
  }

  /** A SID as it comes in: positive. */
  sid(field: string, value: number): void {
    if (value <= 0) this.wrong(field, `${value} is not a SID, which is positive`);
  }

  /** A stream or branch id as it comes in: positive. */
  streamId(field: string, value: number): void {
    if (value <= 0) this.wrong(field, `${value} is not a stream id, which is positive`);
  }

  /** One of the three types of links. */
  linkType(field: string, value: number): void {
    if (!inRange(value, LinkType.CONTROL_TCP, LinkType.TRANSPORT_UDP)) {
      this.wrong(field, `${value} is not a link type; 0 (CONTROL_TCP), 1 (TRANSPORT_TCP) and 2 (TRANSPORT_UDP) are`);
    }
  }

  /**
   * A type of link that sessions can have with each other. CONTROL_TCP is a session's link to its server; its number is also
   * what a forgotten type looks like.
   */
  transportType(field: string, value: number): LinkType {
    const allowed = '1 (TRANSPORT_TCP) and 2 (TRANSPORT_UDP) are allowed';
    if (value === LinkType.CONTROL_TCP) {
      this.wrong(field, `a type is needed: 0 (CONTROL_TCP) is the link of a session to its server; ${allowed}`);
    } else if (!inRange(value, LinkType.TRANSPORT_TCP, LinkType.TRANSPORT_UDP)) {
      this.wrong(field, `${value} is not a link type; ${allowed}`);
    }
    return value as LinkType;
  }

  /** A request id, or none. Answers with it as a command has it. */
  requestId(field: string, value: string): { readonly requestId?: string } {
    if (value === '') return {};
    if (value.length > REQUEST_ID_LENGTH_MAX || !REQUEST_ID.test(value)) {
      this.wrong(
        field,
        `an id has at most ${REQUEST_ID_LENGTH_MAX} letters, digits or other printable characters of ASCII`,
      );
    }
    return { requestId: value };
  }

  /** Parameters of a stream: those that are there. `prefix` is the field that holds them. */
  streamParams(prefix: string, params: Partial<StreamParams>): void {
    if (params.name !== undefined) this.name(`${prefix}.name`, params.name);
    if (params.timeoutMs !== undefined) this.timeout(`${prefix}.timeout`, params.timeoutMs);
    if (params.maxBlockBytes !== undefined && !inRange(params.maxBlockBytes, 1, BLOCK_BYTES_MAX)) {
      this.wrong(`${prefix}.max_block_bytes`, `${params.maxBlockBytes}; 1 to ${BLOCK_BYTES_MAX} are allowed`);
    }
    if (params.compression !== undefined && !inRange(params.compression, 0, 1)) {
      this.wrong(`${prefix}.compression`, `${params.compression} is not a compression; 0 (none) and 1 (zlib) are`);
    }
    if (params.labels !== undefined) this.labels(`${prefix}.labels`, params.labels);
  }

  private timeout(field: string, ms: number): void {
    this.duration(field, ms);
    if (ms > 0 && !(ms >= TIMEOUT_MS_MIN && ms <= TIMEOUT_MS_MAX)) {
      this.wrong(field, `${ms} ms; 0 (never) and 1 s to 24 days are allowed`);
    }
  }
}

/**
 * A span of time in the whole milliseconds that the core and the journal know: rounded away from zero. In many fields 0 has a
 * meaning of its own (never, the default, not known), so that what is there must not become it.
 */
export function wholeMs(ms: number): number {
  return ms > 0 ? Math.ceil(ms) : Math.floor(ms);
}

/** The largest block a stream may ask for: four of them fit the window of one relay. */
export const BLOCK_BYTES_MAX = 1_048_576;
const TIMEOUT_MS_MIN = 1_000;
/** What a timer of Node can hold. */
const TIMEOUT_MS_MAX = 24 * 86_400_000;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const IDENTITY_NAME = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/;
const REQUEST_ID = /^[!-~]+$/;
const LABEL_KEY = /^[A-Za-z0-9._/-]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is to find
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
/** What JSON lets through, and a terminal obeys. */
const UNESCAPED = /[\u007f-\u009f]/g;

function inRange(value: number, low: number, high: number): boolean {
  return Number.isInteger(value) && value >= low && value <= high;
}

function cut(value: string): string {
  return value.length > 48 ? `${value.slice(0, 48)}…` : value;
}

/** What somebody sent, fit to be shown back to them: in quotes, without control characters. */
function quoted(value: string): string {
  return JSON.stringify(value).replace(UNESCAPED, (one) => `\\u00${one.charCodeAt(0).toString(16)}`);
}

/** Bytes of a string in UTF-8, counted without an encoder: the core has none. */
export function utf8Bytes(value: string): number {
  let bytes = 0;
  for (const character of value) {
    const code = character.codePointAt(0)!;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}
