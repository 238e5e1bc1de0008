/** Where a group is drawn. */
export interface Disc {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
}
