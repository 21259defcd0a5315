package release

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/cli"
	"helm.sh/helm/v3/pkg/getter"
	"helm.sh/helm/v3/pkg/registry"
	"helm.sh/helm/v3/pkg/repo"

	"terraform-provider-emissary/charts"
)

// downloadTimeout bounds one download where the context has no deadline.
const downloadTimeout = 2 * time.Minute

// Source says where a chart comes from.
type Source struct {
	// Chart is a bundled chart's name; the path of a folder or archive; a name in
	// Repository; or a URL (https://….tgz, oci://…).
	Chart string
	// Repository is the URL of a chart repository (https://…) or of the folder of
	// an OCI registry (oci://…); empty for the other forms of Chart.
	Repository string
	// Version is a version or a range of versions; empty is the newest.
	Version string
	// Username and Password are for the repository or registry.
	Username, Password string
}

// IsBundled reports whether the chart is one of those in the binary.
func (s Source) IsBundled() bool {
	return s.Repository == "" && slices.Contains(charts.Names(), s.Chart)
}

// IsLocal reports whether loading the chart needs no network.
func (s Source) IsLocal() bool {
	return s.Repository == "" && !strings.Contains(s.Chart, "://")
}

// Load returns the chart. Nothing is written to disk that outlives the call, and
// no two calls share a file.
func (s Source) Load(ctx context.Context) (*chart.Chart, error) {
	loaded, err := s.load(ctx)
	if err != nil {
		return nil, fmt.Errorf("chart %s: %w", s, err)
	}
	if err := s.check(loaded); err != nil {
		return nil, fmt.Errorf("chart %s: %w", s, err)
	}
	return loaded, nil
}

// String names the source in messages.
func (s Source) String() string {
	if s.Repository != "" {
		return strings.TrimSuffix(s.Repository, "/") + "/" + s.Chart
	}
	return s.Chart
}

func (s Source) load(ctx context.Context) (*chart.Chart, error) {
	switch {
	case s.IsBundled():
		return charts.Load(s.Chart)
	case registry.IsOCI(s.Repository):
		s.Chart, s.Repository = strings.TrimSuffix(s.Repository, "/")+"/"+s.Chart, ""
		return s.pull()
	case registry.IsOCI(s.Chart):
		return s.pull()
	case s.Repository != "":
		return s.fromRepository(ctx)
	case strings.HasPrefix(s.Chart, "https://") || strings.HasPrefix(s.Chart, "http://"):
		return s.download(ctx, s.Chart)
	default:
		return s.fromDisk()
	}
}

// check refuses what cannot be installed.
func (s Source) check(loaded *chart.Chart) error {
	metadata := loaded.Metadata
	if s.Version != "" && s.IsLocal() && s.Version != metadata.Version {
		return fmt.Errorf("its version is %s, not %s: leave version out, or name a repository that has it", metadata.Version, s.Version)
	}
	if metadata.Type != "" && metadata.Type != "application" {
		return fmt.Errorf("it is a chart of type %s, which cannot be installed by itself", metadata.Type)
	}
	if err := action.CheckDependencies(loaded, metadata.Dependencies); err != nil {
		return fmt.Errorf("%w: run `helm dependency build` in it", err)
	}
	return nil
}

func (s Source) fromDisk() (*chart.Chart, error) {
	if _, err := os.Stat(s.Chart); errors.Is(err, fs.ErrNotExist) {
		path, _ := filepath.Abs(s.Chart)
		return nil, fmt.Errorf("there is no file or folder %s, and it is none of the bundled charts (%s)", path, strings.Join(charts.Names(), ", "))
	}
	return loader.Load(s.Chart)
}

// pull gets the chart from an OCI registry, with Helm's and Docker's stored
// credentials unless the source has its own.
func (s Source) pull() (*chart.Chart, error) {
	options := []registry.ClientOption{registry.ClientOptWriter(io.Discard)}
	if s.Username != "" || s.Password != "" {
		options = append(options, registry.ClientOptBasicAuth(s.Username, s.Password))
	}
	reference := strings.TrimPrefix(s.Chart, registry.OCIScheme+"://")
	if isLoopback(reference) {
		options = append(options, registry.ClientOptPlainHTTP())
	}
	client, err := registry.NewClient(options...)
	if err != nil {
		return nil, err
	}
	tag, err := s.tag(client, reference)
	if err != nil {
		return nil, err
	}
	result, err := client.Pull(reference+":"+tag, registry.PullOptWithChart(true))
	if err != nil {
		return nil, err
	}
	return loader.LoadArchive(bytes.NewReader(result.Chart.Data))
}

// isLoopback reports whether a registry runs on this machine, where it is spoken
// to without TLS, as Docker does.
func isLoopback(reference string) bool {
	host, _, _ := strings.Cut(reference, "/")
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// tag is the tag of the version: an exact one is taken without asking which
// exist.
func (s Source) tag(client *registry.Client, reference string) (string, error) {
	// A plus is not allowed in a tag: Helm writes an underscore for it.
	tag := strings.ReplaceAll(s.Version, "+", "_")
	if s.Version != "" && !strings.ContainsAny(s.Version, "^~<>=*|, ") && strings.Count(s.Version, ".") >= 2 {
		return tag, nil
	}
	tags, err := client.Tags(reference)
	if err != nil {
		return "", fmt.Errorf("list its versions: %w", err)
	}
	found, err := registry.GetTagMatchingVersionOrConstraint(tags, s.Version)
	return strings.ReplaceAll(found, "+", "_"), err
}

// fromRepository finds the chart in the index of a chart repository.
func (s Source) fromRepository(ctx context.Context) (*chart.Chart, error) {
	dir, err := os.MkdirTemp("", "emissary-repository-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	entry := &repo.Entry{Name: "repository", URL: s.Repository, Username: s.Username, Password: s.Password}
	repository, err := repo.NewChartRepository(entry, getters(ctx))
	if err != nil {
		return nil, err
	}
	repository.CachePath = dir
	file, err := repository.DownloadIndexFile()
	if err != nil {
		return nil, fmt.Errorf("read the index of the repository: %w", err)
	}
	index, err := repo.LoadIndexFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the index of the repository: %w", err)
	}
	version, err := index.Get(s.Chart, s.Version)
	if err != nil {
		return nil, err
	}
	if len(version.URLs) == 0 {
		return nil, fmt.Errorf("the repository has no address for version %s", version.Version)
	}
	address, err := repo.ResolveReferenceURL(s.Repository, version.URLs[0])
	if err != nil {
		return nil, err
	}
	return s.download(ctx, address)
}

func (s Source) download(ctx context.Context, address string) (*chart.Chart, error) {
	scheme, _, _ := strings.Cut(address, "://")
	client, err := getters(ctx).ByScheme(scheme)
	if err != nil {
		return nil, err
	}
	// The getter sends credentials only to the host of the URL option.
	owner := cmp.Or(s.Repository, address)
	archive, err := client.Get(address, getter.WithURL(owner), getter.WithBasicAuth(s.Username, s.Password))
	if err != nil {
		return nil, err
	}
	return loader.LoadArchive(archive)
}

// getters are the ways to download by URL scheme. Helm's plugins for further
// schemes count too.
func getters(ctx context.Context) getter.Providers {
	timeout := downloadTimeout
	if deadline, found := ctx.Deadline(); found {
		timeout = time.Until(deadline)
	}
	return getter.All(cli.New(), getter.WithTimeout(timeout))
}
