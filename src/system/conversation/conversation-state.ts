/**
 * How far a conversation has come.
 *
 * - `new`: the client has no session here.
 * - `opening`: its session is being opened, or taken up by a proof. What it says next belongs to that session, and waits.
 * - `open`: it has a session, whose attachment this connection is.
 * - `terminating`: its session is being ended by its own wish. Nothing more is asked; the answer has its time to be delivered.
 * - `over`: the connection is closing or closed. Nothing more is said or taken.
 */
export type ConversationState = 'new' | 'opening' | 'open' | 'terminating' | 'over';

/**
 * What can happen in a conversation.
 *
 * - `begin`: a session was asked for that is not there at once.
 * - `refuse`: it will not be there.
 * - `enter`: it is there.
 * - `terminate`: the client wants its session to end.
 * - `keep`: its session could not be ended; it is told so, and may go on.
 * - `end`: the connection begins to close, or has closed.
 */
export type ConversationEvent = (typeof EVENTS)[number];

const EVENTS = ['begin', 'refuse', 'enter', 'terminate', 'keep', 'end'] as const;

type Cell = ConversationState | '·';

/**
 * Every state × every event; `·` stays where it is. What a request brings that took its time is late where the conversation
 * has gone on meanwhile, and changes nothing: nothing leads out of `over`.
 */
// biome-ignore format: a table is read by its columns.
const TABLE: Readonly<Record<ConversationState, readonly [Cell, Cell, Cell, Cell, Cell, Cell]>> = {
  //            begin      refuse  enter   terminate      keep    end
  new:         ['opening', '·',    'open', '·',           '·',    'over'],
  opening:     ['·',       'new',  'open', '·',           '·',    'over'],
  open:        ['·',       '·',    '·',    'terminating', '·',    'over'],
  terminating: ['·',       '·',    '·',    '·',           'open', 'over'],
  over:        ['·',       '·',    '·',    '·',           '·',    '·'],
};

/** Where an event leads from a state. */
export function nextConversation(state: ConversationState, event: ConversationEvent): ConversationState {
  const cell = TABLE[state][EVENTS.indexOf(event)];
  return cell === '·' ? state : cell;
}
