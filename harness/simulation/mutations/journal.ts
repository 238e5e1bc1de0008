import type { Clock } from '../../../src/base/clock.js';
import type { Applied } from '../../../src/core/decide/apply.js';
import type { Command } from '../../../src/core/model/command.js';
import type { Fault } from '../../../src/core/model/fault.js';
import { decodeRecord, encodeRecord } from '../../../src/journal/format/record.js';
import type { Journal } from '../../../src/journal/journal.js';
import type { Replica } from '../../../src/replica/replica.js';
import { inside } from '../machine/inside.js';
import { journalWith } from './journal-with.js';
import type { Mutation } from './mutation.js';

/** What the replica keeps to itself, and some mutations have to get at. */
interface ReplicaInside {
  readonly parts: { readonly clock: Clock };
  readonly journal: Journal;
  readonly appender: { take(pending: { command: Command; resolve(outcome: Applied | Fault): void }): void };
  applyAndPublish(command: Command): Applied | Fault;
}

/** Faults of who writes the journal, and of who reads it. */
export const JOURNAL_MUTATIONS: readonly Mutation[] = [
  {
    name: 'acknowledge before it is durable',
    seed: 3,
    minutes: 3,
    finds: 'Durable',
    journal: (journal) => {
      let before = Promise.resolve();
      return journalWith(journal, {
        append: (records) => {
          // What a start stores is stored before the server is up, and tells nobody anything.
          if (['FoundNetwork', 'SetLimits'].includes(decodeRecord(records[0]).kind)) return journal.append(records);
          before = before.then(() => journal.append(records)).catch(() => {});
          return Promise.resolve();
        },
      });
    },
  },
  {
    name: 'apply and publish before the append',
    seed: 1,
    minutes: 3,
    finds: 'Durable',
    server: ({ replica }) => {
      const own = inside<ReplicaInside>(replica, 'parts', 'journal', 'appender', 'applyAndPublish');
      let before: Promise<unknown> = Promise.resolve();
      own.appender.take = ({ command, resolve }) => {
        const stored = { ...command, storedAtMs: own.parts.clock.wallMs() };
        const record = encodeRecord((replica as Replica).state.revision + 1, stored);
        const outcome = own.applyAndPublish(stored);
        before = before
          .then(() => own.journal.append([record]))
          .then(() => resolve(outcome))
          .catch(() => {});
      };
    },
  },
  {
    name: 'keep what was made for callers that have given up',
    seed: 4,
    minutes: 3,
    finds: 'Abandoned',
    server: ({ replica }) => {
      replica.takeBack = () => {};
    },
  },
  {
    name: 'do a call twice',
    seed: 2,
    minutes: 3,
    finds: 'Once',
    server: ({ replica }) => {
      const submit = replica.submit.bind(replica);
      replica.submit = (command) => {
        if (command.kind === 'CreateStream') void submit(command);
        return submit(command);
      };
    },
  },
  {
    name: 'recover without the last record',
    seed: 3,
    minutes: 3,
    finds: 'Replayed',
    journal: (journal) =>
      journalWith(journal, {
        async *read(after) {
          const { last } = journal;
          for await (const records of journal.read(after)) {
            yield [...records].filter(({ revision }) => revision < Math.max(last, 2));
          }
        },
      }),
  },
];
