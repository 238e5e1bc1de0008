"""The graph as one reader sees it."""
from __future__ import annotations

from typing import Iterator, NamedTuple, Optional, Union

from .v1 import network_pb2


class Link(NamedTuple):
    """A link has no direction, so the smaller end is always the first."""

    cvid1: int
    cvid2: int
    link: int


class Change(NamedTuple):
    """What became different: `node_added`, `node_removed`, `link_added` or `link_removed`."""

    kind: str
    subject: Union[network_pb2.NodeAdded, Link]


class Graph:
    """An undirected multigraph, with at most one link of each type between two nodes."""

    def __init__(self) -> None:
        self._nodes: dict[int, network_pb2.NodeAdded] = {}
        self._peers: dict[int, dict[int, set[int]]] = {}
        self._link_count = 0

    @property
    def node_count(self) -> int:
        return len(self._nodes)

    @property
    def link_count(self) -> int:
        """Parallel links of different types count each."""
        return self._link_count

    def node(self, cvid: int) -> Optional[network_pb2.NodeAdded]:
        return self._nodes.get(cvid)

    def nodes(self) -> Iterator[network_pb2.NodeAdded]:
        return iter(self._nodes.values())

    def neighbours(self, cvid: int) -> list[int]:
        """The nodes to which at least one link leads, each once."""
        return list(self._peers.get(cvid, ()))

    def has_link(self, cvid1: int, cvid2: int, link: int) -> bool:
        return link in self._peers.get(cvid1, {}).get(cvid2, ())

    def links(self) -> Iterator[Link]:
        """All links, each once."""
        for cvid, peers in self._peers.items():
            for peer, links in peers.items():
                if cvid < peer:
                    yield from (Link(cvid, peer, link) for link in sorted(links))

    def apply(self, delta: network_pb2.NetworkDelta) -> list[Change]:
        """
        Applies one revision: links removed, nodes removed, nodes added, links added. Returns what really changed: removing what
        is not there, and adding what is, changes nothing.
        """
        changes: list[Change] = []
        for gone in delta.link_removed:
            types = [gone.link] if gone.HasField("link") else sorted(self._types(gone.cvid1, gone.cvid2))
            changes += [Change("link_removed", one) for one in self._remove(gone.cvid1, gone.cvid2, types)]
        for removed in delta.node_removed:
            node = self._nodes.pop(removed.cvid, None)
            if node is not None:
                changes.append(Change("node_removed", node))
        for node in delta.node_added:
            if node.cvid not in self._nodes:
                self._nodes[node.cvid] = node
                changes.append(Change("node_added", node))
        for added in delta.link_added:
            if self._add(added.cvid1, added.cvid2, added.link):
                changes.append(Change("link_added", _link(added.cvid1, added.cvid2, added.link)))
        return changes

    def changes_to(self, other: Graph) -> list[Change]:
        """What leads from this graph to another, in the order in which a revision is applied."""
        mine, theirs = set(self.links()), set(other.links())
        changes = [Change("link_removed", link) for link in sorted(mine - theirs)]
        gone = [node for cvid, node in self._nodes.items() if other.node(cvid) != node]
        changes += [Change("node_removed", node) for node in gone]
        came = [node for cvid, node in other._nodes.items() if self.node(cvid) != node]
        changes += [Change("node_added", node) for node in came]
        return changes + [Change("link_added", link) for link in sorted(theirs - mine)]

    def _types(self, cvid1: int, cvid2: int) -> set[int]:
        return self._peers.get(cvid1, {}).get(cvid2, set())

    def _add(self, cvid1: int, cvid2: int, link: int) -> bool:
        if self.has_link(cvid1, cvid2, link):
            return False
        for one, other in ((cvid1, cvid2), (cvid2, cvid1)):
            self._peers.setdefault(one, {}).setdefault(other, set()).add(link)
        self._link_count += 1
        return True

    def _remove(self, cvid1: int, cvid2: int, types: list[int]) -> list[Link]:
        removed = [_link(cvid1, cvid2, link) for link in types if self.has_link(cvid1, cvid2, link)]
        for _, _, link in removed:
            for one, other in ((cvid1, cvid2), (cvid2, cvid1)):
                peers = self._peers[one]
                peers[other].discard(link)
                if not peers[other]:
                    del peers[other]
                if not peers:
                    del self._peers[one]
        self._link_count -= len(removed)
        return removed


def _link(cvid1: int, cvid2: int, link: int) -> Link:
    return Link(min(cvid1, cvid2), max(cvid1, cvid2), link)
