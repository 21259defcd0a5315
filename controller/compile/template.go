package compile

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// substitution matches one command of Envoy's templates: %NAME%, %NAME(argument)%, each with an optional :length.
var substitution = regexp.MustCompile(`^%([A-Z][A-Z0-9_]*)(?:\(([^)\r\n]*)\))?(?::([0-9]+))?%`)

// command says how a command is written.
type command struct {
	// argument checks what stands in parentheses, "" where nothing does; nil takes nothing.
	argument func(text string) error
	// length is set where the result can be cut with :length.
	length bool
}

// templateCommands are the commands of Envoy 1.40 in header values and access logs. CEL and COALESCE are not among them:
// their arguments are languages of their own, and no Emissary had them.
// https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage#command-operators
var templateCommands = func() map[string]command {
	all := map[string]command{
		"COMMON_DURATION":       {argument: durationArgument},
		"FILTER_STATE":          {argument: filterStateArgument, length: true},
		"GRPC_STATUS":           {argument: optionsArgument(`CAMEL_STRING SNAKE_STRING NUMBER`)},
		"METADATA":              {argument: metadataArgument, length: true},
		"PATH":                  {argument: optionsArgument("WQ NQ", "ORIG PATH ORIG_OR_PATH"), length: true},
		"QUERY_PARAMS":          {argument: optionsArgument("ORIG DECODED"), length: true},
		"REQUESTED_SERVER_NAME": {argument: optionsArgument("SNI_ONLY SNI_FIRST HOST_FIRST", "ORIG HOST ORIG_OR_HOST")},
		"UPSTREAM_FILTER_STATE": {argument: filterStateArgument, length: true},
	}
	for _, set := range []struct {
		form  command
		names string
	}{
		{command{argument: headersArgument, length: true}, `REQ RESP TRAILER REQUEST_HEADER RESPONSE_HEADER RESPONSE_TRAILER`},
		{command{argument: someArgument, length: true}, `ENVIRONMENT QUERY_PARAM DYNAMIC_METADATA`},
		{command{argument: someArgument}, `CLUSTER_METADATA UPSTREAM_METADATA`},
		{command{argument: anyArgument}, `START_TIME START_TIME_LOCAL EMIT_TIME EMIT_TIME_LOCAL RESPONSE_CODE_DETAILS
			DOWNSTREAM_PEER_CERT_V_START DOWNSTREAM_PEER_CERT_V_END UPSTREAM_PEER_CERT_V_START UPSTREAM_PEER_CERT_V_END
			DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT
			DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT
			UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT`},
		{command{}, `
		ACCESS_LOG_TYPE BYTES_RECEIVED BYTES_RETRANSMITTED BYTES_SENT CONNECTION_ID CONNECTION_TERMINATION_DETAILS
		CUSTOM_FLAGS DOWNSTREAM_CX_RTT DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED
		DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT DOWNSTREAM_DETECTED_CLOSE_TYPE DOWNSTREAM_DIRECT_LOCAL_ADDRESS
		DOWNSTREAM_DIRECT_LOCAL_ADDRESS_ENDPOINT_ID DOWNSTREAM_DIRECT_LOCAL_PORT DOWNSTREAM_DIRECT_REMOTE_ADDRESS
		DOWNSTREAM_DIRECT_REMOTE_PORT DOWNSTREAM_HANDSHAKE_DURATION DOWNSTREAM_HEADER_BYTES_RECEIVED
		DOWNSTREAM_HEADER_BYTES_SENT DOWNSTREAM_LOCAL_ADDRESS DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID
		DOWNSTREAM_LOCAL_CLOSE_REASON DOWNSTREAM_LOCAL_DNS_SAN DOWNSTREAM_LOCAL_EMAIL_SAN DOWNSTREAM_LOCAL_IP_SAN
		DOWNSTREAM_LOCAL_OTHERNAME_SAN DOWNSTREAM_LOCAL_PORT DOWNSTREAM_LOCAL_SUBJECT DOWNSTREAM_LOCAL_URI_SAN
		DOWNSTREAM_PEER_CERT DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1 DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256
		DOWNSTREAM_PEER_CHAIN_SERIALS DOWNSTREAM_PEER_DNS_SAN DOWNSTREAM_PEER_EMAIL_SAN DOWNSTREAM_PEER_FINGERPRINT_1
		DOWNSTREAM_PEER_FINGERPRINT_256 DOWNSTREAM_PEER_IP_SAN DOWNSTREAM_PEER_ISSUER
		DOWNSTREAM_PEER_ISSUER_FINGERPRINT_256 DOWNSTREAM_PEER_ISSUER_SERIAL DOWNSTREAM_PEER_OTHERNAME_SAN
		DOWNSTREAM_PEER_SERIAL DOWNSTREAM_PEER_SUBJECT DOWNSTREAM_PEER_URI_SAN DOWNSTREAM_REMOTE_ADDRESS
		DOWNSTREAM_REMOTE_PORT DOWNSTREAM_TLS_CIPHER DOWNSTREAM_TLS_GROUP DOWNSTREAM_TLS_SESSION_ID
		DOWNSTREAM_TLS_VERSION DOWNSTREAM_TRANSPORT_FAILURE_REASON DOWNSTREAM_WIRE_BYTES_RECEIVED
		DOWNSTREAM_WIRE_BYTES_SENT DURATION FILTER_CHAIN_NAME GRPC_STATUS_NUMBER HOSTNAME LOCAL_REPLY_BODY
		PACKETS_RETRANSMITTED PROTOCOL REQUEST_DURATION REQUEST_HEADERS_BYTES REQUEST_TX_DURATION RESPONSE_CODE
		RESPONSE_DURATION RESPONSE_FLAGS RESPONSE_FLAGS_LONG RESPONSE_HEADERS_BYTES RESPONSE_TRAILERS_BYTES
		RESPONSE_TX_DURATION ROUNDTRIP_DURATION ROUTE_NAME ROUTE_RESOLUTION_COUNT ROUTE_RESOLUTION_TIME_US SPAN_ID
		STREAM_ID TLS_JA3_FINGERPRINT TLS_JA4_FINGERPRINT TRACE_ID UNIQUE_ID UPSTREAM_CLUSTER UPSTREAM_CLUSTER_RAW
		UPSTREAM_CONNECTION_ID UPSTREAM_CONNECTION_IDS_ATTEMPTED UPSTREAM_CONNECTION_POOL_READY_DURATION
		UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT UPSTREAM_DETECTED_CLOSE_TYPE
		UPSTREAM_HEADER_BYTES_RECEIVED UPSTREAM_HEADER_BYTES_SENT UPSTREAM_HOST UPSTREAM_HOSTS_ATTEMPTED
		UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT UPSTREAM_HOST_NAME UPSTREAM_HOST_NAMES_ATTEMPTED
		UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT UPSTREAM_HOST_NAME_WITHOUT_PORT UPSTREAM_LOCAL_ADDRESS
		UPSTREAM_LOCAL_CLOSE_REASON UPSTREAM_LOCAL_DNS_SAN UPSTREAM_LOCAL_IP_SAN UPSTREAM_LOCAL_PORT
		UPSTREAM_LOCAL_URI_SAN UPSTREAM_PEER_CERT UPSTREAM_PEER_DNS_SAN UPSTREAM_PEER_IP_SAN UPSTREAM_PEER_ISSUER
		UPSTREAM_PEER_SUBJECT UPSTREAM_PEER_URI_SAN UPSTREAM_PROTOCOL UPSTREAM_REMOTE_ADDRESS
		UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID UPSTREAM_REMOTE_PORT UPSTREAM_REQUEST_ATTEMPT_COUNT UPSTREAM_SERVER_NAME
		UPSTREAM_TLS_CIPHER UPSTREAM_TLS_GROUP UPSTREAM_TLS_SESSION_ID UPSTREAM_TLS_VERSION
		UPSTREAM_TRANSPORT_FAILURE_REASON UPSTREAM_WIRE_BYTES_RECEIVED UPSTREAM_WIRE_BYTES_SENT VIRTUAL_CLUSTER_NAME`},
	} {
		for _, name := range strings.Fields(set.names) {
			all[name] = set.form
		}
	}
	return all
}()

// checkTemplate reports whether Envoy can use a header value that may hold substitution commands. "%%" is a percent
// sign.
func checkTemplate(field, text string) error {
	if len(text) > maxHeaderBytes {
		return fmt.Errorf("%s: the value has %d bytes, %d are allowed: shorten it", field, len(text), maxHeaderBytes)
	}
	return firstError(checkHeaderValue(field, text), checkCommands(field, text))
}

// checkCommands checks the commands in a text.
func checkCommands(field, text string) error {
	for rest := text; ; {
		i := strings.IndexByte(rest, '%')
		if i < 0 {
			return nil
		}
		rest = rest[i:]
		if strings.HasPrefix(rest, "%%") {
			rest = rest[2:]
			continue
		}
		match := substitution.FindStringSubmatch(rest)
		if match == nil {
			return fmt.Errorf("%s: the %% in %.200q starts no %%COMMAND%%: write %%%% for a percent sign", field, text)
		}
		if err := checkCommand(match[1], match[2], match[3]); err != nil {
			return fmt.Errorf("%s: %.200q: %w", field, text, err)
		}
		rest = rest[len(match[0]):]
	}
}

func checkCommand(name, argument, length string) error {
	form, known := templateCommands[name]
	switch _, err := strconv.ParseUint(length, 10, 32); {
	case !known:
		return fmt.Errorf("no command %%%s%% in Envoy: see the command operators in its documentation", name)
	case length != "" && !form.length:
		return fmt.Errorf("the command %%%s%% cannot be cut: leave :%s out", name, length)
	case length != "" && err != nil:
		return fmt.Errorf("the command %%%s%% is cut at %s, which is out of range", name, length)
	case form.argument == nil && argument != "":
		return fmt.Errorf("the command %%%s%% takes no argument: leave (%s) out", name, argument)
	case form.argument == nil:
		return nil
	}
	if err := form.argument(argument); err != nil {
		return fmt.Errorf("the command %%%s%% %w", name, err)
	}
	return nil
}

