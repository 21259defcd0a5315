package isolation

import (
	"net"
	"net/netip"
	"os"
	"testing"
)

const childVariable = "BEHAVIOUR_ISOLATION_TEST"

func TestMain(m *testing.M) {
	Init()
	if os.Getenv(childVariable) != "" {
		if err := insideNamespaces(); err != nil {
			_, _ = os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// insideNamespaces binds what no unprivileged process could, and resolves a made-up name.
func insideNamespaces() error {
	if err := Enter(map[string][]netip.Addr{"quote.example": {netip.MustParseAddr("10.1.2.3")}}); err != nil {
		return err
	}
	for _, address := range []string{"10.1.2.3:80", "127.0.0.1:443"} {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return err
		}
		defer func() { _ = l.Close() }()
	}
	conn, err := net.Dial("tcp", "quote.example:80")
	if err != nil {
		return err
	}
	return conn.Close()
}

func TestNamespacesAreFurnished(t *testing.T) {
	t.Parallel()
	if mode, err := Detect(t.Context()); mode != Namespaces {
		t.Skipf("this machine has no namespaces to give: %v", err)
	}
	child, err := Child(t.Context(), Namespaces, childVariable+"=1")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}
