package quarantine

import (
	"context"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/crds/v3alpha1"
)

// bystander is a Listener that is at fault for nothing. What is part of every listener shows in it before any of the
// suspects does.
func bystander(ambassadorID string, protocol v3alpha1.Protocol, objects map[store.Ref]metav1.Object) *v3alpha1.Listener {
	ports := map[int32]bool{}
	for _, object := range objects {
		if listener, ok := object.(*v3alpha1.Listener); ok {
			ports[listener.Spec.Port] = true
		}
	}
	port := map[v3alpha1.Protocol]int32{v3alpha1.ProtocolHTTP: 65535, v3alpha1.ProtocolHTTPS: 65534}[protocol]
	for ports[port] {
		port -= 2
	}
	return &v3alpha1.Listener{
		ObjectMeta: metav1.ObjectMeta{Namespace: "emissary-validation", Name: "bystander-" + strings.ToLower(string(protocol))},
		Spec: v3alpha1.ListenerSpec{
			AmbassadorID: v3alpha1.AmbassadorID{ambassadorID}, Port: port,
			Protocol: protocol, SecurityModel: v3alpha1.SecurityModelXFP,
			HostBinding: v3alpha1.HostBinding{Namespace: v3alpha1.NamespaceBinding{From: v3alpha1.NamespaceFromAll}},
		},
	}
}

// opened returns the index of who is at fault when Envoy refuses the row up to a Host. A Listener is not opened before a
// Host is there for it: the Host is at fault if the bystanders alone show that, else the Listener that it opened.
func (s *search) opened(ctx context.Context, index int) (at int, err error) {
	if _, isHost := s.row[index].(*v3alpha1.Host); !isHost || s.secure == nil {
		return index, nil
	}
	var closed []int
	rest := append(slices.Clone(s.objects), s.secure)
	for i, object := range s.row[:index+1] {
		if _, isListener := object.(*v3alpha1.Listener); isListener {
			closed = append(closed, i)
		} else {
			rest = append(rest, object)
		}
	}
	refusal, err := s.askAbout(ctx, rest)
	if err != nil || refusal != "" {
		return index, err
	}
	for _, i := range closed {
		refusal, err := s.askAbout(ctx, append(slices.Clone(rest), s.row[i]))
		if err != nil || refusal != "" {
			return i, err
		}
	}
	return index, nil
}
