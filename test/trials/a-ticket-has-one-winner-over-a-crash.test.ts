import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { decodeTicket, type Identity, SigningKey, Switchyard, SwitchyardError } from '../../src/client/index.js';
import { type Program, startServerProcess } from '../cli/process.js';

// headscale #158: a key for one machine let in a second one.

const TEST_MS = 60_000;
const ADMIN = 'an-administrator-of-tests';
/** Who wants the only use of the ticket. */
const DEVICES = 100;
/** How long after the first call the server is killed, in ms: while proofs are verified, while the winner is stored, after it. */
const KILLED_AFTER_MS = process.env.GATE_LONG_TESTS === '1' ? [5, 15, 30, 60, 120] : [30];

interface Device {
  readonly uuid: string;
  readonly key: SigningKey;
}

let folder: string;
const programs: Program[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'one-winner-'));
});
afterEach(async () => {
  for (const program of programs.splice(0)) await program.stop('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

async function start(): Promise<{ readonly program: Program; readonly address: string }> {
  const args = ['--listen', '127.0.0.1:0', '--data', join(folder, 'data'), '--log-level', 'silent'];
  const started = await startServerProcess(args, { SWITCHYARD_ADMIN_TOKEN: ADMIN });
  programs.push(started.program);
  return started;
}

/** All devices redeem at once; those that were answered, with their identity. */
async function redeemAll(yard: Switchyard, secret: Uint8Array, devices: readonly Device[]) {
  const answers = await Promise.all(
    devices.map(({ uuid, key }) =>
      yard.identities.enroll({ secret, uuid, key }, { timeoutMs: 20_000 }).then(
        ({ identity }) => identity as Identity,
        (error: unknown) => {
          if (error instanceof SwitchyardError) return error;
          throw error;
        },
      ),
    ),
  );
  return answers.flatMap((answer, index) => (answer instanceof SwitchyardError ? [] : [devices[index].uuid]));
}

describe('a ticket of one use that 100 redeem while the server is killed', () => {
  it(
    'has one winner, the one that was told so if one was, and its lost answer is given again',
    async () => {
      for (const afterMs of KILLED_AFTER_MS) {
        const devices = Array.from({ length: DEVICES }, () => ({ uuid: randomUUID(), key: SigningKey.generate() }));
        const first = await start();
        const yard = new Switchyard({ server: first.address, adminToken: ADMIN });
        const { text } = await yard.identities.issueTicket({ roles: ['agent'] });
        const { secret } = decodeTicket(text);
        const told = redeemAll(yard, secret, devices);
        await new Promise((resolve) => setTimeout(resolve, afterMs));
        await first.program.stop('SIGKILL');
        await yard.close();
        const winnersBefore = await told;
        expect(winnersBefore.length).toBeLessThanOrEqual(1);

        const second = await start();
        const again = new Switchyard({ server: second.address, adminToken: ADMIN });
        const winners = await redeemAll(again, secret, devices);
        expect(winners).toHaveLength(1);
        if (winnersBefore.length === 1) expect(winners).toEqual(winnersBefore);
        // The winner asks as often as it likes; the ticket has one use, and it is spent.
        expect(await redeemAll(again, secret, devices)).toEqual(winners);
        const tickets: number[] = [];
        for await (const { used } of again.identities.listTickets()) tickets.push(used);
        expect(tickets.at(-1)).toBe(1);
        await again.close();
        await second.program.stop('SIGKILL');
      }
    },
    TEST_MS,
  );
});
