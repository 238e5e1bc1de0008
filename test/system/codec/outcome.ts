import { decodeBody, encodeBody } from '../../../src/system/codec/body.js';
import { ByteWriter } from '../../../src/system/codec/bytes.js';
import { decodeEvent, EVENTS, type EventName, encodeEvent } from '../../../src/system/codec/event.js';
import type { EventType } from '../../../src/system/codec/event-type.js';
import type { Table } from '../../../src/system/codec/field.js';
import { Flaw } from '../../../src/system/codec/flaw.js';
import { FrameReader } from '../../../src/system/codec/frame.js';
import { decodePacket } from '../../../src/system/codec/packet.js';

/** What bytes are read as: an event by either side, a packet, frames, or the data of an Answer to a type of event. */
export type Reading = 'to-server' | 'to-client' | 'packet' | 'frames' | `answer-to ${EventName}`;

/** The bound of the vectors' frames. */
export const PACKET_BYTES_MAX = 65_536;

/** What came of it, in the words of the vectors: the document's spelling, bytes as hex. */
export interface Outcome {
  readonly value: unknown;
  /** The thing written again: the one encoding that it has. Absent for a flaw, a packet and frames. */
  readonly encoding?: string;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function flawed({ reason, offset }: Flaw): Outcome {
  return { value: { reason, offset } };
}

/** A body with the document's names. */
function spelled(table: Table, body: object): Record<string, unknown> {
  const values = body as Record<string, unknown>;
  const named: Record<string, unknown> = {};
  for (const { property, name, kind } of table.slots) {
    const one = (value: unknown): unknown => {
      if ('table' in kind) return spelled(kind.table as Table, value as object);
      return value instanceof Uint8Array ? hex(value) : value;
    };
    const value = values[property];
    if (value !== undefined) named[name] = Array.isArray(value) ? value.map(one) : one(value);
  }
  return named;
}

function readEvent(bytes: Uint8Array, receiver: 'server' | 'client'): Outcome {
  const event = decodeEvent(bytes, receiver);
  if (event instanceof Flaw) return flawed(event);
  const writer = new ByteWriter();
  encodeEvent(writer, event);
  const { table } = EVENTS[event.type] as EventType;
  return { value: { type: event.type, body: spelled(table, event.body) }, encoding: hex(writer.finish()) };
}

function readAnswer(bytes: Uint8Array, table: Table): Outcome {
  const body = decodeBody(table, bytes);
  if (body instanceof Flaw) return flawed(body);
  const writer = new ByteWriter();
  encodeBody(table, writer, body);
  return { value: spelled(table, body), encoding: hex(writer.finish()) };
}

function readPacket(bytes: Uint8Array): Outcome {
  const packet = decodePacket(bytes);
  if (packet instanceof Flaw) return flawed(packet);
  const { streamId, packetId, body, ...flags } = packet;
  return {
    value: { stream_id: streamId, ...flags, ...(packetId !== undefined && { packet_id: packetId }), body: hex(body) },
  };
}

function readFrames(bytes: Uint8Array): Outcome {
  const reader = new FrameReader(PACKET_BYTES_MAX);
  const packets: string[] = [];
  const flaw = reader.push(bytes, (packet) => packets.push(hex(packet)));
  return { value: flaw === undefined ? { packets, held: reader.heldBytes } : { packets, reason: flaw.reason } };
}

/** Reads bytes in one of the ways. */
export function outcomeOf(reading: Reading, bytes: Uint8Array): Outcome {
  if (reading === 'to-server') return readEvent(bytes, 'server');
  if (reading === 'to-client') return readEvent(bytes, 'client');
  if (reading === 'packet') return readPacket(bytes);
  if (reading === 'frames') return readFrames(bytes);
  const { answerTable } = EVENTS[reading.slice('answer-to '.length) as EventName] as EventType;
  if (answerTable === undefined) throw new Error(`${reading}: has no data`);
  return readAnswer(bytes, answerTable);
}

/** JSON without choices: keys sorted, nothing between. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) =>
    one !== null && typeof one === 'object' && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  );
}
