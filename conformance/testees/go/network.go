package main

import (
	"context"
	"sort"
	"strings"
	"time"

	"switchyard.example/switchyard"
	pb "switchyard.example/switchyard/v1"
)

func (t *testee) watch(of command) (fields, error) {
	network := t.client.WatchNetwork(switchyard.NetworkOptions{
		Synced: func(*pb.Position) { t.tell("synced", of.As, nil) },
		Changed: func(change switchyard.Change) {
			event := map[switchyard.ChangeKind]string{
				switchyard.NodeAdded: "nodeAdded", switchyard.NodeRemoved: "nodeRemoved",
			}[change.Kind]
			if event != "" {
				t.tell(event, of.As, fields{"name": change.Node.GetName(), "cvid": change.Node.GetCvid()})
			}
		},
		Broken: t.broken(of.As),
	})
	put(t, t.networks, of.As, network)
	go func() {
		<-network.Done()
		t.tell("ended", of.As, endFields(network.Err()))
	}()
	return nil, nil
}

// Tells the sessions that end, and how far what it told goes back.
func (t *testee) watchClosed(of command) (fields, error) {
	watch := t.client.WatchEndpointClosed(context.Background(), switchyard.WatchOptions{})
	go func() {
		for {
			message, err := watch.Next()
			if err != nil {
				t.tell("ended", of.As, errorFields(err))
				return
			}
			if message.GetKind() == pb.WatchKind_WATCH_KIND_BOOKMARK {
				t.tell("bookmark", of.As, fields{"dated": message.GetCommittedAt() != nil})
			}
			if closed := message.GetEndpointClosed(); closed != nil {
				t.tell("closed", of.As, fields{
					"cvid": closed.GetCvid(), "uuid": closed.GetInstanceUuid(), "name": closed.GetName(),
					"reason": strings.TrimPrefix(closed.GetReason().String(), "CLOSE_REASON_"),
				})
			}
		}
	}()
	return nil, nil
}

func (t *testee) unwatch(of command) (fields, error) {
	network, err := find(t, t.networks, of.As)
	if err != nil {
		return nil, err
	}
	return nil, network.Close()
}

func (t *testee) picture(of command) (fields, error) {
	network, err := find(t, t.networks, of.As)
	if err != nil {
		return nil, err
	}
	names, links := []string{}, 0
	network.View(func(graph *switchyard.Graph, _ *pb.Position) {
		for _, node := range graph.Nodes() {
			names = append(names, node.GetName())
		}
		links = graph.LinkCount()
	})
	sort.Strings(names)
	return fields{"names": names, "links": links}, nil
}

func (t *testee) current(of command) (fields, error) {
	network, err := find(t, t.networks, of.As)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := network.Current(ctx); err != nil {
		return nil, err
	}
	return t.picture(of)
}

func (t *testee) getNode(of command) (fields, error) {
	node, err := t.client.GetNode(context.Background(), of.Cvid)
	if err != nil {
		return nil, err
	}
	return fields{"name": node.GetName()}, nil
}
