/*
 * What goes over a page's WebSocket. A frame is one binary message:
 *
 *     page → server   1 OPEN    | call 4 B | length of path 2 B | path | request message
 *                     2 CANCEL  | call 4 B
 *     server → page   3 MESSAGE | call 4 B | message
 *                     4 END     | call 4 B | code 1 B | length of text 2 B | text | google.rpc.Status
 *                     5 TICK
 *
 * Numbers are big-endian. The page numbers its calls, and uses no number again. This module runs in the page, too.
 */

/** The kinds of frames, by their first byte. */
export const FRAME = { open: 1, cancel: 2, message: 3, end: 4, tick: 5 } as const;

/** The subprotocol of RFC 6455 that both sides name. */
export const CONSOLE_PROTOCOL = 'switchyard-console-1';

/** Codes with which the server closes a page's WebSocket. */
export const CLOSE = {
  /** The login is over: the page asks for another. */
  loggedOut: 4401,
  /** The page sent what is no frame, or passed a bound; the reason says which. */
  refused: 4400,
  /** What the user may do is not what it was: the page asks for it, and connects anew. */
  changed: 4409,
  /** The server goes down. */
  goingAway: 1001,
} as const;

/** What a page asks for. */
export type PageFrame =
  | { readonly kind: 'open'; readonly call: number; readonly path: string; readonly request: Uint8Array }
  | { readonly kind: 'cancel'; readonly call: number };

/** What a page is told. */
export type ServerFrame =
  | { readonly kind: 'message'; readonly call: number; readonly bytes: Uint8Array }
  | {
      readonly kind: 'end';
      readonly call: number;
      readonly code: number;
      readonly message: string;
      readonly details: Uint8Array;
    }
  | { readonly kind: 'tick' };

const HEAD_BYTES = 5;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Writes what a page asks for. */
export function writePageFrame(frame: PageFrame): Uint8Array<ArrayBuffer> {
  if (frame.kind === 'cancel') return head(FRAME.cancel, frame.call, 0);
  const path = encoder.encode(frame.path);
  const bytes = head(FRAME.open, frame.call, 2 + path.length + frame.request.length);
  viewOf(bytes).setUint16(HEAD_BYTES, path.length);
  bytes.set(path, HEAD_BYTES + 2);
  bytes.set(frame.request, HEAD_BYTES + 2 + path.length);
  return bytes;
}

/** Reads what a page asks for; undefined for what is no such frame. */
export function readPageFrame(bytes: Uint8Array): PageFrame | undefined {
  if (bytes.length < HEAD_BYTES) return undefined;
  const view = viewOf(bytes);
  const call = view.getUint32(1);
  if (bytes[0] === FRAME.cancel) return bytes.length === HEAD_BYTES ? { kind: 'cancel', call } : undefined;
  if (bytes[0] !== FRAME.open || bytes.length < HEAD_BYTES + 2) return undefined;
  const end = HEAD_BYTES + 2 + view.getUint16(HEAD_BYTES);
  if (end > bytes.length) return undefined;
  const path = decoder.decode(bytes.subarray(HEAD_BYTES + 2, end));
  return { kind: 'open', call, path, request: bytes.subarray(end) };
}

/** The head of a MESSAGE frame, to be sent before the message's own bytes. */
export function messageHead(call: number): Uint8Array {
  return head(FRAME.message, call, 0);
}

/** Writes how a call ended. */
export function writeEnd(call: number, status: { code: number; message: string; details: Uint8Array }): Uint8Array {
  const text = encoder.encode(status.message);
  const bytes = head(FRAME.end, call, 3 + text.length + status.details.length);
  bytes[HEAD_BYTES] = status.code;
  viewOf(bytes).setUint16(HEAD_BYTES + 1, text.length);
  bytes.set(text, HEAD_BYTES + 3);
  bytes.set(status.details, HEAD_BYTES + 3 + text.length);
  return bytes;
}

/** Writes a sign of life. */
export function writeTick(): Uint8Array {
  return Uint8Array.of(FRAME.tick);
}

/** Reads what a page is told; undefined for what is no such frame. */
export function readServerFrame(bytes: Uint8Array): ServerFrame | undefined {
  if (bytes[0] === FRAME.tick) return { kind: 'tick' };
  if (bytes.length < HEAD_BYTES) return undefined;
  const view = viewOf(bytes);
  const call = view.getUint32(1);
  if (bytes[0] === FRAME.message) return { kind: 'message', call, bytes: bytes.subarray(HEAD_BYTES) };
  if (bytes[0] !== FRAME.end || bytes.length < HEAD_BYTES + 3) return undefined;
  const end = HEAD_BYTES + 3 + view.getUint16(HEAD_BYTES + 1);
  if (end > bytes.length) return undefined;
  const message = decoder.decode(bytes.subarray(HEAD_BYTES + 3, end));
  return { kind: 'end', call, code: bytes[HEAD_BYTES], message, details: bytes.subarray(end) };
}

function head(kind: number, call: number, more: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEAD_BYTES + more);
  bytes[0] = kind;
  viewOf(bytes).setUint32(1, call);
  return bytes;
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
