package switchyard

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	pb "switchyard.example/switchyard/v1"
)

func TestAnErrorHasReasonFactsViolationsAndWhenToComeAgain(t *testing.T) {
	refusal, err := status.New(codes.Unavailable, "no").WithDetails(
		&errdetails.ErrorInfo{Reason: "DRAINING", Metadata: map[string]string{"key": "value"}},
		&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{
			{Field: "name", Description: "at most 128 bytes"},
		}},
		&errdetails.RetryInfo{RetryDelay: durationpb.New(2500 * time.Millisecond)},
	)
	if err != nil {
		t.Fatal(err)
	}
	failure := errorOf(refusal.Err())
	if failure.Reason != "DRAINING" || failure.Metadata["key"] != "value" || *failure.RetryAfter != 2500*time.Millisecond {
		t.Errorf("%+v", failure)
	}
	if len(failure.Violations) != 1 || failure.Violations[0] != (FieldViolation{"name", "at most 128 bytes"}) {
		t.Errorf("%+v", failure.Violations)
	}
	if !failure.Temporary() || failure.Error() != "no [DRAINING]" || ReasonOf(failure) != "DRAINING" {
		t.Errorf("%v", failure)
	}
}

func TestACallThatItsProgramGaveUpIsToldByErrorsIs(t *testing.T) {
	for _, cause := range []error{context.Canceled, context.DeadlineExceeded} {
		if !errors.Is(errorOf(cause), cause) || !errors.Is(errorOf(status.FromContextError(cause).Err()), cause) {
			t.Errorf("%v is not found in its error", cause)
		}
	}
}

