import type { CutCause } from '../../system/conversation/backing.js';

/** Why a connection of system events was closed, for people. */
export const CUT_OFF_WORDS: Readonly<Record<CutCause, string>> = {
  connections: 'all places are taken',
  address: 'their address has all the places that it may have',
  handshake: 'they opened no session in time',
  slow: 'a packet took too long to come',
  idle: 'nothing was heard of them for too long',
  stalled: 'they take nothing',
  rate: 'they send more packets than they may',
  frame: 'what they send cannot be told apart: TLS, or another protocol',
  partial: 'they leave too much unfinished',
  unread: 'too much of theirs waits to be read',
  untaken: 'they leave too much untaken',
  closing: 'they do not let go',
};
