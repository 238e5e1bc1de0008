import { WatchKind } from '../../../gen/switchyard/v1/network.js';
import type { WatchNetworkDeltaResponse } from '../../../gen/switchyard/v1/network_service.js';
import type { Found } from '../verdict.js';
import type { History, Told } from './history.js';

/** Finds what is wrong with a message, given what was told before; says it in words. */
export interface WatchCheck {
  readonly name: string;
  find(history: History, told: Told): string | undefined;
}

const isDelta = ({ kind }: Told) => kind === WatchKind.DELTA;

/** Positions only go on, in one epoch, and nothing is told on top of a snapshot that is not whole. */
export const ordered: WatchCheck = {
  name: 'Ordered',
  find({ cursor, epoch, incoming }, { kind, to, epoch: toldEpoch }) {
    if (kind === WatchKind.RESET) return undefined;
    if (kind === WatchKind.SNAPSHOT || kind === WatchKind.SNAPSHOT_END) {
      if (cursor !== undefined) return `a snapshot at ${to} after a change at ${cursor}, without a RESET`;
      return incoming !== undefined && incoming.to !== to ? `a snapshot at ${incoming.to} goes on at ${to}` : undefined;
    }
    if (cursor === undefined) return `${WatchKind[kind]} at ${to} before a snapshot was whole`;
    if (toldEpoch !== epoch) return `epoch ${toldEpoch} after ${epoch}, without a RESET`;
    return to < cursor ? `revision ${to} after ${cursor}` : undefined;
  },
};

/** The first thing after a resumption joins on where the reader stands. */
export const resumable: WatchCheck = {
  name: 'Resumable',
  find(history, told) {
    if (!history.isResumed || !isDelta(told)) return undefined;
    const { changes, due } = told;
    if (changes.length === due.length || told.mayBeNet) return undefined;
    return `after ${history.cursor} it went on with ${changes.length} revisions up to ${told.to}; ${due.length} are due`;
  },
};

/** No revision is told twice. */
export const unique: WatchCheck = {
  name: 'Unique',
  find({ cursor }, told) {
    if (!isDelta(told) || told.mayBeNet || told.changes.length <= told.due.length) return undefined;
    return `${told.changes.length} revisions between ${cursor} and ${told.to}, where ${told.due.length} are`;
  },
};

/** No revision is left out. */
export const reliable: WatchCheck = {
  name: 'Reliable',
  find({ cursor }, told) {
    if (!isDelta(told) || told.mayBeNet || told.changes.length >= told.due.length) return undefined;
    return `${told.changes.length} revisions between ${cursor} and ${told.to}, where ${told.due.length} are`;
  },
};

/** Each revision is told whole, and holds what happened in it. */
export const atomic: WatchCheck = {
  name: 'Atomic',
  find(history, told) {
    if (!isDelta(told) || told.mayBeNet) return undefined;
    const at = told.changes.findIndex((change, nth) => history.textOf(change) !== textDue(history, told, nth));
    if (at === -1) return undefined;
    const revision = told.due[at]?.revision;
    return `revision ${revision} was told as [${history.textOf(told.changes[at])}]; it is [${textDue(history, told, at)}]`;
  },
};

function textDue(history: History, { due }: Told, nth: number): string {
  const revision = due[nth];
  return history.wish.sids.size === 0 ? revision.text : history.textOf(revision.change);
}

/** A bookmark stands where everything before it has been told. */
export const bookmarkable: WatchCheck = {
  name: 'Bookmarkable',
  find({ cursor }, { kind, to, due }) {
    if (kind !== WatchKind.BOOKMARK || due.length === 0) return undefined;
    return `a bookmark at ${to} while revisions past ${cursor} are due: ${due.map(({ revision }) => revision)}`;
  },
};

/** The reader sees the graph as it was at the position that it was told. */
export const faithful: WatchCheck = {
  name: 'Faithful',
  find(history, { kind }) {
    const { truth, wish, picture, cursor } = history;
    if (cursor === undefined || (kind !== WatchKind.DELTA && kind !== WatchKind.SNAPSHOT_END)) return undefined;
    const right = wish.sids.size === 0 ? truth.at(cursor)?.pictureHash : history.visible(cursor).hash;
    if (picture.hash === right) return undefined;
    return `at revision ${cursor} the reader ${picture.difference(history.visible(cursor))}`;
  },
};

/** No instance has two nodes in what the reader sees, at any revision: one superseding leaves one session. */
export const sole: WatchCheck = {
  name: 'Sole',
  find({ picture, cursor }, { kind, changes }) {
    const isGrown = changes.some(({ nodesAdded }) => nodesAdded.length > 0);
    if (cursor === undefined || (kind !== WatchKind.SNAPSHOT_END && !isGrown)) return undefined;
    const seen = new Set<string>();
    for (const line of picture.nodeLines()) {
      const [, , , , uuid] = line.split(' ');
      if (seen.has(uuid)) return `instance ${uuid} has two nodes at ${cursor}`;
      seen.add(uuid);
    }
    return undefined;
  },
};

/** In this order: the first that finds something names what is wrong. */
const BEFORE: readonly WatchCheck[] = [ordered, resumable, unique, reliable, atomic, bookmarkable];
/** These look at what the reader sees once it has the message. */
const AFTER: readonly WatchCheck[] = [faithful, sole];

/** Takes the next message of a watch into its history. Answers with what is wrong, and then the history stays. */
export function takeMessage(history: History, message: WatchNetworkDeltaResponse): Found | undefined {
  const told = history.lay(message);
  if (told.to > history.truth.last) {
    return { check: 'Durable', text: `revision ${told.to} was told; ${history.truth.last} is durable` };
  }
  for (const check of BEFORE) {
    const text = check.find(history, told);
    if (text !== undefined) return { check: check.name, text };
  }
  history.move(told);
  for (const check of AFTER) {
    const text = check.find(history, told);
    if (text !== undefined) return { check: check.name, text };
  }
  return undefined;
}
