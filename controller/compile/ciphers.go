package compile

import (
	"fmt"
	"strings"
)

// cipherSuites are the suites of TLS 1.2 and below that BoringSSL, Envoy's TLS library, knows. TLS 1.3 suites cannot be
// chosen.
var cipherSuites = func() map[string]bool {
	set := map[string]bool{}
	for _, name := range strings.Fields(`
		ECDHE-ECDSA-AES128-GCM-SHA256 ECDHE-RSA-AES128-GCM-SHA256 ECDHE-ECDSA-AES256-GCM-SHA384 ECDHE-RSA-AES256-GCM-SHA384
		ECDHE-ECDSA-CHACHA20-POLY1305 ECDHE-RSA-CHACHA20-POLY1305 ECDHE-PSK-CHACHA20-POLY1305
		ECDHE-ECDSA-AES128-SHA ECDHE-RSA-AES128-SHA ECDHE-PSK-AES128-CBC-SHA ECDHE-ECDSA-AES256-SHA ECDHE-RSA-AES256-SHA
		ECDHE-PSK-AES256-CBC-SHA ECDHE-ECDSA-AES128-SHA256 ECDHE-RSA-AES128-SHA256
		AES128-GCM-SHA256 AES256-GCM-SHA384 AES128-SHA AES256-SHA PSK-AES128-CBC-SHA PSK-AES256-CBC-SHA DES-CBC3-SHA`) {
		set[name] = true
	}
	return set
}()

// checkCipher reports whether a cipher suite, or a group of equally preferred ones in [A|B] form, is known to Envoy.
func checkCipher(text string) error {
	names := strings.TrimSuffix(strings.TrimPrefix(text, "["), "]")
	for _, name := range strings.Split(names, "|") {
		if !cipherSuites[strings.TrimLeft(name, "-!+")] {
			return fmt.Errorf("cipher_suites: %q is no cipher suite Envoy knows: use OpenSSL names such as ECDHE-RSA-AES128-GCM-SHA256; "+
				"the suites of TLS 1.3 cannot be chosen", name)
		}
	}
	return nil
}
