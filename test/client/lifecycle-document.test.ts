import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { constantRandom, ManualClock, settle } from '../../harness/manual-clock.js';
import { StatusCode, Switchyard, SwitchyardError, WatchKind } from '../../src/client/index.js';
import { type Event, eventOf, next, type State } from '../../src/client/instance/lifecycle.js';
import { LIMITS } from '../../src/client/limits.js';
import { FakeChannel } from './worlds/fake-channel.js';

const DOCUMENT = readFileSync('docs/client-lifecycle.md', 'utf8');

/** The rows of the table below a heading: the head first, each a list of cells without their backquotes. */
function table(heading: string): string[][] {
  const [, section = ''] = DOCUMENT.split(`\n## ${heading}\n`);
  const lines = section.split('\n## ')[0].split('\n');
  const rows = lines.filter((line) => line.startsWith('| ')).map((line) => line.slice(2, -2).split(' | '));
  return rows.map((row) => row.map((cell) => cell.replaceAll('`', '')));
}

/** The error that a row of a table of errors names: a reason whatever its code, or a code whatever its reason. */
function errorsOf(name: string): SwitchyardError[] {
  if (name in StatusCode) return [new SwitchyardError(StatusCode[name as keyof typeof StatusCode], 'refused')];
  const codes = [StatusCode.ABORTED, StatusCode.UNAVAILABLE, StatusCode.UNAUTHENTICATED];
  return codes.map((code) => new SwitchyardError(code, 'refused', { reason: name }));
}

/** Codes that have no row of their own. */
function otherCodes(rows: readonly string[][]): string[] {
  const named = new Set(rows.map(([name]) => name));
  return Object.keys(StatusCode).filter((name) => name !== 'OK' && !named.has(name));
}

const [[, ...events], ...moves] = table('Which event leads where');

describe('docs/client-lifecycle.md', () => {
  it('describes every state and every event of its table, and no others', () => {
    expect(
      table('States')
        .slice(1)
        .map(([state]) => state),
    ).toEqual(moves.map(([state]) => state));
    expect(
      table('Events')
        .slice(1)
        .map(([event]) => event),
    ).toEqual(events);
    expect([moves.length, events.length]).toEqual([7, 9]);
  });

  it.each(moves)('says where %s goes, as the client does', (state, ...cells) => {
    const led = events.map((event) => next(state as State, event as Event));
    expect(cells.map((cell) => (cell === '·' ? state : cell))).toEqual(led);
  });

  it('says what each error means, as the client takes it', () => {
    const rows = table('What an error means').slice(1);
    for (const [name, event] of rows.slice(0, -1)) {
      for (const error of errorsOf(name)) expect([name, eventOf(error)]).toEqual([name, event]);
    }
    const [last, otherwise] = rows.at(-1)!;
    expect(last).toBe('any other');
    for (const name of otherCodes(rows)) expect([name, eventOf(errorsOf(name)[0])]).toEqual([name, otherwise]);
  });

  it('says what each error means to a watch, as the client takes it', async () => {
    const rows = table('What an error means to a watch').slice(1);
    const cases = rows.slice(0, -1).map(([name, outcome]) => ({ name, outcome }));
    const others = otherCodes(rows).map((name) => ({ name, outcome: rows.at(-1)![1] }));
    for (const { name, outcome } of [...cases, ...others]) {
      // Of reasons the first code is enough: it has no row.
      expect([name, await outcomeOfWatch(errorsOf(name)[0])]).toEqual([name, outcome]);
    }
  });

  it('gives the bounds that the client has', () => {
    const bounds = Object.fromEntries(
      table('Bounds')
        .slice(1)
        .map(([name, value]) => [name, Number(value)]),
    );
    expect(LIMITS).toMatchObject(bounds);
    expect(Object.keys(bounds)).toHaveLength(13);
  });
});

/** What a watch does that stands at a position when its call ends with an error. */
async function outcomeOfWatch(error: SwitchyardError): Promise<string> {
  const clock = new ManualClock();
  const channel = new FakeChannel();
  const yard = new Switchyard({ channel, clock, random: constantRandom(0) });
  const kinds: WatchKind[] = [];
  let isOver = false;
  const after = { epoch: 'e', revision: 5n };
  void (async () => {
    for await (const { kind } of yard.watchNetworkDelta({ after })) kinds.push(kind);
  })().catch(() => (isOver = true));
  await clock.pass(0);
  channel.stream('WatchNetworkDelta').end(error);
  await clock.pass(1);
  await settle();
  if (isOver) return 'ends';
  expect(channel.named('WatchNetworkDelta')).toHaveLength(2);
  const wasReset = kinds.includes(WatchKind.RESET);
  expect(channel.stream('WatchNetworkDelta').seen.request.after).toEqual(wasReset ? undefined : after);
  return wasReset ? 'begins again' : 'goes on';
}
