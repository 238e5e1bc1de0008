import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { DEFAULT_DOOR_LIMITS } from '../../../src/grpc/limits.js';
import { RESIDENT_BYTES_MAX } from '../tools/cap.js';
import { drawRound, ROUNDS_OF_ONE_SERVER } from './draw.js';
import { expelledCount, Fuzzer, playAlone, RoundFailure, type Tally } from './fuzzer.js';
import { ControlledPatience, ControlTimes, FixedPatience, PATIENCE_MS_MAX } from './patience.js';
import { bytesOf, type Op, type Round, writesOf } from './plan.js';

const CASES = new URL('./cases/', import.meta.url);
const SEED = 1;
/** Rounds of the smoke test, and how many there may be until one was expelled: with this seed the first does it. */
const SMOKE_ROUNDS = 2;
const SMOKE_ROUNDS_MAX = 20;
/** For what else the machine has to do. */
const SMOKE_PATIENCE_MS = 20_000;
const TOKEN = 'sw1_token';

const opsOf = ({ offenders }: Round): Op[] =>
  offenders.flatMap(({ phases }) => phases.flatMap(({ ops }) => ops as Op[]));

const resetsOf = (ops: readonly Op[]): number =>
  ops.reduce((resets, op) => resets + (op.op === 'reset' ? op.count : 0), 0);

describe('a drawn round', () => {
  it('is the same for the same seed and number, whichever came before it', () => {
    const drawn = Array.from({ length: 20 }, (_, number) => drawRound(7, number));
    expect(drawRound(7, 13)).toEqual(drawn[13]);
    expect(drawRound(8, 13)).not.toEqual(drawn[13]);
  });

  it('is the same after it was kept as a file', () => {
    const round = drawRound(7, 3);
    expect(JSON.parse(JSON.stringify(round))).toEqual(round);
  });

  it('has the server of its neighbours, and the last one of a server drains it', () => {
    const servers = Array.from({ length: ROUNDS_OF_ONE_SERVER }, (_, number) => drawRound(7, number));
    for (const { server } of servers) expect(server).toEqual(servers[0].server);
    expect(servers.filter(({ drainAfterMs }) => drainAfterMs !== undefined)).toEqual([servers.at(-1)]);
  });

  it('has frames of every kind among some hundred others, resets above all', () => {
    const ops = Array.from({ length: 300 }, (_, number) => opsOf(drawRound(7, number))).flat();
    const counts = new Map<string, number>();
    for (const { op } of ops) counts.set(op, (counts.get(op) ?? 0) + 1);
    const kinds = ['call', 'reset', 'data', 'window', 'priority', 'ping', 'settings', 'goaway', 'garbage', 'bytes'];
    expect([...counts.keys()].sort()).toEqual(kinds.sort());
    const { call = 0, reset = 0, ...others } = Object.fromEntries(counts);
    expect(call).toBeGreaterThan(reset);
    expect(reset).toBeGreaterThan(Math.max(...Object.values(others)));
  });

  it('comes from other addresses than the ordinary client', () => {
    const rounds = Array.from({ length: 100 }, (_, number) => drawRound(7, number));
    const addresses = new Set(rounds.flatMap(({ offenders }) => offenders.map(({ from }) => from)));
    expect([...addresses].sort()).toEqual([2, 3, 4, 5, 6, 7, 8, 9].map((last) => `127.0.0.${last}`));
  });

  it('passes a bound of early resets in at least a third of all rounds', () => {
    const rounds = Array.from({ length: 300 }, (_, number) => drawRound(7, number));
    const passing = rounds.filter(({ server, offenders }) => {
      const at = server.args.indexOf('--early-resets-max');
      const bound = at < 0 ? DEFAULT_DOOR_LIMITS.earlyResetsMax : Number(server.args[at + 1]);
      return offenders.some(({ phases }) => resetsOf(phases.flatMap(({ ops }) => ops as Op[])) > bound);
    });
    expect(passing.length).toBeGreaterThan(rounds.length / 3);
  });

  it('has the same bytes however they are cut', () => {
    for (let number = 0; number < 20; number++) {
      for (const phase of drawRound(7, number).offenders.flatMap(({ phases }) => phases)) {
        expect(Buffer.concat(writesOf(phase, TOKEN)).equals(bytesOf(phase.ops, TOKEN))).toBe(true);
      }
    }
  });
});

describe('patience with a server', () => {
  const patienceAt = (slowestMs: number) => new ControlledPatience(10_000, { begin: () => {}, slowestMs });

  it('is what it was set to while a server that nobody attacks answers within a tenth of it', () => {
    expect(patienceAt(0).ms).toBe(10_000);
    expect(patienceAt(1_000).ms).toBe(10_000);
  });

  it('is 10 times what a call to a server takes that nobody attacks, up to a minute', () => {
    expect(patienceAt(2_500).ms).toBe(25_000);
    expect(patienceAt(PATIENCE_MS_MAX).ms).toBe(PATIENCE_MS_MAX);
  });

  it('counts the calls of one round only, and the one that is under way', () => {
    let nowMs = 0;
    const times = new ControlTimes(() => nowMs);
    times.called();
    nowMs = 3_000;
    expect(times.slowestMs).toBe(3_000);
    times.answered();
    nowMs = 9_000;
    expect(times.slowestMs).toBe(3_000);
    times.begin();
    expect(times.slowestMs).toBe(0);
    times.called();
    nowMs = 9_500;
    times.answered();
    expect(times.slowestMs).toBe(500);
  });
});

describe('a round that failed', () => {
  it('names its seed and number, and why', () => {
    const failure = new RoundFailure(5, 17, drawRound(5, 17), new Error('the server ended with SIGABRT'));
    expect(failure.message).toBe('seed 5, round 17: the server ended with SIGABRT');
  });
});

describe('a server beside an ordinary client', () => {
  it('bears some rounds of frames without a rule, and expels who sends them', async () => {
    const goesOn = (tally: Tally) =>
      tally.rounds < SMOKE_ROUNDS || (expelledCount(tally) === 0 && tally.rounds < SMOKE_ROUNDS_MAX);
    const fuzzer = new Fuzzer({ seed: SEED, from: 0, patience: new FixedPatience(SMOKE_PATIENCE_MS), goesOn });
    await fuzzer.run();
    const { calls, peakBytes } = fuzzer.tally;
    expect(expelledCount(fuzzer.tally)).toBeGreaterThan(0);
    expect(calls).toBeGreaterThan(0);
    expect(peakBytes).toBeLessThan(RESIDENT_BYTES_MAX);
  });

  it('fails a round when an ordinary call takes longer than the patience with it', async () => {
    const fuzzer = new Fuzzer({ seed: SEED, from: 0, patience: new FixedPatience(0.01), goesOn: () => true });
    await expect(fuzzer.run()).rejects.toThrow(/^seed 1, round 0: .* (0\.01 ms)/);
  });

  it.each(readdirSync(CASES))('bears the round of %s, which a server did not bear once', async (file) => {
    await playAlone(JSON.parse(readFileSync(new URL(file, CASES), 'utf8')) as Round);
  });
});
