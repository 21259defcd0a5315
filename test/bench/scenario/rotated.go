package scenario

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"terraform-provider-emissary/crds/v3alpha1"
	"terraform-provider-emissary/test/bench/load"
	"terraform-provider-emissary/test/bench/report"
	"terraform-provider-emissary/test/bench/testbed"
)

// Rotated replaces the certificate of an HTTPS Host again and again, on a Listener of its own port. A visitor that meets
// anything but a valid certificate counts as a wrong answer.
func Rotated(ctx context.Context, s *Station, port, changes int) (report.Answers, error) {
	request := load.Request{Host: "rotated.example", Path: "/"}
	authority, err := newAuthority()
	if err != nil {
		return report.Answers{}, err
	}
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: testbed.Namespace, Name: "rotated"}, Type: corev1.SecretTypeTLS,
	}
	serial, data, err := authority.issue(request.Host)
	if err != nil {
		return report.Answers{}, err
	}
	secret.Data = data
	host := testbed.CleartextHost("rotated", request.Host)
	host.Spec.TLSSecret = &v3alpha1.SecretReference{Name: secret.Name}
	mapping := s.Shape.Mapping(0)
	mapping.Name, mapping.Spec.Hostname, mapping.Spec.Prefix = "rotated", request.Host, request.Path
	if err := s.Plane.Create(ctx, secret, host, mapping, testbed.Listener("https", port, v3alpha1.ProtocolHTTPS)); err != nil {
		return report.Answers{}, err
	}

	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	config := &tls.Config{RootCAs: authority.pool(), MinVersion: tls.VersionTLS12}
	// shown returns when new connections are answered with the certificate of this serial number.
	shown := func(serial string) error {
		client := &load.Client{Address: address, TLS: config}
		return testbed.Await(ctx, "the certificate "+serial, changeTimeout, func(context.Context) error {
			answer, err := client.Get(request)
			if err == nil && answer.Certificate != serial {
				err = fmt.Errorf("the certificate is %s", answer.Certificate)
			}
			return err
		})
	}
	if err := shown(serial); err != nil {
		return report.Answers{}, err
	}
	return during("a certificate rotated", changes, visitors(ctx, address, config, request), func(int) error {
		serial, data, err := authority.issue(request.Host)
		if err != nil {
			return err
		}
		if err := testbed.Update(ctx, s.Plane, secret, func(secret *corev1.Secret) { secret.Data = data }); err != nil {
			return err
		}
		return shown(serial)
	})
}
