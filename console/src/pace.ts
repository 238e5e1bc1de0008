/*
 * How often the page does over what grows with the graph: so seldom that each takes a bounded share of the page's time, however
 * large the graph is and however often it changes. By the number of nodes and links, and not by a clock, so that it is the same
 * on every machine.
 */

/** The longest that a change waits to be seen: a graph of some 200,000 nodes and links. */
const MS_MAX = 3_000;

/** Between two pictures of a graph that changes by itself. Drawing 20,000 nodes takes 4 ms of script, and what paints it 30 ms. */
export function drawPauseMs(things: number): number {
  return Math.min(MS_MAX, things / 300);
}

/** Between two batches of changes for the layout. Grouping 20,000 nodes with 35,000 links takes some 15 ms. */
export function layoutPauseMs(things: number): number {
  return Math.min(MS_MAX, 150 + things / 60);
}

/** Between two times that lists and counts are made anew: no eye reads faster than four times a second. */
export function listPauseMs(things: number): number {
  return Math.min(MS_MAX, 250 + things / 100);
}
