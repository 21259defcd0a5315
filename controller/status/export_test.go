package status

// Drain returns when a leading writer has written everything that was reported.
func (w *Writer) Drain() {
	w.mu.Lock()
	queue := w.queue
	w.mu.Unlock()
	queue.ShutDownWithDrain()
}
