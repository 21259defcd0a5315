package watch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"

	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/controller/watch/manifest"
)

// Folder is a source that reads a folder of manifests and follows its changes. The folder's content is the whole
// configuration: an object whose document is gone is gone.
//
// Files end in .yaml, .yml or .json; sub-folders are read too; names starting with a dot are not. Where two documents
// describe the same object the later one (by file name, then by place in the file) counts.
type Folder struct {
	dir     string
	log     *slog.Logger
	matches func(manifest.Object) bool

	// documents caches what each document of the last scan decoded to, by content: a change in one document of a
	// large file decodes one document.
	documents map[[sha256.Size]byte]manifest.Document
	// files holds what each file was at the last scan.
	files map[string]*folderFile
	// objects is what was reported, by object.
	objects map[store.Ref]*folderObject
	// complaints are the messages about documents that were logged already, so that each is logged once.
	complaints map[string]bool
}

// folderFile is what was read of a file.
type folderFile struct {
	// info is the file's when it was read; nil when it may have changed since without showing it.
	info os.FileInfo
	// documents are those of the file, and sums their contents.
	documents []manifest.Document
	sums      [][sha256.Size]byte
	// refs are the objects that came from it, for when it cannot be read completely.
	refs map[store.Ref]bool
}

// settled is how long ago a file must have been written for its time to tell it from later versions: file systems count
// in steps of up to two seconds.
const settled = 2 * time.Second

// folderObject is the newest version of an object that was reported. Generation counts changes of its content, as an
// API server does.
type folderObject struct {
	decoded    metav1.Object     // what the digests were made of
	content    [sha256.Size]byte // everything but the metadata
	metadata   [sha256.Size]byte
	generation int64
}

// FolderOptions say what to read of a folder. What is left out is as if it were not there.
type FolderOptions struct {
	// Dir is the folder.
	Dir string
	// Namespace and SecretNamespace leave out other namespaces, as in [KubernetesOptions].
	Namespace, SecretNamespace string
	// LabelSelector and FieldSelector leave out objects, as in [KubernetesOptions]. Fields are metadata.name and
	// metadata.namespace.
	LabelSelector, FieldSelector string
	// Log takes what is wrong with documents.
	Log *slog.Logger
}

// NewFolder returns a source that reads a folder. It fails when a selector cannot be parsed.
func NewFolder(options FolderOptions) (*Folder, error) {
	byLabel, err := labels.Parse(options.LabelSelector)
	if err != nil {
		return nil, fmt.Errorf("label selector: %w", err)
	}
	byField, err := fields.ParseSelector(options.FieldSelector)
	if err != nil {
		return nil, fmt.Errorf("field selector: %w", err)
	}
	return &Folder{
		dir: options.Dir,
		log: options.Log,
		matches: func(object manifest.Object) bool {
			namespace := options.Namespace
			if object.Ref.Kind == "Secret" && options.SecretNamespace != "" {
				namespace = options.SecretNamespace
			}
			return (namespace == "" || object.Ref.Namespace == namespace) &&
				(object.Object == nil || byLabel.Matches(labels.Set(object.Object.GetLabels()))) &&
				byField.Matches(fields.Set{"metadata.name": object.Ref.Name, "metadata.namespace": object.Ref.Namespace})
		},
		documents:  map[[sha256.Size]byte]manifest.Document{},
		files:      map[string]*folderFile{},
		objects:    map[store.Ref]*folderObject{},
		complaints: map[string]bool{},
	}, nil
}

// Run implements Source. It fails when the folder cannot be read at the start; later on it keeps what it had.
func (f *Folder) Run(ctx context.Context, sink Sink) error {
	notices, err := newNotices(f.dir, f.log)
	if err != nil {
		return fmt.Errorf("following %s: %w", f.dir, err)
	}
	defer notices.close()

	// Watches are set before the first scan, so that nothing falls between the two.
	if err := f.scan(sink); err != nil {
		return fmt.Errorf("reading the manifests: %w", err)
	}
	sink.Synced()
	for notices.wait(ctx) {
		if err := f.scan(sink); err != nil {
			f.log.Error("manifests cannot be read; what was read before stays in force", "dir", f.dir, "error", err)
		}
	}
	return nil
}

// scan reads the files that changed and reports what differs from the last scan.
func (f *Folder) scan(sink Sink) error {
	names, err := manifest.Files(f.dir)
	if err != nil {
		return err
	}
	found := map[store.Ref]manifest.Object{}
	kept := map[store.Ref]bool{}
	files := make(map[string]*folderFile, len(names))
	documents := make(map[[sha256.Size]byte]manifest.Document, len(f.documents))
	complaints := map[string]bool{}

	for _, name := range names {
		file, complete := f.read(name), true
		for i, document := range file.documents {
			documents[file.sums[i]] = document
			if document.Err != nil {
				complete = false
				f.complain(complaints, "document not used", document.Source, document.Err)
			}
			for _, object := range document.Objects {
				if !f.matches(object) {
					continue
				}
				if earlier, twice := found[object.Ref]; twice {
					f.complain(complaints, "object defined twice, the later document counts", object.Source,
						fmt.Errorf("%s is also in %s", object.Ref, earlier.Source))
				}
				found[object.Ref] = object
				file.refs[object.Ref] = true
			}
		}
		if last := f.files[name]; !complete && last != nil {
			// Nobody can tell what the unreadable document was about: nothing that came from this file goes away.
			for ref := range last.refs {
				kept[ref] = true
				file.refs[ref] = true
			}
		}
		files[name] = file
	}

	f.reportAll(sink, found, kept, complaints)
	f.files, f.documents, f.complaints = files, documents, complaints
	return nil
}

