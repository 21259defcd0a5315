package address

import (
	"maps"
	"os"
	"path/filepath"
	"testing"
)

func TestReadLabels(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "labels")
	if set, err := ReadLabels(path); set != nil || err != nil {
		t.Errorf("without a file: %v, %v", set, err)
	}
	// As the kubelet writes them.
	if err := os.WriteFile(path, []byte("app=\"ingress\"\nempty=\"\"\nexample.com/odd=\"a\\\"b\""), 0o600); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"app": "ingress", "empty": "", "example.com/odd": `a"b`}
	if set, err := ReadLabels(path); err != nil || !maps.Equal(set, want) {
		t.Errorf("%v, %v, want %v", set, err, want)
	}
}

func FuzzLabels(f *testing.F) {
	f.Add("app=\"ingress\"\n")
	f.Add("app=ingress")
	f.Add("=\"\"\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		if set, err := parseLabels(text); err != nil && set != nil {
			t.Errorf("%v and %v", set, err)
		}
	})
}
