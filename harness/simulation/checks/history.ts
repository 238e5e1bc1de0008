import { WatchKind } from '../../../gen/switchyard/v1/network.js';
import type { WatchNetworkDeltaResponse } from '../../../gen/switchyard/v1/network_service.js';
import { changeOfDelta, Picture, type PictureChange, textOfChange } from '../clients/picture.js';
import type { Revision, Truth } from '../truth.js';

/** What a watcher of the graph asked for. */
export interface Wish {
  readonly coalesce: boolean;
  /** Empty: everything. */
  readonly sids: ReadonlySet<number>;
}

/** One message of a watch beside what is true: all that a check needs to know of it. */
export interface Told {
  readonly kind: WatchKind;
  readonly epoch: string;
  /** The position's revision. */
  readonly to: number;
  readonly changes: readonly PictureChange[];
  /** The revisions past the reader's place, up to this position, that it has to be told of. */
  readonly due: readonly Revision[];
  /** One change that may hold the net effect of many. */
  readonly mayBeNet: boolean;
}

/** What a watch has told its reader so far, and where it stands by that. */
export class History {
  /** Everything up to here was told; undefined while no snapshot is whole. */
  cursor: number | undefined;
  epoch = '';
  picture = new Picture();
  /** A snapshot that is not whole yet. */
  incoming: { readonly to: number; readonly picture: Picture } | undefined;
  /** It continues from a position, and has not been told anything since. */
  isResumed = false;

  constructor(
    readonly truth: Truth,
    readonly wish: Wish,
  ) {}

  /** The watch continues past a position that its reader has from elsewhere. */
  resume(revision: number): void {
    this.cursor = revision;
    this.epoch = this.truth.epoch;
    this.picture = this.visible(revision);
    this.isResumed = true;
  }

  /** What the reader should see at a revision. */
  visible(revision: number): Picture {
    const whole = this.truth.pictureAt(revision);
    return this.wish.sids.size === 0 ? whole : whole.only(this.wish.sids);
  }

  /** Lays a message beside the truth. */
  lay({ kind, position, deltas }: WatchNetworkDeltaResponse): Told {
    const to = Number(position?.revision ?? 0);
    const isChange = kind === WatchKind.DELTA || kind === WatchKind.BOOKMARK;
    const due = isChange && this.cursor !== undefined ? this.truth.between(this.cursor, to, this.wish.sids) : [];
    return {
      kind,
      epoch: position?.epoch ?? '',
      to,
      changes: deltas.map(changeOfDelta),
      due,
      mayBeNet: this.wish.coalesce && deltas.length === 1,
    };
  }

  /** Moves on by a message that every check has passed. */
  move({ kind, to, epoch, changes }: Told): void {
    this.isResumed = false;
    switch (kind) {
      case WatchKind.RESET:
        this.cursor = undefined;
        this.incoming = undefined;
        return;
      case WatchKind.SNAPSHOT:
        if (this.incoming === undefined) this.incoming = { to, picture: new Picture() };
        for (const change of changes) this.incoming.picture.apply(change);
        this.cursor = undefined;
        break;
      case WatchKind.SNAPSHOT_END:
        this.picture = this.incoming?.picture ?? new Picture();
        this.incoming = undefined;
        this.cursor = to;
        break;
      default:
        for (const change of changes) this.picture.apply(change);
        this.cursor = to;
    }
    this.epoch = epoch;
  }

  /** A change as this watch would tell of it. */
  textOf(change: PictureChange): string {
    return textOfChange(change, this.wish.sids);
  }
}
