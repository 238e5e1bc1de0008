/** A value of JSON. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Facts about a node or link that the format leaves to its writer. */
export type Properties = Readonly<Record<string, Json>>;

/** A node. Source: netjson.org/rfc.html, NetworkGraph, "nodes". */
export interface GraphNode {
  /** Unique in its graph, never empty. */
  readonly id: string;
  /** For people. */
  readonly label?: string;
  readonly properties: Properties;
}

/** A link between two nodes of the same graph. Source: netjson.org/rfc.html, NetworkGraph, "links". */
export interface GraphLink {
  readonly source: string;
  readonly target: string;
  /** The metric's value; lower is better. */
  readonly cost: number;
  readonly properties: Properties;
}

/** A NetJSON NetworkGraph: the file format that topologies are replayed from and exported to. */
export interface NetworkGraph {
  /** For people: which network. */
  readonly label?: string;
  /** The routing protocol that the graph was seen through; null when there is none. */
  readonly protocol: string | null;
  readonly version: string | null;
  /** What `cost` measures. */
  readonly metric: string | null;
  readonly nodes: readonly GraphNode[];
  readonly links: readonly GraphLink[];
}
