package switchyard

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const (
	silenceOfTest = 800 * time.Millisecond
	// Longer than the silence by far.
	stopped = "2"
)

// A server that says something all the time is not taken for dead by a process that was stopped: what has come meanwhile is read first.
func TestAPauseOfThisProcessIsNoSilenceOfTheServer(t *testing.T) {
	saying := exec.Command("sh", "-c", "while echo alive; do sleep 0.05; done")
	words, err := saying.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := saying.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = saying.Process.Kill()
		_ = saying.Wait()
	}()
	var isGivenUp atomic.Bool
	next := func() (string, error) {
		buffer := make([]byte, 1)
		_, err := io.ReadFull(words, buffer)
		return string(buffer), err
	}
	waking := exec.Command("sh", "-c", fmt.Sprintf("sleep %s; kill -CONT %d", stopped, os.Getpid()))
	if err := waking.Start(); err != nil {
		t.Fatal(err)
	}
	read := make(chan error)
	go func() {
		for until := time.Now().Add(3 * time.Second); time.Now().Before(until); {
			if _, err := receive(next, func() { isGivenUp.Store(true) }, silenceOfTest); err != nil {
				read <- err
				return
			}
		}
		read <- nil
	}()
	time.Sleep(200 * time.Millisecond)
	if err := syscall.Kill(os.Getpid(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := <-read; err != nil {
		t.Error(err)
	}
	if isGivenUp.Load() {
		t.Error("a server that spoke all the time was given up")
	}
	_ = waking.Wait()
}
