import { expect, it } from '@jest/globals';
import { systemClock } from '../../src/client/system.js';
import { JournalError } from '../../src/journal/journal.js';
import { MemoryJournal } from '../../src/journal/storage/memory.js';
import { run } from '../grpc/running.js';

it('ends a process whose journal cannot be written before a door is open, without waiting for a timer', async () => {
  const failure = new JournalError('failed', 'EIO');
  const journal = new MemoryJournal();
  journal.append = () => Promise.reject(failure);
  const clock = { ...systemClock, after: () => ({ cancel: () => {} }) };
  const error = await new Promise((fatal) => void run({}, { clock, journal, fatal }));
  expect(error).toBe(failure);
}, 5_000);

it('ends a start on a full disk that has limits to store with the failure of the storage', async () => {
  const journal = new MemoryJournal();
  await (await run({}, { journal })).stop();
  journal.append = () => Promise.reject(new JournalError('full', 'no space left'));
  const message = 'the limits could not be stored: the journal does not accept commands: no space left';
  await expect(run({ 'sessions-max': '5' }, { journal })).rejects.toMatchObject({ kind: 'full', message });
});
