package switchyard

import "time"

// deadline is a moment after which reads or writes give up. It is used under its owner's lock; `wake` has those that wait look
// again.
type deadline struct {
	at    time.Time
	timer *time.Timer
	wake  func()
}

func (d *deadline) set(at time.Time) {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	d.at = at
	if !at.IsZero() {
		d.timer = time.AfterFunc(time.Until(at), d.wake)
	}
}

func (d *deadline) isOver() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }
