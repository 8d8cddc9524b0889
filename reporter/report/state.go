package report

import "fmt"

// State is where a report is in its life.
type State string

// A report is asked for (Pending), made by one replica (Processing), and then
// final: Ready with its files, or Failed with the reasons.
const (
	Pending    State = "Pending"
	Processing State = "Processing"
	Ready      State = "Ready"
	Failed     State = "Failed"
)

// StateError says that a report can't go from one state to another.
type StateError struct {
	From, To State
}

func (e *StateError) Error() string {
	return fmt.Sprintf("a report that is %s can't become %s", e.From, e.To)
}

// Final reports whether the state never changes again.
func (s State) Final() bool { return s == Ready || s == Failed }

// To returns the next state, or a *StateError if the way there is not open.
func (s State) To(next State) (State, error) {
	if (s == Pending && next == Processing) || (s == Processing && next.Final()) {
		return next, nil
	}
	return s, &StateError{s, next}
}
