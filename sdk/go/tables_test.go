package switchyard

import (
	"context"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
)

// The rows of the table below a heading of docs/client-lifecycle.md, the head first.
func table(t *testing.T, heading string) [][]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/client-lifecycle.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(text), "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("the document has no section %q", heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var rows [][]string
	for _, line := range strings.Split(section, "\n") {
		if strings.HasPrefix(line, "| ") {
			cells := strings.TrimSuffix(strings.TrimPrefix(line, "| "), " |")
			rows = append(rows, strings.Split(strings.ReplaceAll(cells, "`", ""), " | "))
		}
	}
	return rows
}

func TestEveryStateGoesWhereTheDocumentSays(t *testing.T) {
	rows := table(t, "Which event leads where")
	if got, want := strings.Join(rows[0][1:], " "), strings.Join(eventNames[:], " "); got != want {
		t.Fatalf("the events are %q, not %q", got, want)
	}
	if len(rows)-1 != len(lifecycle) {
		t.Fatalf("the document has %d states, the client %d", len(rows)-1, len(lifecycle))
	}
	for _, row := range rows[1:] {
		if _, ok := lifecycle[State(row[0])]; !ok {
			t.Errorf("there is no state %q", row[0])
		}
		for at, cell := range row[1:] {
			want := State(cell)
			if want == stay {
				want = State(row[0])
			}
			if got := nextState(State(row[0]), event(at)); got != want {
				t.Errorf("%s, %s: %s instead of %s", row[0], eventNames[at], got, want)
			}
		}
	}
}

func TestEveryStateOfTheDocumentIsThere(t *testing.T) {
	rows := table(t, "States")[1:]
	for _, row := range rows {
		if _, ok := lifecycle[State(row[0])]; !ok {
			t.Errorf("there is no state %q", row[0])
		}
	}
	if len(rows) != len(lifecycle) {
		t.Errorf("the document has %d states, the client %d", len(rows), len(lifecycle))
	}
}

// Every status code but OK, by the name that the document writes.
func codeNames() map[string]codes.Code {
	names := map[string]codes.Code{}
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		var name strings.Builder
		for at, letter := range code.String() {
			if at > 0 && letter >= 'A' && letter <= 'Z' {
				name.WriteByte('_')
			}
			name.WriteRune(letter)
		}
		names[strings.ToUpper(name.String())] = code
	}
	return names
}

// The error that a row names: a status code, or a reason with a code that has no row.
func errorNamed(name string) *Error {
	if code, ok := codeNames()[name]; ok {
		return &Error{Code: code, Message: "refused"}
	}
	return &Error{Code: codes.Aborted, Message: "refused", Reason: name}
}

func TestEveryErrorMeansWhatTheDocumentSays(t *testing.T) {
	for heading, meaningOf := range map[string]func(*Error) string{
		"What an error means":            func(err *Error) string { return eventNames[eventOf(err)] },
		"What an error means to a watch": func(err *Error) string { return string(meaningForWatch(err)) },
	} {
		rows := table(t, heading)[1:]
		last := rows[len(rows)-1]
		if last[0] != "any other" {
			t.Fatalf("%s: the last row is %q", heading, last[0])
		}
		wanted := map[string]string{}
		for name := range codeNames() {
			wanted[name] = last[1]
		}
		for _, row := range rows[:len(rows)-1] {
			wanted[row[0]] = row[1]
		}
		for name, want := range wanted {
			if got := meaningOf(errorNamed(name)); got != want {
				t.Errorf("%s: %s: %s instead of %s", heading, name, got, want)
			}
		}
	}
}

func TestEndsWatchesAndRelaysWhoseMonthIsUsedUp(t *testing.T) {
	spent := &Error{Code: codes.ResourceExhausted, Reason: "NETWORK_LIMIT", Metadata: map[string]string{"month_ends": "2027-01-01T00:00:00Z"}}
	if meaning := meaningForWatch(spent); meaning != watchEnds {
		t.Errorf("a watch %s", meaning)
	}
	if happened := eventOf(spent); happened != broke {
		t.Errorf("an instance takes it for %s", eventNames[happened])
	}
	opened := 0
	err := openAgain(context.Background(), &backoff{}, nil, func() error {
		opened++
		return spent
	})
	if err != error(spent) || opened != 1 {
		t.Errorf("opened %d times, and then: %v", opened, err)
	}
}

func TestEveryBoundIsThatOfTheDocument(t *testing.T) {
	inMs := func(wait time.Duration) int { return int(wait.Milliseconds()) }
	bounds := map[string]int{
		"backoffFirstMs": inMs(backoffFirst), "backoffMaxMs": inMs(backoffMax), "steadyMs": inMs(steady),
		"attachmentSilenceMs": inMs(attachmentSilence), "watchSilenceMs": inMs(watchSilence),
		"callTimeoutMs": inMs(callTimeout), "leaveTimeoutMs": inMs(leaveTimeout), "answerTimeoutMs": inMs(answerTimeout),
		"pingAfterMs": inMs(pingAfter), "pingTimeoutMs": inMs(pingTimeout), "ordersAtOnce": ordersAtOnce,
		"answersRemembered": answersRemembered, "answersRememberedBytes": answersRememberedBytes,
	}
	rows := table(t, "Bounds")[1:]
	if len(rows) != len(bounds) {
		t.Errorf("the document has %d bounds, the client %d", len(rows), len(bounds))
	}
	for _, row := range rows {
		want, err := strconv.Atoi(row[1])
		if got, ok := bounds[row[0]]; err != nil || !ok || got != want {
			t.Errorf("%s: %d instead of %s", row[0], got, row[1])
		}
	}
}

func TestWindowsDoubleUpToTheLargestAndBeginAnewAfterASteadyTry(t *testing.T) {
	waits := &backoff{random: func() float64 { return 1 }}
	for _, want := range []int{200, 400, 800, 1600, 3200, 6400, 12_800, 15_000, 15_000} {
		if got := waits.afterFailure(nil, 0).Milliseconds(); got != int64(want) {
			t.Errorf("%d ms instead of %d", got, want)
		}
	}
	waits.stood(steady - time.Millisecond)
	if got := waits.afterFailure(nil, 0); got != backoffMax {
		t.Errorf("%v after a try that did not stand", got)
	}
	waits.stood(steady)
	if got := waits.afterFailure(nil, 0); got != backoffFirst {
		t.Errorf("%v after a try that stood", got)
	}
}

func TestWhatTheServerAsksForComesOnTopOfAWindowThatTheLeaseBounds(t *testing.T) {
	waits := &backoff{random: func() float64 { return 1 }}
	asked := 3 * time.Second
	if got := waits.afterFailure(&asked, 0); got != asked+backoffFirst {
		t.Errorf("%v", got)
	}
	if got := waits.afterFailure(nil, 100*time.Millisecond); got != 100*time.Millisecond {
		t.Errorf("%v", got)
	}
}
