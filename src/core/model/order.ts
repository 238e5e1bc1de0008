import type { ConnectionRole } from './connection.js';

/** Something that a session was asked to do and has not answered. */
export interface Order {
  /** Unique for its session. */
  readonly id: string;
  readonly sid: number;
  /** How long it waits for its answer, from when it was placed or restored. */
  readonly deadlineMs: number;
  readonly body: OrderBody;
}

/** What an order asks for. */
export type OrderBody =
  | { readonly kind: 'terminate'; readonly reason: string }
  | ({ readonly kind: 'connection' } & ConnectionOrder);

/** A part in a brokered connection. What else it says is read from the connection, which lives as long as the order. */
export interface ConnectionOrder {
  readonly connection: number;
  readonly role: ConnectionRole;
}
