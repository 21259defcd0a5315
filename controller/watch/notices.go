package watch

import (
	"context"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// settle is how long a folder must be quiet before it is read: an editor writes, renames and removes, and a
	// half-written state is nobody's wish.
	settle = 25 * time.Millisecond
	// settleBound is how long a folder that never comes to rest may put off its reading.
	settleBound = 500 * time.Millisecond
	// rescan finds changes that never give a notice, as on network file systems.
	rescan = 10 * time.Second
)

// notices tells when a folder, or any folder below it, may have changed.
type notices struct {
	dir     string
	log     *slog.Logger
	watcher *fsnotify.Watcher
	watched map[string]fs.FileInfo // the folder each path led to when its watch was set
}

func newNotices(dir string, log *slog.Logger) (*notices, error) {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	n := &notices{dir: dir, log: log, watcher: watcher, watched: map[string]fs.FileInfo{}}
	n.refresh()
	return n, nil
}

func (n *notices) close() { _ = n.watcher.Close() }

// wait returns true when the folder should be read again, false when the context has ended.
func (n *notices) wait(ctx context.Context) bool {
	slow := time.NewTimer(rescan)
	defer slow.Stop()
	var quiet, bound <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return false
		case err := <-n.watcher.Errors:
			n.log.Warn("file notices were lost; reading the folder again", "dir", n.dir, "error", err)
			n.refresh()
			return true
		case event := <-n.watcher.Events:
			if !n.concerns(event) {
				continue
			}
			quiet = time.After(settle)
			if bound == nil {
				bound = time.After(settleBound)
			}
			continue
		case <-quiet:
		case <-bound:
		case <-slow.C:
		}
		n.refresh()
		return true
	}
}

// concerns tells whether an event can be about the manifests. In the parent only the folder's own name counts: the
// parent may be as busy as /tmp.
func (n *notices) concerns(event fsnotify.Event) bool {
	if event.Op == fsnotify.Chmod {
		return false
	}
	dir := filepath.Clean(n.dir)
	return filepath.Dir(event.Name) != filepath.Dir(dir) || filepath.Base(event.Name) == filepath.Base(dir)
}

// refresh watches the folders that exist now. The parent is watched as well: the folder itself may be a link that is
// swapped, and a watch follows the folder it was set on, not the name.
func (n *notices) refresh() {
	wanted := map[string]fs.FileInfo{}
	want := func(path string) {
		if info, err := os.Stat(path); err == nil {
			wanted[path] = info
		}
	}
	dir := filepath.Clean(n.dir)
	want(filepath.Dir(dir))
	want(dir)
	if root, err := filepath.EvalSymlinks(dir); err == nil {
		_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() && path != root {
				want(path)
			}
			return nil // what cannot be read is reported by the scan
		})
	}
	for path, info := range n.watched {
		if now, ok := wanted[path]; !ok || !os.SameFile(info, now) {
			_ = n.watcher.Remove(path) // fails when the folder is gone, and the watch with it
		}
	}
	for path := range wanted {
		// Adding a watch that is there changes nothing; one that went with its folder comes back.
		if err := n.watcher.Add(path); err != nil {
			n.log.Warn("folder cannot be followed; it is read every now and then instead", "dir", path, "every", rescan, "error", err)
		}
	}
	n.watched = wanted
}
