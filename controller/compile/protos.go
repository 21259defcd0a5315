package compile

import (
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// packed wraps a message in an Any with the same bytes for the same content. The messages are our own and complete, so
// marshalling them cannot fail.
func packed(message proto.Message) *anypb.Any {
	wrapped := &anypb.Any{}
	if err := anypb.MarshalFrom(wrapped, message, proto.MarshalOptions{Deterministic: true}); err != nil {
		panic(err)
	}
	return wrapped
}

// defaultTimeoutMs is how long connecting, and answering, may take where nothing else is said.
const defaultTimeoutMs = 3000

// defaultTimeout is one message for all that say so: there are as many as Mappings.
var defaultTimeout = durationpb.New(defaultTimeoutMs * time.Millisecond)

// milliseconds converts a field named *_ms.
func milliseconds(ms int) *durationpb.Duration {
	if ms == defaultTimeoutMs {
		return defaultTimeout
	}
	return durationpb.New(time.Duration(ms) * time.Millisecond)
}

// optionalMilliseconds converts a field named *_ms that may be unset.
func optionalMilliseconds(ms *int) *durationpb.Duration {
	if ms == nil {
		return nil
	}
	return milliseconds(*ms)
}

// optionalUint32 converts a count that may be unset.
func optionalUint32(n *int) *wrapperspb.UInt32Value {
	if n == nil {
		return nil
	}
	return wrapperspb.UInt32(uint32(*n))
}

// optionalBool converts a switch that may be unset.
func optionalBool(b *bool) *wrapperspb.BoolValue {
	if b == nil {
		return nil
	}
	return wrapperspb.Bool(*b)
}

// isTrue reads a switch that defaults to false.
func isTrue(b *bool) bool { return b != nil && *b }

// socketAddress is a TCP address; host is an IP literal or, for DNS clusters, a name.
func socketAddress(host string, port uint32) *corev3.Address {
	return &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address:       host,
		PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: port},
	}}}
}

// overADS is the config source of every dynamic resource: the stream it came by. Resources share it.
var overADS = &corev3.ConfigSource{
	ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}},
	ResourceApiVersion:    corev3.ApiVersion_V3,
}

// inlineBytes is a data source that carries its content.
func inlineBytes(data []byte) *corev3.DataSource {
	return &corev3.DataSource{Specifier: &corev3.DataSource_InlineBytes{InlineBytes: data}}
}

// inFile is a data source on Envoy's disk.
func inFile(path string) *corev3.DataSource {
	return &corev3.DataSource{Specifier: &corev3.DataSource_Filename{Filename: path}}
}
