package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"switchyard.example/switchyard"
	pb "switchyard.example/switchyard/v1"
)

func (t *testee) createStream(of command) (fields, error) {
	instance, err := find(t, t.instances, of.As)
	if err != nil {
		return nil, err
	}
	name := strings.Repeat("x", of.NameBytes)
	params := &pb.StreamParams{DeliveryConfirmation: of.Confirm, Name: name, MaxBlockBytes: of.MaxBlockBytes}
	stream, err := instance.CreateStream(context.Background(), of.Sinks, params)
	if err != nil {
		return nil, err
	}
	var branches []int32
	for _, sink := range stream.GetSinks() {
		branches = append(branches, sink.GetId())
	}
	return fields{"id": stream.GetId(), "branches": branches, "branch": branches[0]}, nil
}

func (t *testee) terminateStream(of command) (fields, error) {
	instance, err := find(t, t.instances, of.As)
	if err != nil {
		return nil, err
	}
	return nil, instance.TerminateStream(context.Background(), of.ID)
}

// Where an end stands; nil: the command did not say.
func (of command) stand() (*uint64, error) {
	if of.Blocks == nil {
		return nil, nil
	}
	var blocks *uint64
	err := json.Unmarshal(of.Blocks, &blocks)
	return blocks, err
}

func (t *testee) openSource(of command) (fields, error) {
	instance, err := find(t, t.instances, of.As)
	if err != nil {
		return nil, err
	}
	blocks, err := of.stand()
	if err != nil {
		return nil, err
	}
	source, err := instance.OpenSource(context.Background(), of.ID, blocks)
	if err != nil {
		return nil, err
	}
	put(t, t.sources, of.Stream, source)
	return fields{"confirmed": source.ConfirmedBlocks()}, nil
}

func (t *testee) openSink(of command) (fields, error) {
	instance, err := find(t, t.instances, of.As)
	if err != nil {
		return nil, err
	}
	blocks, err := of.stand()
	if err != nil {
		return nil, err
	}
	sink, err := instance.OpenSink(context.Background(), of.ID, blocks)
	if err != nil {
		return nil, err
	}
	put(t, t.sinks, of.Stream, sink)
	return fields{"taken": sink.TakenBlocks()}, nil
}

func (t *testee) write(of command) (fields, error) {
	source, err := find(t, t.sources, of.Stream)
	if err != nil {
		return nil, err
	}
	var blocks []string
	if err := json.Unmarshal(of.Blocks, &blocks); err != nil {
		return nil, err
	}
	for _, block := range blocks {
		if err := source.WriteBlock([]byte(block)); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func (t *testee) writeLarge(of command) (fields, error) {
	source, err := find(t, t.sources, of.Stream)
	if err != nil {
		return nil, err
	}
	return nil, source.WriteBlock(bytes.Repeat([]byte("x"), of.Bytes))
}

func (t *testee) finish(of command) (fields, error) {
	source, err := find(t, t.sources, of.Stream)
	if err != nil {
		return nil, err
	}
	return nil, source.Finish()
}

func (t *testee) read(of command) (fields, error) {
	sink, err := find(t, t.sinks, of.Stream)
	if err != nil {
		return nil, err
	}
	blocks := []interface{}{}
	for of.Count == nil || len(blocks) < *of.Count {
		block, err := sink.ReadBlock()
		if errors.Is(err, io.EOF) {
			return fields{"blocks": blocks, "ended": true}, nil
		}
		if err != nil {
			return nil, err
		}
		if of.Sizes {
			blocks = append(blocks, len(block))
		} else {
			blocks = append(blocks, string(block))
		}
	}
	return fields{"blocks": blocks, "ended": false}, nil
}

// Takes every connection that a peer asks for, and says back what comes.
func (t *testee) acceptPeers(of command) (fields, error) {
	instance, err := find(t, t.instances, of.As)
	if err != nil {
		return nil, err
	}
	listener, err := instance.Listen(switchyard.ListenOptions{})
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			conn, err := listener.AcceptPeer()
			if err != nil {
				return
			}
			t.tell("accepted", of.As, fields{"peer": conn.PeerCvid(), "path": conn.Path(), "endToEnd": conn.EndToEnd()})
			go t.echo(of.As, conn)
		}
	}()
	return nil, nil
}

func (t *testee) echo(as string, conn *switchyard.Conn) {
	_, err := io.Copy(conn, conn)
	if err == nil {
		err = conn.CloseWrite()
	}
	if err != nil {
		t.tell("peerFailed", as, errorFields(err))
	}
}

func (t *testee) connect(of command) (fields, error) {
	instance, err := find(t, t.instances, of.As)
	if err != nil {
		return nil, err
	}
	dial := instance.Dial
	if of.Direct {
		dial = func(ctx context.Context, cvid int32) (*switchyard.Conn, error) {
			return instance.DialDirect(ctx, cvid, switchyard.DirectOptions{NoRelay: true})
		}
	}
	conn, err := dial(context.Background(), of.Cvid)
	if err != nil {
		return nil, err
	}
	put(t, t.peers, of.Stream, conn)
	said := fields{"path": conn.Path(), "endToEnd": conn.EndToEnd()}
	if of.Endorsed {
		endorsement, err := conn.PeerEndorsement()
		if err != nil {
			return nil, err
		}
		said["endorsedBy"] = endorsement.KeyID
	}
	return said, nil
}

func (t *testee) send(of command) (fields, error) {
	conn, err := find(t, t.peers, of.Stream)
	if err != nil {
		return nil, err
	}
	_, err = io.WriteString(conn, of.Text)
	return nil, err
}

func (t *testee) endWriting(of command) (fields, error) {
	conn, err := find(t, t.peers, of.Stream)
	if err != nil {
		return nil, err
	}
	return nil, conn.CloseWrite()
}

func (t *testee) receive(of command) (fields, error) {
	conn, err := find(t, t.peers, of.Stream)
	if err != nil {
		return nil, err
	}
	text := make([]byte, of.Length)
	_, err = io.ReadFull(conn, text)
	return fields{"text": string(text)}, err
}

func (t *testee) receiveEnd(of command) (fields, error) {
	conn, err := find(t, t.peers, of.Stream)
	if err != nil {
		return nil, err
	}
	rest, err := io.ReadAll(conn)
	return fields{"rest": string(rest)}, err
}