func anyArgument(string) error { return nil }

func someArgument(text string) error {
	if text == "" {
		return fmt.Errorf("needs an argument: write %%COMMAND(name)%%")
	}
	return nil
}

// headersArgument is the name of a header and, after a question mark, of one to take instead.
func headersArgument(text string) error {
	names := strings.Split(text, "?")
	if len(names) > 2 {
		return fmt.Errorf("takes one alternative, %q has %d", text, len(names)-1)
	}
	for _, name := range names {
		if name != "" {
			if err := checkHeaderName("argument", name); err != nil {
				return err
			}
		}
	}
	return someArgument(text)
}

// optionsArgument is up to one of each set of words, separated by colons.
func optionsArgument(sets ...string) func(text string) error {
	return func(text string) error {
		words := strings.Split(text, ":")
		for i, word := range words {
			if word == "" && i < len(sets) {
				continue
			}
			if i >= len(sets) || !slices.Contains(strings.Fields(sets[i]), word) {
				return fmt.Errorf("takes no %q: use one of %s", text, strings.Join(sets, ", with : one of "))
			}
		}
		return nil
	}
}

// metadataArgument is where to look, and under which names.
func metadataArgument(text string) error {
	kind, _, _ := strings.Cut(text, ":")
	return checkOneOf("argument", kind, "DYNAMIC", "CLUSTER", "ROUTE", "UPSTREAM_HOST", "LISTENER", "VIRTUAL_HOST", "LISTENER_FILTER_CHAIN")
}

// filterStateArgument is the name of an object in a filter's state and how to show it.
func filterStateArgument(text string) error {
	name, how, _ := strings.Cut(text, ":")
	how, part, _ := strings.Cut(how, ":")
	switch {
	case name == "":
		return fmt.Errorf("needs the name of an object: write %%COMMAND(name:PLAIN)%%")
	case how == "FIELD" && part == "":
		return fmt.Errorf("needs the name of a field after FIELD: write %%COMMAND(name:FIELD:field)%%")
	case how != "FIELD" && part != "":
		return fmt.Errorf("takes no field after %s: leave it out, or write FIELD", how)
	case how == "":
		return nil
	}
	return checkOneOf("argument", how, "PLAIN", "TYPED", "FIELD")
}

// durationArgument is two points in time and a unit.
func durationArgument(text string) error {
	parts := strings.Split(text, ":")
	if len(parts) < 2 || len(parts) > 3 {
		return fmt.Errorf("takes two points in time and a unit, such as DS_RX_BEG:DS_TX_END:ms, not %q", text)
	}
	if len(parts) == 2 {
		return nil
	}
	return checkOneOf("argument", parts[2], "ms", "us", "ns")
}
