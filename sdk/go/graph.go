package switchyard

import (
	"sort"

	"google.golang.org/protobuf/proto"
	pb "switchyard.example/switchyard/v1"
)

// Link is an edge of the graph. It has no direction, so the smaller end is always the first.
type Link struct {
	Cvid1, Cvid2 int32
	Type         pb.LinkType
}

func newLink(one, other int32, kind pb.LinkType) Link {
	if one > other {
		one, other = other, one
	}
	return Link{one, other, kind}
}

// ChangeKind says what became different.
type ChangeKind string

// The kinds of changes, in the order in which a revision is applied.
const (
	LinkRemoved ChangeKind = "link_removed"
	NodeRemoved ChangeKind = "node_removed"
	NodeAdded   ChangeKind = "node_added"
	LinkAdded   ChangeKind = "link_added"
)

// Change is what became different: a node, or a link.
type Change struct {
	Kind ChangeKind
	// The node; nil for a link.
	Node *pb.NodeAdded
	// The link, where there is no node.
	Link Link
}

type neighbours map[int32]map[pb.LinkType]bool

// Graph is an undirected multigraph, with at most one link of each type between two nodes.
type Graph struct {
	nodes     map[int32]*pb.NodeAdded
	peers     map[int32]neighbours
	linkCount int
}

// NewGraph makes an empty one.
func NewGraph() *Graph {
	return &Graph{nodes: map[int32]*pb.NodeAdded{}, peers: map[int32]neighbours{}}
}

// NodeCount is how many nodes there are.
func (g *Graph) NodeCount() int { return len(g.nodes) }

// LinkCount is how many links there are; parallel links of different types count each.
func (g *Graph) LinkCount() int { return g.linkCount }

// Node answers with a node, or nil. It must not be changed.
func (g *Graph) Node(cvid int32) *pb.NodeAdded { return g.nodes[cvid] }

// Nodes lists the nodes, by SID.
func (g *Graph) Nodes() []*pb.NodeAdded {
	nodes := make([]*pb.NodeAdded, 0, len(g.nodes))
	for _, node := range g.nodes {
		nodes = append(nodes, node)
	}
	sort.Slice(nodes, func(i, j int) bool { return nodes[i].Cvid < nodes[j].Cvid })
	return nodes
}

// Neighbours lists the nodes to which at least one link leads, each once, by SID.
func (g *Graph) Neighbours(cvid int32) []int32 {
	found := make([]int32, 0, len(g.peers[cvid]))
	for peer := range g.peers[cvid] {
		found = append(found, peer)
	}
	sort.Slice(found, func(i, j int) bool { return found[i] < found[j] })
	return found
}

// HasLink says whether there is a link of a type between two nodes.
func (g *Graph) HasLink(one, other int32, kind pb.LinkType) bool { return g.peers[one][other][kind] }

// Links lists all links, each once, by their ends and type.
func (g *Graph) Links() []Link {
	links := make([]Link, 0, g.linkCount)
	for cvid, peers := range g.peers {
		for peer, kinds := range peers {
			for kind := range kinds {
				if cvid < peer {
					links = append(links, Link{cvid, peer, kind})
				}
			}
		}
	}
	sortLinks(links)
	return links
}

// Apply applies one revision: links removed, nodes removed, nodes added, links added. It answers with what really changed:
// removing what is not there, and adding what is, changes nothing.
func (g *Graph) Apply(delta *pb.NetworkDelta) []Change {
	var changes []Change
	for _, gone := range delta.GetLinkRemoved() {
		for _, link := range g.linksOf(gone) {
			g.remove(link)
			changes = append(changes, Change{Kind: LinkRemoved, Link: link})
		}
	}
	for _, gone := range delta.GetNodeRemoved() {
		if node, ok := g.nodes[gone.GetCvid()]; ok {
			delete(g.nodes, gone.GetCvid())
			changes = append(changes, Change{Kind: NodeRemoved, Node: node})
		}
	}
	for _, node := range delta.GetNodeAdded() {
		if _, ok := g.nodes[node.GetCvid()]; !ok {
			g.nodes[node.GetCvid()] = node
			changes = append(changes, Change{Kind: NodeAdded, Node: node})
		}
	}
	for _, added := range delta.GetLinkAdded() {
		link := newLink(added.GetCvid1(), added.GetCvid2(), added.GetLink())
		if !g.HasLink(link.Cvid1, link.Cvid2, link.Type) {
			g.add(link)
			changes = append(changes, Change{Kind: LinkAdded, Link: link})
		}
	}
	return changes
}

// ChangesTo lists what leads from this graph to another, in the order in which a revision is applied.
func (g *Graph) ChangesTo(other *Graph) []Change {
	var changes []Change
	for _, link := range g.Links() {
		if !other.HasLink(link.Cvid1, link.Cvid2, link.Type) {
			changes = append(changes, Change{Kind: LinkRemoved, Link: link})
		}
	}
	for _, node := range g.Nodes() {
		if !proto.Equal(node, other.Node(node.Cvid)) {
			changes = append(changes, Change{Kind: NodeRemoved, Node: node})
		}
	}
	for _, node := range other.Nodes() {
		if !proto.Equal(node, g.Node(node.Cvid)) {
			changes = append(changes, Change{Kind: NodeAdded, Node: node})
		}
	}
	for _, link := range other.Links() {
		if !g.HasLink(link.Cvid1, link.Cvid2, link.Type) {
			changes = append(changes, Change{Kind: LinkAdded, Link: link})
		}
	}
	return changes
}

// The links that a removal names and that are there: one, or all between its ends.
func (g *Graph) linksOf(gone *pb.LinkRemoved) []Link {
	one, other := gone.GetCvid1(), gone.GetCvid2()
	var links []Link
	for kind := range g.peers[one][other] {
		if gone.Link == nil || gone.GetLink() == kind {
			links = append(links, newLink(one, other, kind))
		}
	}
	sortLinks(links)
	return links
}

func (g *Graph) add(link Link) {
	for _, ends := range [][2]int32{{link.Cvid1, link.Cvid2}, {link.Cvid2, link.Cvid1}} {
		if g.peers[ends[0]] == nil {
			g.peers[ends[0]] = neighbours{}
		}
		if g.peers[ends[0]][ends[1]] == nil {
			g.peers[ends[0]][ends[1]] = map[pb.LinkType]bool{}
		}
		g.peers[ends[0]][ends[1]][link.Type] = true
	}
	g.linkCount++
}

func (g *Graph) remove(link Link) {
	for _, ends := range [][2]int32{{link.Cvid1, link.Cvid2}, {link.Cvid2, link.Cvid1}} {
		peers := g.peers[ends[0]]
		delete(peers[ends[1]], link.Type)
		if len(peers[ends[1]]) == 0 {
			delete(peers, ends[1])
		}
		if len(peers) == 0 {
			delete(g.peers, ends[0])
		}
	}
	g.linkCount--
}

func sortLinks(links []Link) {
	sort.Slice(links, func(i, j int) bool {
		a, b := links[i], links[j]
		if a.Cvid1 != b.Cvid1 {
			return a.Cvid1 < b.Cvid1
		}
		if a.Cvid2 != b.Cvid2 {
			return a.Cvid2 < b.Cvid2
		}
		return a.Type < b.Type
	})
}
