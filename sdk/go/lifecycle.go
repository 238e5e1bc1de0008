package switchyard

import "google.golang.org/grpc/codes"

// State says where an instance stands with its server: docs/client-lifecycle.md.
type State string

// The states of an instance.
const (
	Opening     State = "opening"
	Attaching   State = "attaching"
	Attached    State = "attached"
	Reattaching State = "reattaching"
	Reopening   State = "reopening"
	Leaving     State = "leaving"
	Ended       State = "ended"
)

// What can happen to an instance.
type event int

const (
	opened event = iota
	welcomed
	broke
	lost
	over
	rested
	leave
	detach
	left
)

// The names of the events, in their order, as the document has them.
var eventNames = [...]string{"opened", "welcomed", "broke", "lost", "over", "rested", "leave", "detach", "left"}

const stay State = "·"

// The columns are the events, in their order.
var lifecycle = map[State][len(eventNames)]State{
	Opening:     {Attaching, stay, Reopening, Reopening, Ended, stay, Ended, Ended, stay},
	Attaching:   {stay, Attached, Reattaching, Reopening, Ended, stay, Leaving, Ended, stay},
	Attached:    {stay, stay, Reattaching, Reopening, Ended, stay, Leaving, Ended, stay},
	Reattaching: {stay, stay, stay, Reopening, Ended, Attaching, Leaving, Ended, stay},
	Reopening:   {stay, stay, stay, stay, Ended, Opening, Ended, Ended, stay},
	Leaving:     {stay, stay, stay, Ended, Ended, stay, stay, Ended, Ended},
	Ended:       {stay, stay, stay, stay, stay, stay, stay, stay, stay},
}

var eventsOfReasons = map[string]event{
	"SESSION_SUPERSEDED":    over,
	"SESSION_TERMINATED":    over,
	"IDENTITY_REVOKED":      over,
	"SESSION_EXPIRED":       lost,
	"SESSION_SERVER_LOST":   lost,
	"SESSION_TOKEN_INVALID": lost,
	"ATTACHMENT_REPLACED":   broke,
	"CHALLENGE_EXPIRED":     broke,
}

// Where an event leads from a state.
func nextState(state State, happened event) State {
	if next := lifecycle[state][happened]; next != stay {
		return next
	}
	return state
}

// Whether the same request will meet the same refusal again.
func isLasting(code codes.Code) bool {
	switch code {
	case codes.InvalidArgument, codes.NotFound, codes.PermissionDenied, codes.FailedPrecondition,
		codes.Unimplemented, codes.Unauthenticated:
		return true
	default:
		return false
	}
}

// Whether a quota of the month is used up: the same call is refused until the next one.
func isOfMonth(err *Error) bool {
	_, ok := err.Metadata["month_ends"]
	return ok
}

// What an error of one of the instance's own calls means for it.
func eventOf(err *Error) event {
	if meaning, ok := eventsOfReasons[err.Reason]; ok {
		return meaning
	}
	if isLasting(err.Code) {
		return over
	}
	return broke
}

// What an error means to a watch, in the document's words.
type watchMeaning string

const (
	watchEnds        watchMeaning = "ends"
	watchBeginsAgain watchMeaning = "begins again"
	watchGoesOn      watchMeaning = "goes on"
)

// Whether a watch goes on after an error, and where.
func meaningForWatch(err *Error) watchMeaning {
	switch {
	case err.Reason == "WATCH_LAGGED" || err.Code == codes.OutOfRange || err.Code == codes.DataLoss:
		return watchBeginsAgain
	case isLasting(err.Code), isOfMonth(err):
		return watchEnds
	default:
		return watchGoesOn
	}
}
