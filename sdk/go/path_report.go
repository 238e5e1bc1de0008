package switchyard

import (
	"context"
	"time"

	pb "switchyard.example/switchyard/v1"
)

var pathKinds = map[Path]pb.PathKind{Relayed: pb.PathKind_PATH_KIND_RELAYED, Direct: pb.PathKind_PATH_KIND_DIRECT}

// Reports that the connection stands on a path.
func (b *brokered) reportPath(c *carrier, path Path) <-chan struct{} {
	return b.report(c, &pb.ReportLinkRequest{State: pb.LinkState_LINK_STATE_ESTABLISHED, Path: pathKinds[path]})
}

// Reports a path that an attempt has found before that is answered: after the answer the server may have begun the next attempt, and
// take the report for one of that. An answer does not wait for a server that is away for long.
func (b *brokered) reportFound(c *carrier) {
	select {
	case <-b.reportPath(c, Direct):
	case <-time.After(reportedWithin):
	}
}

// Reports the end of the connection, whose `life` is over. `failed`: because its path is dead.
func (b *brokered) reportLoss(failed bool) {
	b.report(nil, &pb.ReportLinkRequest{State: pb.LinkState_LINK_STATE_LOST, Failed: failed})
}

// Tells the server about the link, after what was reported of it before; the channel is closed once it was told, or nothing is left to
// tell. `c` is the path that it stands on; nil: it is lost. Without a session the server has forgotten it already.
func (b *brokered) report(c *carrier, report *pb.ReportLinkRequest) <-chan struct{} {
	reported := make(chan struct{})
	if b.all.instance.Session() == nil {
		close(reported)
		return reported
	}
	report.PeerCvid, report.Link, report.ConnectionId = b.peer, b.link, b.id
	b.all.mu.Lock()
	before := b.reported
	b.reported = reported
	b.all.mu.Unlock()
	go func() {
		defer close(reported)
		if before != nil {
			<-before
		}
		if c == nil || b.isPresent(c) {
			b.sendReport(report)
		}
	}()
	return reported
}

// Whether the connection stands on this path, or may yet: false once it is over or another path was ordered.
func (b *brokered) isPresent(c *carrier) bool {
	b.all.mu.Lock()
	defer b.all.mu.Unlock()
	if b.state != making && b.state != standing {
		return false
	}
	return b.alone == c || b.conn != nil && b.conn.carrier == c
}

// Reports until the server has heard it. That a path stands is given up a while after the end of the connection, which is reported next.
func (b *brokered) sendReport(report *pb.ReportLinkRequest) {
	life, as := b.all.instance.life, b.all.instance.caller
	ctx, cancel := context.WithTimeout(life, answerTimeout)
	defer cancel()
	isLoss := report.GetState() == pb.LinkState_LINK_STATE_LOST
	if !isLoss {
		go func() {
			select {
			case <-b.life.Done():
				_ = sleep(ctx, reportedBeforeLoss)
				cancel()
			case <-ctx.Done():
			}
		}()
	}
	_, err := call(ctx, as, as.server.network.ReportLink, report, true)
	// A loss the server may know already, and what stood is over.
	if err != nil && !isLoss && b.life.Err() == nil {
		b.all.instance.problem(err)
	}
}
