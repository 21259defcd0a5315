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

// cipherGroups are names for many suites at once.
var cipherGroups = map[string]bool{"ALL": true, "DEFAULT": true, "HIGH": true, "ECDHE": true, "kRSA": true}

// checkCiphers reports whether a list of cipher suites is one that BoringSSL takes: names, each of which may stand
// between colons, and either groups of equally preferred ones as [A|B] or names to drop (-A), forbid (!A) or put last
// (+A). At least one suite must be left.
func checkCiphers(list []string) error {
	chosen, forbidden, groups := map[string]bool{}, map[string]bool{}, false
	bracket := strings.Contains(strings.Join(list, ""), "[")
	for _, text := range list {
		for _, item := range strings.Split(text, ":") {
			group, grouped := strings.CutPrefix(item, "[")
			names := []string{item}
			if grouped {
				if group, grouped = strings.CutSuffix(group, "]"); !grouped {
					return fmt.Errorf("cipher_suites: %q begins a group that does not end: write [A|B]", item)
				}
				names = strings.Split(group, "|")
			}
			for _, name := range names {
				operator := ""
				if !grouped && name != "" && strings.Contains("-!+", name[:1]) {
					operator, name = name[:1], name[1:]
				}
				switch {
				case operator != "" && bracket:
					return fmt.Errorf("cipher_suites: %q cannot stand beside a group [A|B]: use either", item)
				case cipherGroups[name] && operator == "":
					groups = true
					continue
				case !cipherSuites[name]:
					return fmt.Errorf("cipher_suites: %q is no cipher suite Envoy knows: use OpenSSL names such as ECDHE-RSA-AES128-GCM-SHA256; "+
						"the suites of TLS 1.3 cannot be chosen", name)
				}
				forbidden[name] = forbidden[name] || operator == "!"
				switch operator {
				case "":
					chosen[name] = !forbidden[name]
				case "-", "!":
					delete(chosen, name)
				}
			}
		}
	}
	for _, left := range chosen {
		groups = groups || left
	}
	if len(list) > 0 && !groups {
		return fmt.Errorf("cipher_suites: %s leave no cipher suite: name one without -, ! and +", strings.Join(list, ", "))
	}
	return nil
}

// curveNames are the elliptic curves that Envoy knows, and the names of them that mean the same.
var curveNames = map[string]string{
	"X25519": "X25519", "P-256": "P-256", "P-384": "P-384", "P-521": "P-521", "X25519MLKEM768": "X25519MLKEM768",
	"x25519": "X25519", "prime256v1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521",
}

// checkCurves reports whether a list of elliptic curves is one that BoringSSL takes.
func checkCurves(list []string) error {
	seen := map[string]bool{}
	for _, name := range list {
		curve, known := curveNames[name]
		switch {
		case !known:
			return fmt.Errorf("ecdh_curves: %q is not allowed: use X25519, P-256, P-384, P-521 or X25519MLKEM768", name)
		case seen[curve]:
			return fmt.Errorf("ecdh_curves: %s is listed twice", name)
		}
		seen[curve] = true
	}
	return nil
}

// checkALPN reports whether a list of protocols can be offered: it has to fit into a TLS extension (RFC 7301).
func checkALPN(list []string) error {
	size := 0
	for _, protocol := range list {
		if len(protocol) > 255 {
			return fmt.Errorf("alpn_protocols: a protocol name may have at most 255 characters, %.50q... has %d", protocol, len(protocol))
		}
		size += 1 + len(protocol)
	}
	if size > 65535 {
		return fmt.Errorf("alpn_protocols: the %d names are too long together: leave some out", len(list))
	}
	return nil
}
