//go:build !unix

package switchyard

import (
	"errors"
	"syscall"
)

// Several sockets with one local port are known for Unix only.
func reusePort(_, _ string, _ syscall.RawConn) error {
	return errors.New("direct connections are made on Unix only")
}
