/** Who does something, as a door knows it. Shares are counted by it. */
export interface Origin {
  /** The address at the other end, as the socket has it. */
  readonly address: string;
  /**
   * Names the connection among all that are open. Undefined for a connection that never has more than one session, as those
   * of system events: a share of it would say nothing.
   */
  readonly connection: string | undefined;
}

/** Who is at the other end of a connection of gRPC, by its `ADDRESS:PORT`. */
export function originOfPeer(peer: string): Origin & { readonly connection: string } {
  const address = peer.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  return { address, connection: peer };
}
