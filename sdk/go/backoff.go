package switchyard

import "time"

// How many failures double the window; it has reached its largest long before.
const doublingsMax = 30

// backoff draws how long to wait before trying again: exponential, with full jitter, so that a fleet that lost its server at
// one moment does not come back at one moment.
type backoff struct {
	random   func() float64
	failures int
}

// Tells how long a try stood before it failed. A steady one was a success: failures before it do not count.
func (b *backoff) stood(took time.Duration) {
	if took >= steady {
		b.failures = 0
	}
}

// Counts a failure and draws the wait after it. What the server asked for is the least; the jitter, of at most `longest`
// (0: no bound), comes on top of it, because everybody was told the same.
func (b *backoff) afterFailure(retryAfter *time.Duration, longest time.Duration) time.Duration {
	window := backoffMax
	if b.failures < doublingsMax && backoffFirst<<b.failures < backoffMax {
		window = backoffFirst << b.failures
	}
	if longest > 0 && longest < window {
		window = longest
	}
	if b.failures < doublingsMax {
		b.failures++
	}
	delay := time.Duration(b.random() * float64(window))
	if retryAfter != nil && *retryAfter > 0 {
		delay += *retryAfter
	}
	return delay
}

func (s *server) newBackoff() *backoff { return &backoff{random: s.random} }
