import { appendFileSync, chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type AuditLine,
  IdentityServiceService as Identities,
  IdentityKind,
  type WatchAuditResponse,
} from '../../../gen/switchyard/v1/identity.js';
import { hashOf } from '../../../src/audit/line.js';
import { Switchyard } from '../../../src/client/index.js';
import { ProofPurpose } from '../../../src/trust/signed-bytes.js';
import { runCommand, startCommand } from '../../cli/command.js';
import { keyOf, proofOf } from '../../trust/proving.js';
import {
  ADMIN_TOKEN,
  agent,
  asAdmin,
  asHeaders,
  ask,
  open,
  type Reading,
  type Running,
  refusalOf,
  refused,
  run,
} from '../running.js';

const FROM_OLDEST = { after: 0n, newest: 0 };

describe('WatchAudit', () => {
  let folder: string;
  let at: Running;
  let number = 1;
  const readings: Reading<WatchAuditResponse>[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'watch-audit-'));
    chmodSync(folder, 0o700);
    at = await run({ auth: 'required', data: folder });
  });
  afterAll(async () => {
    for (const { call } of readings) call.on('error', () => {}).cancel();
    await at.stop();
    rmSync(folder, { recursive: true });
  });

  function watch(request: { readonly after?: bigint; readonly newest: number }, as = asAdmin()) {
    const reading = open(at, Identities.watchAudit, { after: undefined, ...request }, as);
    readings.push(reading);
    return reading;
  }

  /** Reads until a line says this of an identity, and answers with all that came. */
  async function linesUntil(reading: Reading<WatchAuditResponse>, on: string): Promise<AuditLine[]> {
    const messages = await reading.until(({ lines }) => lines.some((line) => line.on === `identity ${on}`));
    return messages.flatMap(({ lines }) => lines);
  }

  /** Does something that is written down. */
  async function act(): Promise<string> {
    const identityUuid = agent(number++).instanceUuid;
    await ask(at, Identities.revokeIdentity, { identityUuid }, asAdmin());
    return identityUuid;
  }

  /** The lines of the files, as they are. */
  function written(): string[] {
    const audit = join(folder, 'audit');
    const texts = readdirSync(audit).map((name) => readFileSync(join(audit, name), 'utf8'));
    return texts.flatMap((text) => text.trimEnd().split('\n'));
  }

  it('answers at once, then tells each line as the file has it, with its hash', async () => {
    const reading = watch({ newest: 0 });
    const first = await reading.next();
    expect(first.lines).toEqual([]);
    const on = await act();
    const [line] = await linesUntil(reading, on);
    expect(line).toMatchObject({ who: 'administrator', from: '127.0.0.1', what: 'RevokeIdentity', outcome: 'ok' });
    expect(line.number).toBe(first.end + 1n);
    const { hash, number: at_, ...rest } = line;
    const text = JSON.stringify({ number: Number(at_), ...rest });
    expect(written()).toContain(text);
    expect(hashOf(text)).toBe(hash);
  });

  it('begins with the oldest line, with the newest ones, or behind the line that the caller has', async () => {
    const [one, two] = [await act(), await act()];
    const all = await linesUntil(watch(FROM_OLDEST), two);
    expect(all.map((line) => Number(line.number))).toEqual(all.map((_line, index) => index + 1));
    all.slice(1).forEach((line, index) => void expect(line.before).toBe(all[index].hash));
    const last = all.at(-2)!;
    expect(last.on).toBe(`identity ${one}`);
    expect(await linesUntil(watch({ after: last.number, newest: 0 }), two)).toEqual(all.slice(-1));
    expect(await linesUntil(watch({ newest: 2 }), two)).toEqual(all.slice(-2));
  });

  it('tells a reader that fell behind all that it missed, from the files', async () => {
    const reading = watch({ newest: 0 });
    reading.call.pause();
    // In one turn, so that one write to the disk has them all.
    await Promise.all(Array.from({ length: 300 }, act));
    const on = await act();
    reading.call.resume();
    const lines = await linesUntil(reading, on);
    expect(lines).toHaveLength(301);
    lines.slice(1).forEach((line, index) => void expect(line.before).toBe(lines[index].hash));
  });

  it('refuses a line that is not there yet, too many, and both at once', async () => {
    const wrong = (request: Parameters<typeof watch>[0]) =>
      watch(request)
        .next()
        .then(() => undefined, refusalOf);
    expect(await wrong({ after: 1n << 40n, newest: 0 })).toMatchObject({ reason: 'FIELD_INVALID', fields: ['after'] });
    expect((await wrong({ newest: 10_001 }))?.fields).toEqual(['newest']);
    expect((await wrong({ newest: -1 }))?.fields).toEqual(['newest']);
    expect((await wrong({ after: 0n, newest: 5 }))?.fields).toEqual(['newest']);
  });

  it('ends when its reader loses the role, and names the permission', async () => {
    const own = 900_000 + number++;
    const identityUuid = agent(own).instanceUuid;
    await ask(at, Identities.bindKey, { identityUuid, publicKey: keyOf(own).publicKey }, asAdmin());
    const update = (roles: string[]) => {
      const described = { identityUuid, kind: IdentityKind.PERSON, roles, name: '', labels: {} };
      return ask(at, Identities.updateIdentity, { ...described, updateMask: ['roles'] }, asAdmin());
    };
    await update(['admin']);
    const challenge = await ask(at, Identities.challenge, { network: '' });
    const proof = proofOf(keyOf(own), identityUuid, challenge, { purpose: ProofPurpose.LOGIN });
    const { accessToken } = await ask(at, Identities.login, { proof });
    const reading = watch({ newest: 0 }, asHeaders({ 'switchyard-access': accessToken }));
    await reading.next();
    await update(['operator']);
    expect(await reading.ending()).toMatchObject({
      reason: 'PERMISSION_DENIED',
      metadata: { permission: 'audit.read' },
    });
  });

  it('is refused where 64 watch already, and let in when one has ended', async () => {
    const open_ = readings.filter(({ call }) => !call.destroyed).length;
    const many: Reading<WatchAuditResponse>[] = [];
    let refusal: string | undefined;
    for (let times = 0; times <= 64 && refusal === undefined; times++) {
      const reading = watch({ newest: 0 });
      many.push(reading);
      refusal = await reading.next().then(
        () => undefined,
        (error) => refusalOf(error).reason,
      );
    }
    expect(refusal).toBe('WATCH_LIMIT');
    expect(many.length).toBeGreaterThanOrEqual(65 - open_);
    for (const { call } of many) call.on('error', () => {}).cancel();
    await act();
    let again = watch({ newest: 0 });
    while (
      (await again.next().then(
        () => 'here',
        () => 'full',
      )) === 'full'
    )
      again = watch({ newest: 0 });
  });

  it('is read by the client over a restart of the server, without a line twice or missing', async () => {
    const yard = new Switchyard({ server: at.address, adminToken: ADMIN_TOKEN });
    const breaks: string[] = [];
    const onBreak = (error: Error) => void breaks.push(error.message);
    const lines = yard.identities.watchAudit({ newest: 1, onBreak });
    try {
      const first = (await lines.next()).value as AuditLine;
      await at.server.drain();
      await at.stop();
      at = await run({ auth: 'required', data: folder, listen: at.address });
      const second = (await lines.next()).value as AuditLine;
      expect(second).toMatchObject({ who: 'server', what: 'Start', number: first.number + 1n, before: first.hash });
      expect(breaks.length).toBeGreaterThan(0);
    } finally {
      await lines.return();
      await yard.close();
    }
  });

  it('is what audit tail prints of a running server, once and with --follow', async () => {
    const flags = ['--server', at.address, '--admin-token', ADMIN_TOKEN];
    const on = await act();
    const once = await runCommand(['audit', 'tail', ...flags, '--lines', '1']);
    expect(once).toMatchObject({
      status: 0,
      err: '',
      out: expect.stringContaining(`RevokeIdentity identity ${on}: ok`),
    });
    const local = await runCommand(['audit', 'tail', '--data', folder, '--lines', '1', '--json']);
    const remote = await runCommand(['audit', 'tail', ...flags, '--lines', '1', '--json']);
    expect(remote.out).toBe(local.out);
    const following = startCommand(['audit', 'tail', '--follow', ...flags, '--lines', '1']);
    await following.printed(/RevokeIdentity/);
    const next = await act();
    await following.printed(new RegExp(next));
    following.interrupt();
    await following.ended;
    const stranger = await runCommand(['audit', 'tail', '--server', at.address]);
    expect(stranger).toMatchObject({ status: 1, err: expect.stringMatching(/AUTH_REQUIRED|ADMIN_REQUIRED/) });
  });

  it('ends with INTERNAL where a file cannot be read, and the server goes on', async () => {
    const audit = join(folder, 'audit');
    const [name] = readdirSync(audit);
    chmodSync(join(audit, name), 0o666);
    try {
      expect((await watch(FROM_OLDEST).ending()).reason).toBe('INTERNAL');
    } finally {
      chmodSync(join(audit, name), 0o600);
    }
    appendFileSync(join(audit, name), '');
    expect((await watch(FROM_OLDEST).next()).lines.length).toBeGreaterThan(0);
  });

  it('is UNIMPLEMENTED where nothing is kept on a disk', async () => {
    const other = await run();
    try {
      const reading = open(other, Identities.watchAudit, { after: undefined, newest: 0 }, asAdmin());
      expect((await refused(reading.next())).reason).toBe('UNIMPLEMENTED');
    } finally {
      await other.stop();
    }
  });
});
