import { type Fault, REASONS } from '../../core/model/fault.js';
import { encodeBody } from '../codec/body.js';
import { ByteWriter } from '../codec/bytes.js';
import { type AnswerData, EVENTS, type EventBody, type EventName } from '../codec/event.js';
import type { Body, Fields, Table } from '../codec/field.js';
import { Flaw } from '../codec/flaw.js';

/** What an Answer says. */
export type AnswerBody = EventBody<'Answer'>;

/** Hears whether something has left this machine's hands. */
export type Sent = (isSent: boolean) => void;

/** Violations told in one Answer: nobody mends more at a time. */
const VIOLATIONS_MAX = 16;
/** Bytes of a text for people. */
const TEXT_BYTES_MAX = 1_024;

const writer = new ByteWriter();

/** A successful Answer to a type of event. */
export function success<N extends EventName>(type: N, data: AnswerData<N>): AnswerBody {
  encodeBody(EVENTS[type].answerTable as unknown as Table, writer, data as Body<Fields>);
  return { code: 0, data: writer.finish() };
}

/** A refusal. A mistake in the bytes says where, too. */
export function refusal(why: Fault | Flaw): AnswerBody {
  const code = REASONS[why.reason];
  if (why instanceof Flaw) {
    const { description, field, offset } = why;
    const violations = field === '' ? undefined : [{ field: cut(field), description: cut(description) }];
    return { code, description: cut(description), violations, offset };
  }
  return {
    code,
    description: cut(why.message),
    violations: why.violations.slice(0, VIOLATIONS_MAX).map(({ field, description }) => {
      return { field: cut(field), description: cut(description) };
    }),
    retryAfterMs: why.retryAfterMs,
    facts: Object.entries(why.metadata).map(([key, value]) => ({ key, value })),
  };
}

/** Cut by bytes, and whole characters again after it. */
function cut(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= TEXT_BYTES_MAX) return text;
  return bytes
    .subarray(0, TEXT_BYTES_MAX)
    .toString()
    .replace(/\uFFFD*$/, '');
}
