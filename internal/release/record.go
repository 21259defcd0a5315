package release

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"io"

	helmrelease "helm.sh/helm/v3/pkg/release"
	"sigs.k8s.io/json"
)

// RecordType is the type of the Secrets in which Helm keeps releases, one for each revision.
const RecordType = "helm.sh/release.v1"

// RecordKey is the key of such a Secret that holds the release.
const RecordKey = "release"

// Record is one revision of a release as Helm keeps it.
type Record struct {
	Ref
	Info
}

// DecodeRecord reads what a Secret of RecordType has under RecordKey: the release as JSON, compressed with gzip, in
// base64, as Helm's storage drivers write it. Helm has no exported function for that.
func DecodeRecord(data []byte) (*Record, error) {
	packed, err := base64.StdEncoding.DecodeString(string(data))
	if err != nil {
		return nil, fmt.Errorf("it is no release of Helm: %w", err)
	}
	// Helm has not always compressed; its drivers read both.
	if bytes.HasPrefix(packed, []byte{0x1f, 0x8b, 0x08}) {
		reader, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			return nil, fmt.Errorf("it is no release of Helm: %w", err)
		}
		if packed, err = io.ReadAll(reader); err != nil {
			return nil, fmt.Errorf("it is no release of Helm: %w", err)
		}
	}
	var r helmrelease.Release
	// Values keep whole numbers whole.
	if err := json.UnmarshalCaseSensitivePreserveInts(packed, &r); err != nil {
		return nil, fmt.Errorf("it is no release of Helm: %w", err)
	}
	if r.Name == "" || r.Version == 0 {
		return nil, errors.New("it is no release of Helm: it has no name or revision")
	}
	return &Record{Ref: Ref{Namespace: r.Namespace, Name: r.Name}, Info: *newInfo(&r)}, nil
}
