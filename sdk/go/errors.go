package switchyard

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// FieldViolation is one wrong field of a request, in the proto's spelling, and what is allowed there.
type FieldViolation struct {
	Field       string
	Description string
}

// Error says that a call was refused or failed, or that a watch, a session or a connection has ended.
//
// Programs decide by Reason where there is one (a name of switchyard.v1.Reason, without REASON_), else by Code; the message is
// for people.
type Error struct {
	Code       codes.Code
	Message    string
	Reason     string
	Violations []FieldViolation
	// After how long asking again makes sense; nil when the server did not say.
	RetryAfter *time.Duration
	// Facts for programs, such as `oldest_revision`.
	Metadata map[string]string
	cause    error
	// The address of the server that a call was made to; empty: it is not known.
	server string
}

// Error says it for people, with the reason or the code at the end.
func (e *Error) Error() string {
	name := e.Reason
	if name == "" {
		name = e.Code.String()
	}
	return fmt.Sprintf("%s [%s]", e.Message, name)
}

// Unwrap answers with what lies below: context.Canceled of a call that its own program gave up.
func (e *Error) Unwrap() error { return e.cause }

// The reason of a call of which nobody knows whether it was done.
const outcomeUnknown = "OUTCOME_UNKNOWN"

// Temporary says whether the same call may succeed later: the server is away, or said when to come again. False where it may have
// been done already.
func (e *Error) Temporary() bool {
	if e.Reason == outcomeUnknown {
		return false
	}
	return e.Code == codes.Unavailable || e.RetryAfter != nil
}

// ErrClosed is what calls of a client end with that was closed by its own program.
var ErrClosed = &Error{Code: codes.Canceled, Message: "the client is closed"}

// ErrLeft is what calls of an instance end with that has left or was let go.
var ErrLeft = &Error{Code: codes.Canceled, Message: "the instance has left"}

// Refusal is returned by a handler: the order is not carried out, for a reason (of switchyard.v1.Reason, without REASON_)
// that its giver is told.
type Refusal struct {
	Reason      string
	Description string
}

// Error says it for people.
func (r *Refusal) Error() string { return fmt.Sprintf("%s [%s]", r.Description, r.Reason) }

// ReasonOf answers with the reason of an *Error, also of one that is wrapped. Empty: there is none.
func ReasonOf(err error) string {
	var failure *Error
	if errors.As(err, &failure) {
		return failure.Reason
	}
	return ""
}

func newError(code codes.Code, format string, parts ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, parts...)}
}

// Reads a failed call. Details that cannot be read are left out: code and message stay true.
func errorOf(err error) *Error {
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return &Error{Code: status.FromContextError(err).Code(), Message: err.Error(), cause: err}
	}
	refusal := status.Convert(err)
	failure := &Error{Code: refusal.Code(), Message: refusal.Message(), cause: causeOf(refusal.Code())}
	if failure.Message == "" {
		failure.Message = failure.Code.String()
	}
	for _, detail := range refusal.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			failure.Reason, failure.Metadata = detail.GetReason(), detail.GetMetadata()
		case *errdetails.BadRequest:
			for _, one := range detail.GetFieldViolations() {
				failure.Violations = append(failure.Violations, FieldViolation{one.GetField(), one.GetDescription()})
			}
		case *errdetails.RetryInfo:
			delay := detail.GetRetryDelay().AsDuration()
			failure.RetryAfter = &delay
		}
	}
	return failure
}

// The end of a stream of messages, as an error: one that ends with OK has told no reason.
func endOf(err error, what string) *Error {
	if errors.Is(err, io.EOF) {
		return newError(codes.Unavailable, "the server ended %s without a reason", what)
	}
	return errorOf(err)
}

func causeOf(code codes.Code) error {
	switch code {
	case codes.Canceled:
		return context.Canceled
	case codes.DeadlineExceeded:
		return context.DeadlineExceeded
	default:
		return nil
	}
}
