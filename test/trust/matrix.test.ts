import { readFileSync, writeFileSync } from 'node:fs';
import { Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ROLES, type Role } from '../../src/core/model/trust/identity.js';
import { METHODS, type Method as MethodName } from '../../src/core/model/trust/permission.js';
import { ask, open, type Running, refusalOf, run } from '../grpc/running.js';
import { type Member, makeMember } from './members.js';
import { cellOf, refreshed } from './permission-table.js';
import { methodOf, NO_TARGET, REQUESTS, RPCS, type Target, TRIED, type Tried } from './requests.js';

const DOCUMENT = new URL('../../docs/security.md', import.meta.url);

/** Methods whose refusals tell what is hidden from what is not there, if there is anything to tell. */
const HIDING = ['GetSession', 'GetNode', 'GetStream', 'CreateStream', 'DirectConnection', 'ReportLink'] as const;

describe('the matrix of methods, principals and targets', () => {
  let at: Running;
  let number = 1;
  let members: Readonly<Record<Role, Member>>;
  let hidden: Member;

  /** A new identity with these roles. */
  function member(roles: readonly Role[]): Promise<Member> {
    return makeMember(at, { number: number++, roles });
  }

  /** The reason for which a call is refused, and what was said; undefined for one that is not. */
  async function refusalFor(name: Tried, target: Target, as: Metadata) {
    const method = methodOf(name);
    const request = REQUESTS[name](target);
    try {
      if (method.responseStream) {
        const reading = open(at, method, request, as);
        await reading.next();
        reading.call.on('error', () => {}).cancel();
      } else await ask(at, method, request, as);
      return undefined;
    } catch (error) {
      const { reason, message } = refusalOf(error);
      return { reason, message };
    }
  }

  beforeAll(async () => {
    at = await run({ auth: 'required' });
    const made = await Promise.all(ROLES.map(async (role) => [role, await member([role])] as const));
    members = Object.fromEntries(made) as Record<Role, Member>;
    hidden = await member(['agent']);
  });
  afterAll(() => at.stop());

  it('has a request for every method of the table that gRPC has', () => {
    const events: readonly MethodName[] = ['Open'];
    expect([...RPCS, ...events].sort()).toEqual(Object.keys(METHODS).sort());
    expect([...TRIED, 'Exchange', 'Relay'].sort()).toEqual([...RPCS].sort());
  });

  it('stands in docs/security.md as the code has it (UPDATE_DOCUMENT=1 brings it up to date)', () => {
    if (process.env.UPDATE_DOCUMENT === '1') writeFileSync(DOCUMENT, refreshed(readFileSync(DOCUMENT, 'utf8')));
    const document = readFileSync(DOCUMENT, 'utf8');
    expect(document).toBe(refreshed(document));
  });

  it.each(TRIED)('%s is refused to nobody and to an identity without a role, unless it needs nothing', async (name) => {
    const { needs } = METHODS[name];
    const nobody = await refusalFor(name, members.agent, new Metadata());
    const isFree = needs === 'nothing';
    // A call about one's own session has none to be about.
    const ownless = ['Attach', 'KeepAlive'].includes(name) ? 'SESSION_TOKEN_MISSING' : 'AUTH_REQUIRED';
    expect(nobody?.reason === ownless).toBe(!isFree);
    const without = await member([]);
    const refused = await refusalFor(name, without, without.as);
    expect(refused?.reason === ownless).toBe(!isFree && needs !== 'principal');
  });

  it.each(TRIED.flatMap((name) => ROLES.map((role) => [name, role] as const)))(
    '%s is decided for %s as the table says',
    async (name, role) => {
      const { as, ...own } = members[role];
      const refused = await refusalFor(name, own, as);
      const cell = cellOf(role, name);
      const isDenied = refused?.reason === 'PERMISSION_DENIED';
      // These are decided by more than the role: by the proof in the request, and by the grants.
      if (name === 'Session') expect(refused?.reason).toBe('AUTH_REQUIRED');
      if (cell === 'grant' || name === 'Session') return;
      const noSession = ['Attach', 'KeepAlive'].includes(name) && cell === 'none';
      expect(isDenied).toBe(cell === 'none' && !noSession);
      if (noSession) expect(refused?.reason).toBe('SESSION_TOKEN_MISSING');
    },
  );

  it.each(HIDING)(
    '%s tells an agent nothing of who is hidden that it does not tell of who is not there',
    async (name) => {
      const { as } = members.agent;
      const masked = (refused: object | undefined, { sid, stream, uuid }: Target) =>
        JSON.stringify(refused)
          ?.replaceAll(String(sid), 'ID')
          .replaceAll(String(stream), 'ID')
          .replaceAll(uuid, 'UUID');
      const ofHidden = masked(await refusalFor(name, hidden, as), hidden);
      expect(ofHidden).toBe(masked(await refusalFor(name, NO_TARGET, as), NO_TARGET));
      expect(ofHidden).toMatch(/NOT_FOUND|FIELD_INVALID/);
      // The same is there for who may see it.
      const seen = await refusalFor(name, hidden, members.operator.as);
      expect(masked(seen, hidden)).not.toBe(ofHidden);
    },
  );
});
