package spec

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"

	kyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// List returns the case folders below root, sorted by name: every folder that holds an expect.yaml. Root
// itself may be one case.
func List(root string) ([]string, error) {
	if _, err := os.Stat(filepath.Join(root, "expect.yaml")); err == nil {
		return []string{root}, nil
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, fmt.Errorf("reading the folder of cases: %w", err)
	}
	var dirs []string
	for _, e := range entries {
		dir := filepath.Join(root, e.Name())
		if _, err := os.Stat(filepath.Join(dir, "expect.yaml")); err == nil {
			dirs = append(dirs, dir)
		}
	}
	sort.Strings(dirs)
	if len(dirs) == 0 {
		return nil, fmt.Errorf("%s holds no case: want folders with manifests.yaml and expect.yaml", root)
	}
	return dirs, nil
}

// Read reads one case folder. Errors name the file, and the probe by its number from 1.
func Read(dir string) (*Case, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	c := &Case{
		Name: filepath.Base(dir),
		Dir:  dir,
		Env:  map[string]string{"AMBASSADOR_ID": "default", "AMBASSADOR_NAMESPACE": "default"},
	}
	if err := c.readEnv(filepath.Join(dir, "case.yaml")); err != nil {
		return nil, err
	}
	if err := c.readSteps(); err != nil {
		return nil, err
	}
	c.Certificates, err = readCertificates(filepath.Join(filepath.Dir(dir), "certs.yaml"))
	return c, err
}

// readSteps reads manifests.yaml and expect.yaml, and then those of step 2, 3 and so on.
func (c *Case) readSteps() error {
	for n := 1; ; n++ {
		suffix := ".yaml"
		if n > 1 {
			suffix = fmt.Sprintf(".%d.yaml", n)
		}
		objects, err := readObjects(filepath.Join(c.Dir, "manifests"+suffix))
		if n > 1 && errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		probes, err := readProbes(filepath.Join(c.Dir, "expect"+suffix))
		if err != nil {
			return err
		}
		c.Steps = append(c.Steps, Step{Objects: objects, Probes: probes})
	}
}

// Namespace is the controller's own namespace.
func (c *Case) Namespace() string { return c.Env["AMBASSADOR_NAMESPACE"] }

func (c *Case) readEnv(file string) error {
	data, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var head struct {
		Env map[string]Text `json:"env"`
	}
	if err := yaml.UnmarshalStrict(data, &head); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	for name, value := range head.Env {
		c.Env[name] = string(value)
	}
	return nil
}

func readObjects(file string) ([]map[string]any, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	objects, err := Documents(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return objects, nil
}

// Documents splits a YAML stream and decodes each document that is not empty.
func Documents(data []byte) ([]map[string]any, error) {
	reader := kyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
	var objects []map[string]any
	for n := 1; ; n++ {
		doc, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", n, err)
		}
		var object map[string]any
		if err := yaml.Unmarshal(doc, &object); err != nil {
			return nil, fmt.Errorf("document %d: %w", n, err)
		}
		if len(object) > 0 {
			objects = append(objects, object)
		}
	}
}

func readProbes(file string) ([]Probe, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var raw []json.RawMessage
	if err := yaml.Unmarshal(data, &raw); err != nil {
		return nil, fmt.Errorf("%s: want a list of probes: %w", file, err)
	}
	probes := make([]Probe, len(raw))
	for i, item := range raw {
		decoder := json.NewDecoder(bytes.NewReader(item))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&probes[i]); err != nil {
			return nil, fmt.Errorf("%s: probe %d: %w", file, i+1, err)
		}
		if probes[i].Request == nil && probes[i].Expect.RejectedResource == "" && len(probes[i].Expect.Cluster) == 0 {
			return nil, fmt.Errorf("%s: probe %d: has neither a request nor a rejected_resource", file, i+1)
		}
	}
	return probes, nil
}

func readCertificates(file string) (map[string][]byte, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var encoded map[string]string
	if err := yaml.Unmarshal(data, &encoded); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	certificates := make(map[string][]byte, len(encoded))
	for name, value := range encoded {
		pem, err := base64.StdEncoding.DecodeString(value)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", file, name, err)
		}
		certificates[name] = pem
	}
	return certificates, nil
}
