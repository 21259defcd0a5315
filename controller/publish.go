package controller

import (
	"time"

	"terraform-provider-emissary/controller/compile"
	"terraform-provider-emissary/controller/status"
	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/controller/xds"
)

// publish hands Envoy what changed, and the tracker what became of the objects.
func (l *loop) publish(delta *compile.Delta, events int, start time.Time) {
	compiled := time.Now()
	revision, err := l.send(delta)
	if err != nil {
		l.log.Error("the configuration cannot be published; the last one stays in force", "error", err)
		l.compiler = nil // what Envoy lacks now is in no later delta
		return
	}
	now := time.Now()
	l.toldEnvoy(revision)
	l.published.take(delta.Reports)
	l.track(delta.Reports, revision, now)
	l.public.Store(diagnosticsPublic(l.store, l.ambassadorID))
	l.metrics.compiled(compiled.Sub(start))
	args := []any{"revision", revision, "changes", events, "resources", len(delta.Changed) + len(delta.Removed), "took", now.Sub(start).Round(time.Microsecond)}
	switch {
	case !l.started:
		l.log.Info("first configuration published", args...)
	case revision != l.revision:
		l.log.Info("configuration updated", args...)
	default:
		l.log.Debug("configuration unchanged", args...)
	}
	l.started, l.revision = true, revision
	if delta.Whole {
		l.whole = revision
	}
	l.published.revision, l.published.at = revision, now
	l.serving.Store(true)
}

// send gives the xDS server a delta.
func (l *loop) send(delta *compile.Delta) (revision uint64, err error) {
	changed := make([]xds.Resource, 0, len(delta.Changed)+len(l.fixed))
	for id, message := range delta.Changed {
		changed = append(changed, xds.Resource{ID: xds.ID(id), Message: message})
	}
	if delta.Whole {
		return l.server.Update(append(changed, l.fixed...))
	}
	removed := make([]xds.ID, 0, len(delta.Removed))
	for id := range delta.Removed {
		removed = append(removed, xds.ID(id))
	}
	return l.server.Apply(changed, removed)
}

// track tells the tracker what changed: the reports, and what is not in force.
func (l *loop) track(reports map[store.Ref]*compile.Report, revision uint64, now time.Time) {
	rejected, notInForce := map[store.Ref]*status.Rejected{}, l.notInForce()
	for ref, rejection := range notInForce {
		if told, known := l.told[ref]; !known || told != rejection {
			rejected[ref] = &rejection
			l.told[ref] = rejection
		}
	}
	for ref := range l.told {
		if _, still := notInForce[ref]; !still {
			rejected[ref] = nil
			delete(l.told, ref)
		}
	}
	l.tracker.Compiled(reports, rejected, revision, now)
	l.metrics.count(&l.published, len(notInForce))
}