func unreachable(t *testing.T) *Client {
	t.Helper()
	client, err := New("127.0.0.1:1", Options{})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestCallsOfAClosedClientSaySo(t *testing.T) {
	client := unreachable(t)
	client.Close()
	if _, err := client.GetNode(context.Background(), 1); err != ErrClosed {
		t.Errorf("%v", err)
	}
	if _, err := client.WatchNetworkDelta(context.Background(), WatchOptions{}).Next(); err != ErrClosed {
		t.Errorf("%v", err)
	}
}

func TestCallsOfAServerThatIsAwayAreUnavailableAndABrokenInstanceCanBeLetGo(t *testing.T) {
	client := unreachable(t)
	defer client.Close()
	var failure *Error
	if _, err := client.GetNode(context.Background(), 1); !errors.As(err, &failure) || !failure.Temporary() {
		t.Fatalf("%v", err)
	}
	broken := make(chan *Error, 100)
	me := client.Join(InstanceOptions{
		UUID: "6f1d2c3b-0000-4000-8000-00000000900d", Type: 2,
		Events: Events{Broken: func(err *Error, _ time.Duration) { broken <- err }},
	})
	if err := <-broken; err.Code != codes.Unavailable {
		t.Errorf("%v", err)
	}
	limited, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := me.KeepAlive(limited); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	me.Detach()
	<-me.Done()
	if _, err := me.Attached(context.Background()); err != ErrLeft || me.Err() != nil || me.State() != Ended {
		t.Errorf("%v, %v, %s", err, me.Err(), me.State())
	}
	if _, err := me.Listen(ListenOptions{}); err != ErrLeft {
		t.Errorf("%v", err)
	}
}

type vector struct {
	Name         string `json:"name"`
	Purpose      int32  `json:"purpose"`
	ServerUUID   string `json:"server_uuid"`
	Nonce        string `json:"nonce"`
	Network      string `json:"network"`
	IdentityUUID string `json:"identity_uuid"`
	InstanceUUID string `json:"instance_uuid"`
	PublicKey    string `json:"public_key"`
	BindingKind  byte   `json:"binding_kind"`
	Binding      string `json:"binding"`
	Signed       string `json:"signed"`
	Signature    string `json:"signature"`
	Secret       string `json:"secret"`
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	bytes, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

func TestProofsSignTheBytesOfEveryVector(t *testing.T) {
	text, err := os.ReadFile("../../test/vectors/proofs.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []vector
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	signed := 0
	for _, v := range vectors {
		content := proofContent{
			pb.ProofPurpose(v.Purpose), v.ServerUUID, unhex(t, v.Nonce), v.Network, v.IdentityUUID, v.InstanceUUID,
			unhex(t, v.PublicKey), v.BindingKind, unhex(t, v.Binding),
		}
		message, err := content.signedBytes()
		if err != nil || hex.EncodeToString(message) != v.Signed {
			t.Errorf("%s: %x, %v", v.Name, message, err)
		}
		if !strings.Contains(v.Name, "Ed25519") || v.Secret == "" {
			continue
		}
		key, err := NewSigningKey(ed25519.NewKeyFromSeed(unhex(t, v.Secret)))
		if err != nil {
			t.Fatal(err)
		}
		signature, err := key.sign(message)
		if err != nil || hex.EncodeToString(signature) != v.Signature || hex.EncodeToString(key.PublicKey()) != v.PublicKey {
			t.Errorf("%s: %x, %v", v.Name, signature, err)
		}
		signed++
	}
	if signed == 0 {
		t.Error("no vector was signed")
	}
}

func TestAKeyIsKeptForItsOwnerAloneAndFoundAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key.pem")
	made, err := EnsureKey(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if found, err := EnsureKey(path); err != nil || !bytes.Equal(found.PublicKey(), made.PublicKey()) {
		t.Errorf("%v", err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := EnsureKey(path); err == nil || !strings.Contains(err.Error(), "others may read it (mode 644)") {
		t.Errorf("%v", err)
	}
	if _, err := ParseKey([]byte("nothing")); err == nil {
		t.Error("nothing is a key")
	}
	if _, err := EnsureKey(filepath.Join(path, "below")); err == nil {
		t.Error("a file is a folder")
	}
}

func TestAUuidThatIsNoneIsNamedInTheError(t *testing.T) {
	if _, err := uuidOf("6f1d2c3b-0000-4000-8000-0000000090"); err == nil || !strings.Contains(err.Error(), "6f1d2c3b-0000") {
		t.Errorf("%v", err)
	}
}

func kindsOf(changes []Change) string {
	var kinds []string
	for _, change := range changes {
		kinds = append(kinds, string(change.Kind))
	}
	return strings.Join(kinds, " ")
}

func TestAGraphAppliesRemovalsBeforeAdditionsAndTellsOnlyWhatChanged(t *testing.T) {
	graph := NewGraph()
	first := &pb.NetworkDelta{
		NodeAdded: []*pb.NodeAdded{{Cvid: 1}, {Cvid: 2}},
		LinkAdded: []*pb.LinkAdded{{Cvid1: 2, Cvid2: 1, Link: 0}, {Cvid1: 1, Cvid2: 2, Link: 2}},
	}
	if changes := graph.Apply(first); len(changes) != 4 || len(graph.Apply(first)) != 0 {
		t.Errorf("%v", changes)
	}
	if links := graph.Links(); len(links) != 2 || links[0] != (Link{1, 2, 0}) || links[1] != (Link{1, 2, 2}) {
		t.Errorf("%v", links)
	}
	moved := graph.Apply(&pb.NetworkDelta{
		LinkRemoved: []*pb.LinkRemoved{{Cvid1: 1, Cvid2: 2}},
		NodeRemoved: []*pb.NodeRemoved{{Cvid: 2}},
		NodeAdded:   []*pb.NodeAdded{{Cvid: 3}},
	})
	if kinds := kindsOf(moved); kinds != "link_removed link_removed node_removed node_added" {
		t.Error(kinds)
	}
	if graph.NodeCount() != 2 || graph.LinkCount() != 0 || len(graph.Neighbours(1)) != 0 {
		t.Errorf("%d nodes, %d links", graph.NodeCount(), graph.LinkCount())
	}
}

func TestAGraphTellsWhatLeadsFromOnePictureToAnother(t *testing.T) {
	before, after := NewGraph(), NewGraph()
	before.Apply(&pb.NetworkDelta{NodeAdded: []*pb.NodeAdded{{Cvid: 1, Name: "a"}}})
	after.Apply(&pb.NetworkDelta{NodeAdded: []*pb.NodeAdded{{Cvid: 1, Name: "b"}}})
	if kinds := kindsOf(before.ChangesTo(after)); kinds != "node_removed node_added" {
		t.Error(kinds)
	}
	if changes := after.ChangesTo(after); len(changes) != 0 {
		t.Errorf("%v", changes)
	}
}
