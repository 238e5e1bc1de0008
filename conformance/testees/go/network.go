package main

import (
	"context"
	"sort"
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
		Broken: func(err *switchyard.Error, _ time.Duration) { t.tell("broken", of.As, errorFields(err)) },
	})
	put(t, t.networks, of.As, network)
	go func() {
		<-network.Done()
		t.tell("ended", of.As, endFields(network.Err()))
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
