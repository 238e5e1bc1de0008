import type { Label } from '../../../gen/switchyard/journal/v1/label.js';
import type { StreamParams as StreamParamsMessage } from '../../../gen/switchyard/journal/v1/stream.js';
import { keysOf } from '../../base/tables.js';
import type { Labels } from '../../core/model/session.js';
import { DEFAULT_STREAM_PARAMS, type StreamParams } from '../../core/model/stream.js';

const NO_LABELS: Labels = Object.freeze({});

/** Labels as they are stored, in the order they come in. */
export function packLabels(labels: Labels): Label[] {
  return Object.entries(labels).map(([key, value]) => ({ key, value }));
}

/** Labels as the core has them. Own properties all, whatever the key: `__proto__` is a key like any other. */
export function unpackLabels(labels: readonly Label[]): Labels {
  if (labels.length === 0) return NO_LABELS;
  return Object.fromEntries(labels.map(({ key, value }) => [key, value]));
}

/** A hash, key or nonce as it is stored. Throws when a character is no byte: then it is none of these. */
export function packHidden(hidden: string): Buffer {
  const bytes = Buffer.from(hidden, 'latin1');
  if (bytes.toString('latin1') !== hidden) throw new Error('a hash, key or nonce holds characters that are no bytes');
  return bytes;
}

/** A hash, key or nonce as the core has it: one latin1 character a byte. */
export function unpackHidden(bytes: Uint8Array): string {
  const buffer = bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return buffer.toString('latin1');
}

/**
 * Parameters as they are stored: those that are there.
 *
 * One that is there and undefined throws. It would change a stream now, and be absent when it is read again.
 */
export function packParams(params: Partial<StreamParams>): StreamParamsMessage {
  for (const [name, value] of Object.entries(params)) {
    if (value === undefined) throw new Error(`stream parameter ${name} is there and undefined`);
  }
  const labels = params.labels === undefined ? undefined : { labels: packLabels(params.labels) };
  return { ...params, labels };
}

/** Parameters as the core has them in a change: what is absent is no key. */
export function unpackParams(params: StreamParamsMessage | undefined): Partial<StreamParams> {
  const { labels, ...plain } = params ?? {};
  const present = Object.fromEntries(Object.entries(plain).filter(([, value]) => value !== undefined));
  return labels === undefined ? present : { ...present, labels: unpackLabels(labels.labels) };
}

/**
 * Parameters as the core has them in a stream: what is absent is zero, empty or false.
 *
 * The defaults come back as the one object that the core has for them: every session has a stream with them, so a
 * restart would otherwise cost memory for each.
 */
export function wholeParams(params: StreamParamsMessage | undefined): StreamParams {
  const whole = {
    name: params?.name ?? '',
    timeoutMs: params?.timeoutMs ?? 0,
    maxBlockBytes: params?.maxBlockBytes ?? 0,
    compression: params?.compression ?? 0,
    deliveryConfirmation: params?.deliveryConfirmation ?? false,
    labels: unpackLabels(params?.labels?.labels ?? []),
  };
  return isDefault(whole) ? DEFAULT_STREAM_PARAMS : whole;
}

function isDefault({ labels, ...plain }: StreamParams): boolean {
  const { labels: _, ...defaults } = DEFAULT_STREAM_PARAMS;
  return labels === NO_LABELS && keysOf(defaults).every((name) => plain[name] === defaults[name]);
}