// read reads one file, unless it is as it was at the last scan. Documents that the last scan saw are not decoded again.
func (f *Folder) read(name string) *folderFile {
	started := time.Now()
	info, err := os.Stat(name)
	if last := f.files[name]; err == nil && last != nil && unchanged(last.info, info) {
		return last
	}
	short, err := filepath.Rel(f.dir, name)
	if err != nil {
		short = name
	}
	file := &folderFile{refs: map[store.Ref]bool{}}
	data, err := os.ReadFile(name)
	if err != nil {
		file.documents, file.sums = []manifest.Document{{Source: short, Err: err}}, make([][sha256.Size]byte, 1)
		return file
	}
	if info != nil && started.Sub(info.ModTime()) > settled {
		file.info = info
	}
	for i, raw := range manifest.Split(data) {
		sum := sha256.Sum256(raw)
		document, known := f.documents[sum]
		if !known {
			document = manifest.DecodeDocument(raw)
		}
		document.Source = fmt.Sprintf("%s, document %d", short, i+1)
		document.Objects = slices.Clone(document.Objects)
		for j := range document.Objects {
			document.Objects[j].Source = document.Source
		}
		file.documents, file.sums = append(file.documents, document), append(file.sums, sum)
	}
	return file
}

// unchanged reports whether a file is the one that was read before.
func unchanged(before, now os.FileInfo) bool {
	return before != nil && os.SameFile(before, now) && before.ModTime().Equal(now.ModTime()) && before.Size() == now.Size()
}

// reportAll hands what differs from the last scan to the sink: the objects that were found, and those that are gone and
// not kept.
func (f *Folder) reportAll(sink Sink, found map[store.Ref]manifest.Object, kept map[store.Ref]bool, complaints map[string]bool) {
	var changed, gone []store.Ref
	for ref, object := range found {
		for _, field := range object.Unknown {
			f.complain(complaints, "unknown field ignored", object.Source, fmt.Errorf("%s has no field %s", object.Ref, field))
		}
		if last := f.objects[ref]; last == nil || object.Object == nil || last.decoded != object.Object {
			changed = append(changed, ref)
		}
	}
	for ref := range f.objects {
		if _, still := found[ref]; !still && !kept[ref] {
			gone = append(gone, ref)
		}
	}
	slices.SortFunc(changed, store.Ref.Compare)
	for _, ref := range changed {
		f.report(sink, found[ref])
	}
	slices.SortFunc(gone, store.Ref.Compare)
	for _, ref := range gone {
		delete(f.objects, ref)
		sink.Handle(Event{Ref: ref})
	}
}

// report hands one object to the sink if it differs from what was reported before.
func (f *Folder) report(sink Sink, object manifest.Object) {
	next := &folderObject{decoded: object.Object, generation: 1}
	if object.Err != nil {
		next.content = sha256.Sum256([]byte(object.Err.Error()))
	} else {
		next.content, next.metadata = digest(object.Object)
	}
	if last := f.objects[object.Ref]; last != nil {
		switch {
		case last.content != next.content:
			next.generation = last.generation + 1
		case last.metadata != next.metadata:
			next.generation = last.generation
		default:
			last.decoded = next.decoded
			return
		}
	}
	f.objects[object.Ref] = next
	if object.Err != nil {
		sink.Handle(Event{Ref: object.Ref, Rejected: &Rejection{
			Generation:   next.generation,
			AmbassadorID: object.AmbassadorID,
			Message:      fmt.Sprintf("%s: %s", object.Source, object.Err),
		}})
		return
	}
	sink.Handle(Event{Ref: object.Ref, Object: withGeneration(object.Object, next.generation)})
}

func (f *Folder) complain(complaints map[string]bool, what, source string, err error) {
	key := what + source + err.Error()
	if !f.complaints[key] && !complaints[key] {
		f.log.Warn(what, "source", source, "error", err)
	}
	complaints[key] = true
}

// digest hashes the object, its metadata apart from the rest. A change of metadata alone is no new generation.
func digest(object metav1.Object) (content, metadata [sha256.Size]byte) {
	raw, err := json.Marshal(object)
	if err != nil {
		panic(fmt.Sprintf("%T cannot be marshalled: %v", object, err)) // it was unmarshalled a moment ago
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		panic(fmt.Sprintf("%T is not a JSON object: %v", object, err))
	}
	metadata = sha256.Sum256(fields["metadata"])
	delete(fields, "metadata")
	delete(fields, "status")
	var rest bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		fmt.Fprintf(&rest, "%s\x00%s\x00", name, fields[name])
	}
	return sha256.Sum256(rest.Bytes()), metadata
}

// withGeneration returns a copy: the same document may be read again under another generation.
func withGeneration(object metav1.Object, generation int64) metav1.Object {
	if original, ok := object.(runtime.Object); ok {
		if copied, ok := original.DeepCopyObject().(metav1.Object); ok {
			copied.SetGeneration(generation)
			return copied
		}
	}
	panic(fmt.Sprintf("%T is no object of Kubernetes", object)) // package manifest makes no others
}
