import { decodeBody } from '../../../src/system/codec/body.js';
import { decodeEvent, EVENTS, type SystemEvent } from '../../../src/system/codec/event.js';
import { Flaw } from '../../../src/system/codec/flaw.js';
import { decodePacket } from '../../../src/system/codec/packet.js';

/** The event in a packet from the server, with its packet id; undefined for whatever else a packet can hold. */
export function eventOf(bytes: Uint8Array): { event: SystemEvent; packetId: number | undefined } | undefined {
  const packet = decodePacket(bytes);
  if (packet instanceof Flaw || !packet.event || packet.noise) return undefined;
  const event = decodeEvent(packet.body, 'client');
  return event instanceof Flaw ? undefined : { event, packetId: packet.packetId };
}

/** The SID that a packet tells its client as that of its new session. Simulated clients ask with the event's number as the packet id. */
export function openedIn(bytes: Uint8Array): number | undefined {
  const { event, packetId } = eventOf(bytes) ?? {};
  if (event?.type !== 'Answer' || event.body.code !== 0 || packetId !== EVENTS.Session.number) return undefined;
  const body = decodeBody(EVENTS.Session.answerTable, event.body.data!);
  return 'instanceSid' in body ? body.instanceSid : undefined;
}
