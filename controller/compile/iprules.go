package compile

import (
	"encoding/json"
	"fmt"
	"net/netip"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	rbacconfigv3 "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	rbacv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// ipRules are the address ranges of ip_allow or ip_deny.
type ipRules struct {
	set        bool
	principals []*rbacconfigv3.Principal
}

// read takes every range that makes sense and reports the others. What was meant to restrict access still does: a list
// of allowed addresses none of which can be read allows nobody.
func (r *ipRules) read(raw json.RawMessage) error {
	var entries []struct {
		Peer   string `json:"peer"`
		Remote string `json:"remote"`
	}
	r.set = true
	if err := strict(raw, &entries); err != nil {
		return err
	}
	r.set = len(entries) > 0
	var problem error
	for _, entry := range entries {
		if countTrue(entry.Peer != "", entry.Remote != "") != 1 {
			problem = fmt.Errorf("each entry is either peer: CIDR or remote: CIDR")
			continue
		}
		addresses, err := cidrRange(entry.Peer + entry.Remote)
		if err != nil {
			problem = err
			continue
		}
		principal := &rbacconfigv3.Principal{Identifier: &rbacconfigv3.Principal_RemoteIp{RemoteIp: addresses}}
		if entry.Peer != "" {
			principal.Identifier = &rbacconfigv3.Principal_DirectRemoteIp{DirectRemoteIp: addresses}
		}
		r.principals = append(r.principals, principal)
	}
	return problem
}

// filter builds the filter that allows or denies these addresses.
func (r *ipRules) filter(action rbacconfigv3.RBAC_Action) *rbacv3.RBAC {
	rules := &rbacconfigv3.RBAC{Action: action}
	if len(r.principals) > 0 {
		rules.Policies = map[string]*rbacconfigv3.Policy{"addresses": {
			Permissions: []*rbacconfigv3.Permission{{Rule: &rbacconfigv3.Permission_Any{Any: true}}},
			Principals:  r.principals,
		}}
	}
	return &rbacv3.RBAC{Rules: rules}
}

// cidrRange reads an address with an optional prefix length.
func cidrRange(text string) (*corev3.CidrRange, error) {
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		address, addressErr := netip.ParseAddr(text)
		if addressErr != nil {
			return nil, fmt.Errorf("%q is not an address range: write 10.0.0.0/8 or one address", text)
		}
		prefix = netip.PrefixFrom(address, address.BitLen())
	}
	return &corev3.CidrRange{
		AddressPrefix: prefix.Addr().String(), PrefixLen: wrapperspb.UInt32(uint32(prefix.Bits())),
	}, nil
}
