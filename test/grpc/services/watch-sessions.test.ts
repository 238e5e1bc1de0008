import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { WatchKind } from '../../../gen/switchyard/v1/network.js';
import {
  SessionServiceService as Sessions,
  type WatchSessionsRequest,
  type WatchSessionsResponse,
} from '../../../gen/switchyard/v1/session_service.js';
import { agent, ask, asSession, open, type Reading, type Running, refusalOf, run } from '../running.js';

/** What a message says, in few words. */
function told({ kind, changes }: WatchSessionsResponse): string[] {
  if (kind !== WatchKind.DELTA && kind !== WatchKind.SNAPSHOT) return [WatchKind[kind]];
  return changes.map(({ kind: change }) => {
    const { $case, value } = change!;
    return `${$case} ${value.cvid}${$case === 'opened' && value.attached ? ', attached' : ''}`;
  });
}

describe('WatchSessions', () => {
  let at: Running;
  let number = 0;
  beforeAll(async () => {
    at = await run({});
  });
  afterAll(() => at.stop());

  const watch = (request: Partial<WatchSessionsRequest> = {}) =>
    open(at, Sessions.watchSessions, { after: undefined, cvids: [], ...request });
  const join = () => ask(at, Sessions.session, agent(++number));
  /** Reads until so many things were told. */
  const read = async (reading: Reading<WatchSessionsResponse>, count: number) => {
    const got: string[] = [];
    while (got.length < count) got.push(...told(await reading.next()));
    return got;
  };
  const attach = async (token: string) => {
    const attachment = open(at, Sessions.attach, {}, asSession(token));
    await attachment.next();
    return attachment;
  };

  it('begins with the sessions that are there, and tells how each comes, is attached, detached and goes', async () => {
    const one = await join();
    const attached = await attach(one.sessionToken);
    const reading = watch();
    const begun = await reading.until(({ kind }) => kind === WatchKind.SNAPSHOT_END);
    expect(begun.flatMap(told)).toEqual([`opened ${one.instanceSid}, attached`, 'SNAPSHOT_END']);
    const two = await join();
    const other = await attach(two.sessionToken);
    other.call.cancel();
    const { instanceSid } = two;
    expect(await read(reading, 3)).toEqual([
      `opened ${instanceSid}`,
      `attached ${instanceSid}`,
      `detached ${instanceSid}`,
    ]);
    await ask(at, Sessions.terminateSession, { cvid: 0, reason: '' }, asSession(two.sessionToken));
    const closed = await reading.next();
    expect(told(closed)).toEqual([`closed ${instanceSid}`]);
    expect(closed.changes[0].kind?.value).toMatchObject({ instanceUuid: agent(number).instanceUuid });
    // The end of an attached session is one change.
    await ask(at, Sessions.terminateSession, { cvid: 0, reason: '' }, asSession(one.sessionToken));
    expect(await read(reading, 1)).toEqual([`closed ${one.instanceSid}`]);
    await attached.ending();
    reading.call.cancel();
  });

  it('resumes from its own positions without a gap, and answers at once', async () => {
    const first = watch();
    const [{ position: after }] = (await first.until(({ kind }) => kind === WatchKind.SNAPSHOT_END)).slice(-1);
    first.call.cancel();
    const { instanceSid, sessionToken } = await join();
    (await attach(sessionToken)).call.cancel();
    const again = watch({ after });
    const got = await read(again, 3);
    expect(got).toEqual([`opened ${instanceSid}`, `attached ${instanceSid}`, `detached ${instanceSid}`]);
    again.call.cancel();
    const network = await join();
    // The network's positions are not of this watch.
    const [reset] = await watch({ after: network.position }).until(() => true);
    expect(told(reset)).toEqual(['RESET']);
    const last = watch();
    const [end] = (await last.until(({ kind }) => kind === WatchKind.SNAPSHOT_END)).slice(-1);
    const [bookmark] = await watch({ after: end.position }).until(() => true);
    expect(bookmark).toMatchObject({ kind: WatchKind.BOOKMARK, position: end.position, committedAt: expect.any(Date) });
    last.call.cancel();
  });

  it('keeps to the sessions that were named, and refuses what cannot be one', async () => {
    const [one, two] = [await join(), await join()];
    const reading = watch({ cvids: [two.instanceSid] });
    const begun = await reading.until(({ kind }) => kind === WatchKind.SNAPSHOT_END);
    expect(begun.flatMap(told)).toEqual([`opened ${two.instanceSid}`, 'SNAPSHOT_END']);
    for (const { sessionToken } of [one, two]) (await attach(sessionToken)).call.cancel();
    expect(await read(reading, 1)).toEqual([`attached ${two.instanceSid}`]);
    reading.call.cancel();
    const refusal = await watch({ cvids: [-1] })
      .next()
      .catch(refusalOf);
    expect(refusal).toMatchObject({ reason: 'FIELD_INVALID', fields: ['cvids[0]'] });
  });
});
