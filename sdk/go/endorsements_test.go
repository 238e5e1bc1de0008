package switchyard

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"
	"time"
)

type endorsementVector struct {
	Name          string `json:"name"`
	Network       string `json:"network"`
	IdentityUUID  string `json:"identity_uuid"`
	ConnectionKey string `json:"connection_key"`
	ExpiresAtMs   uint64 `json:"expires_at_ms"`
	PublicKey     string `json:"public_key"`
	Signed        string `json:"signed"`
	Endorsement   string `json:"endorsement"`
	Secret        string `json:"secret"`
}

func endorsementVectors(t *testing.T) []endorsementVector {
	t.Helper()
	text, err := os.ReadFile("../../test/vectors/endorsements.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []endorsementVector
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) == 0 {
		t.Fatal("there are no vectors")
	}
	return vectors
}

func (v endorsementVector) content() endorsedContent {
	return endorsedContent{v.Network, v.IdentityUUID, mustHex(v.ConnectionKey), v.ExpiresAtMs}
}

// An hour before it ends.
func (v endorsementVector) now() time.Time {
	return time.UnixMilli(int64(v.ExpiresAtMs)).Add(-time.Hour)
}

func TestEndorsementVectorsAreMadeAndChecked(t *testing.T) {
	for _, vector := range endorsementVectors(t) {
		content := vector.content()
		signed, err := content.signedBytes()
		if err != nil || hex.EncodeToString(signed) != vector.Signed {
			t.Errorf("%s: signs %x, %v", vector.Name, signed, err)
		}
		checked, err := checkEndorsement(mustHex(vector.Endorsement), vector.Network, content.connectionKey, vector.now())
		keyID := sha256.Sum256(mustHex(vector.PublicKey))
		if err != nil || checked.KeyID != hex.EncodeToString(keyID[:]) || checked.IdentityUUID != vector.IdentityUUID {
			t.Errorf("%s: is %v, %v", vector.Name, checked, err)
		}
		if vector.Secret == "" {
			continue
		}
		key, err := NewSigningKey(ed25519.NewKeyFromSeed(mustHex(vector.Secret)))
		if err != nil {
			t.Fatal(err)
		}
		if made, err := content.endorse(key); err != nil || hex.EncodeToString(made) != vector.Endorsement {
			t.Errorf("%s: makes %x, %v", vector.Name, made, err)
		}
	}
}

func TestEndorsementVectorsThatWereChangedCountForNothing(t *testing.T) {
	for _, vector := range endorsementVectors(t) {
		good, content := mustHex(vector.Endorsement), vector.content()
		refused := func(what string, endorsement []byte, network string, key []byte, now time.Time) {
			t.Helper()
			if checked, err := checkEndorsement(endorsement, network, key, now); err == nil {
				t.Errorf("%s, %s: is taken as %v", vector.Name, what, checked)
			}
		}
		for at := range good {
			changed := append([]byte(nil), good...)
			changed[at] ^= 1
			refused("another byte", changed, vector.Network, content.connectionKey, vector.now())
			refused("cut short", good[:at], vector.Network, content.connectionKey, vector.now())
		}
		refused("another network", good, "other", content.connectionKey, vector.now())
		refused("another key", good, vector.Network, good[:44], vector.now())
		refused("over", good, vector.Network, content.connectionKey, vector.now().Add(time.Hour))
		refused("far ahead", good, vector.Network, content.connectionKey, vector.now().Add(-24*time.Hour))
		if !bytes.HasPrefix(good[endorseHead:], ed25519Head) {
			continue
		}
		for _, y := range smallOrder {
			// With R the neutral point and s zero, such a key verifies any message, or one in eight.
			small := append(append([]byte(nil), good[:endorseHead+len(ed25519Head)]...), y...)
			small = append(append(small, smallOrder[1]...), make([]byte, 32)...)
			_, err := checkEndorsement(small, vector.Network, content.connectionKey, vector.now())
			if err != errEndorsementKey {
				t.Errorf("%s: a key of small order: %v", vector.Name, err)
			}
		}
	}
}
