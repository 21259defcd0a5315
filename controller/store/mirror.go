package store

import (
	"net/netip"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// mirrorManager marks the EndpointSlices made from an Endpoints object, with the label value Kubernetes' own mirroring
// controller uses.
const mirrorManager = "endpointslicemirroring-controller.k8s.io"

// mirrorSubset turns one subset of an Endpoints object into an EndpointSlice.
func mirrorSubset(endpoints *corev1.Endpoints, subset corev1.EndpointSubset, index int) *discoveryv1.EndpointSlice {
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: endpoints.Namespace,
			Name:      endpoints.Name + "-" + strconv.Itoa(index),
			Labels: map[string]string{
				discoveryv1.LabelServiceName: endpoints.Name,
				discoveryv1.LabelManagedBy:   mirrorManager,
			},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
	}
	for _, port := range subset.Ports {
		slice.Ports = append(slice.Ports, discoveryv1.EndpointPort{
			Name: &port.Name, Port: &port.Port, Protocol: &port.Protocol, AppProtocol: port.AppProtocol,
		})
	}
	for _, address := range subset.Addresses {
		slice.Endpoints = append(slice.Endpoints, mirrorAddress(address, true))
		if ip, err := netip.ParseAddr(address.IP); err == nil && ip.Is6() {
			slice.AddressType = discoveryv1.AddressTypeIPv6
		}
	}
	for _, address := range subset.NotReadyAddresses {
		slice.Endpoints = append(slice.Endpoints, mirrorAddress(address, false))
	}
	return slice
}

func mirrorAddress(address corev1.EndpointAddress, ready bool) discoveryv1.Endpoint {
	return discoveryv1.Endpoint{
		Addresses:  []string{address.IP},
		Conditions: discoveryv1.EndpointConditions{Ready: &ready},
	}
}
