package status

import (
	"log/slog"

	"terraform-provider-emissary/controller/store"
)

// Log is a sink for where there is no API server: one line for each transition of an object.
type Log struct {
	log  *slog.Logger
	said map[store.Ref]Update
}

// NewLog returns a sink that writes to log.
func NewLog(log *slog.Logger) *Log { return &Log{log: log, said: map[store.Ref]Update{}} }

// Report implements Sink.
func (l *Log) Report(update Update) {
	before, known := l.said[update.Ref]
	l.said[update.Ref] = update
	args := []any{"object", update.Ref.String(), "generation", update.Generation}
	switch failure := update.failure(); {
	case failure != nil:
		l.log.Warn("object has a problem", append(args, "programmed", update.Programmed.True, "reason", failure.Reason, "message", failure.Message)...)
	case update.pending():
		l.log.Info("object is pending", append(args, "message", update.Programmed.Message)...)
	case !known || before.failure() != nil || before.pending() || before.Generation != update.Generation || before.Accepted != update.Accepted:
		if update.Accepted.Message != "" { // warnings
			args = append(args, "message", update.Accepted.Message)
		}
		l.log.Info("object is served", args...)
	}
}

// Forget implements Sink.
func (l *Log) Forget(ref store.Ref) {
	delete(l.said, ref)
	l.log.Info("object is gone", "object", ref.String())
}
