import { readFileSync } from 'node:fs';
import { Metadata, status } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import { Fault, REASONS, type Reason } from '../../src/core/model/fault.js';
import { CODE_OF_REASON, toEnding, toError, withDetails } from '../../src/grpc/status.js';
import { refusalOf } from './running.js';

/** Every reason of error.proto with its number and the codes that its comment begins with. */
function documented() {
  const proto = readFileSync(new URL('../../proto/switchyard/v1/error.proto', import.meta.url), 'utf8');
  const values = proto.matchAll(/((?: {2}\/\/.*\n)+) {2}REASON_([A-Z_]+) = (\d+);/g);
  return [...values].map(([, comment, name, number]) => ({
    name,
    number: Number(number),
    comment: comment.replace(/^ {2}\/\/ /gm, '').replaceAll('\n', ' '),
  }));
}

describe('the status of a refusal', () => {
  const reasons = documented().filter(({ name }) => name !== 'UNSPECIFIED');

  it('has a code for every reason of error.proto, and those have its numbers', () => {
    expect(reasons.map(({ name, number }) => [name, number])).toEqual(Object.entries(REASONS));
    expect(Object.keys(CODE_OF_REASON)).toEqual(Object.keys(REASONS));
  });

  it.each(reasons)('sends $name with the code that its comment names', ({ name, comment }) => {
    const [said] = comment.match(/^[A-Z_]+/)!;
    const error = toError(new Fault(name as Reason, 'why'));
    expect(status[error.code]).toBe(said);
    expect(refusalOf(error)).toMatchObject({ message: 'why', reason: name, domain: 'switchyard' });
    const onAttachment = /, ([A-Z_]+) on an attachment/.exec(comment)?.[1] ?? said;
    expect(status[toEnding(new Fault(name as Reason, 'why')).code]).toBe(onAttachment);
    expect(comment).toContain('Example: "');
  });

  it('names every wrong field, and when to ask again, and facts for programs', () => {
    const violations = [
      { field: 'name', description: 'too long' },
      { field: 'labels["a b"]', description: 'no' },
    ];
    expect(refusalOf(toError(new Fault('FIELD_INVALID', 'two', violations)))).toMatchObject({
      fields: ['name', 'labels["a b"]'],
      retryMs: undefined,
    });
    const later = new Fault('OVERLOADED', 'later', [], 1_500, { oldest_revision: '7' });
    expect(refusalOf(toError(later))).toMatchObject({ retryMs: 1_500, metadata: { oldest_revision: '7' } });
  });

  it('tells grpc\u2019s own retries when to try again, and otherwise that they must not', () => {
    const pushback = (fault: Fault) => toError(fault).metadata.get('grpc-retry-pushback-ms');
    expect(pushback(new Fault('OVERLOADED', 'later', [], 1_500))).toEqual(['1500']);
    expect(pushback(new Fault('OVERLOADED', 'later', [], 0.5))).toEqual(['1']);
    expect(pushback(new Fault('OVERLOADED', 'at once', [], 0))).toEqual(['0']);
    for (const { name } of reasons) expect([name, pushback(new Fault(name as Reason, 'why'))]).toEqual([name, ['-1']]);
    const byGrpcJs = withDetails({ code: status.RESOURCE_EXHAUSTED, details: 'too large' });
    expect(byGrpcJs.metadata?.get('grpc-retry-pushback-ms')).toEqual(['-1']);
  });

  it('fits the 8 KiB of trailers that clients take, whatever was wrong, and says how much it left out', () => {
    const violations = Array.from({ length: 500 }, (_, at) => ({
      field: `sink_cvids[${at}]`,
      description: '\u{1F600}'.repeat(20),
    }));
    const error = toError(Fault.fields(violations)!);
    const [details] = error.metadata.get('grpc-status-details-bin') as Buffer[];
    const bytes = encodeURI(error.details).length + details.toString('base64').length;
    expect(bytes).toBeLessThan(8_192);
    expect(refusalOf(error).fields).toHaveLength(17);
  });

  it('is never half a character, which grpc-js could not send', () => {
    const error = toError(new Fault('INTERNAL', `${'x'.repeat(1_022)}\u{1F600}\ud83d`));
    expect(() => encodeURI(error.details)).not.toThrow();
  });

  it('gives the errors that grpc-js makes by itself the same form', () => {
    const sent = (code: status, details: string) =>
      refusalOf({ metadata: new Metadata(), ...withDetails({ code, details }) });
    expect(sent(status.INTERNAL, 'Error deserializing request')).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: 'FIELD_INVALID',
    });
    expect(sent(status.RESOURCE_EXHAUSTED, 'Received message larger than max')).toMatchObject({ reason: 'TOO_LARGE' });
    expect(sent(status.UNIMPLEMENTED, 'an encoding')).toMatchObject({ reason: 'UNIMPLEMENTED' });
    const ours = toError(new Fault('NODE_NOT_FOUND', 'no node 1'));
    expect(withDetails(ours)).toBe(ours);
    const success = { code: status.OK, details: 'OK' };
    expect(withDetails(success)).toBe(success);
  });
});
