package compile

import (
	"encoding/json"
	"fmt"
	"strings"

	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/config/accesslog/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	filelogv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/file/v3"
	"google.golang.org/protobuf/types/known/structpb"
)

// accessLog is where and how requests are logged.
type accessLog struct {
	kind, path string
	// format is a line for text logs and an object for JSON logs; nil takes Emissary's.
	format json.RawMessage
}

// defaultTextLog is Emissary's access log line.
const defaultTextLog = `ACCESS [%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" ` +
	`%RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% ` +
	`"%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"`

// defaultJSONLog is Emissary's JSON access log.
var defaultJSONLog = map[string]string{
	"start_time":                        "%START_TIME%",
	"method":                            "%REQ(:METHOD)%",
	"path":                              "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
	"protocol":                          "%PROTOCOL%",
	"response_code":                     "%RESPONSE_CODE%",
	"response_flags":                    "%RESPONSE_FLAGS%",
	"bytes_received":                    "%BYTES_RECEIVED%",
	"bytes_sent":                        "%BYTES_SENT%",
	"duration":                          "%DURATION%",
	"upstream_service_time":             "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
	"x_forwarded_for":                   "%REQ(X-FORWARDED-FOR)%",
	"user_agent":                        "%REQ(USER-AGENT)%",
	"request_id":                        "%REQ(X-REQUEST-ID)%",
	"authority":                         "%REQ(:AUTHORITY)%",
	"upstream_host":                     "%UPSTREAM_HOST%",
	"upstream_cluster":                  "%UPSTREAM_CLUSTER%",
	"upstream_local_address":            "%UPSTREAM_LOCAL_ADDRESS%",
	"downstream_local_address":          "%DOWNSTREAM_LOCAL_ADDRESS%",
	"downstream_remote_address":         "%DOWNSTREAM_REMOTE_ADDRESS%",
	"requested_server_name":             "%REQUESTED_SERVER_NAME%",
	"upstream_transport_failure_reason": "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
}

func defaultAccessLog() accessLog { return accessLog{kind: "text", path: "/dev/fd/1"} }

func (l *accessLog) keys() map[string]func(json.RawMessage) error {
	return map[string]func(json.RawMessage) error{
		"envoy_log_type":   checked(&l.kind, func(kind string) error { return checkOneOf("value", kind, "text", "json", "typed_json") }),
		"envoy_log_path":   checked(&l.path, checkLogPath),
		"envoy_log_format": checked(&l.format, checkLogFormat),
	}
}

func checkLogPath(path string) error {
	if !strings.HasPrefix(path, "/") {
		return fmt.Errorf("%q is not a path from the root: /dev/fd/1 is the standard output", path)
	}
	return checkText(path)
}

// openLog goes back to the standard output where the path of the access log cannot be written to: Envoy would refuse
// every listener for it.
func (c *Compiler) openLog(log *accessLog) error {
	if c.options.Disk == nil || log.path == defaultAccessLog().path {
		return nil
	}
	if err := c.options.Disk.OpenLog(log.path); err != nil {
		log.path = defaultAccessLog().path
		return fmt.Errorf("config.envoy_log_path: %w; the access log goes to the standard output", err)
	}
	return nil
}

// checkLogFormat checks every template in a log format of either form.
func checkLogFormat(raw json.RawMessage) error {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return checkLogTemplate("value", text)
	}
	var fields map[string]any
	if err := json.Unmarshal(raw, &fields); err != nil {
		return fmt.Errorf("it must be a line of text or an object of fields")
	}
	return checkLogFields("value", fields)
}

func checkLogFields(field string, fields map[string]any) error {
	for _, name := range sortedKeys(fields) {
		switch value := fields[name].(type) {
		case string:
			if err := checkLogTemplate(field+"."+name, value); err != nil {
				return err
			}
		case map[string]any:
			if err := checkLogFields(field+"."+name, value); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkLogTemplate checks what is like a header value except that it may break lines: many formats end with "\n".
func checkLogTemplate(field, text string) error {
	plain := strings.NewReplacer("\n", " ", "\r", " ", "\t", " ").Replace(text)
	return firstError(checkHeaderValue(field, plain), checkCommands(field, text))
}

// fileLog builds the access logger that writes to a file, the pod's standard output by default. datadog adds its
// identifiers to JSON.
func (l *accessLog) fileLog(datadog bool) *accesslogv3.AccessLog {
	return accessLogger("envoy.access_loggers.file", &filelogv3.FileAccessLog{
		Path:            l.path,
		AccessLogFormat: &filelogv3.FileAccessLog_LogFormat{LogFormat: l.substitutionFormat(datadog)},
	})
}

func (l *accessLog) substitutionFormat(datadog bool) *corev3.SubstitutionFormatString {
	if l.kind == "text" {
		line := defaultTextLog
		if l.format != nil && json.Unmarshal(l.format, &line) != nil {
			line = defaultTextLog
		}
		return &corev3.SubstitutionFormatString{Format: &corev3.SubstitutionFormatString_TextFormatSource{
			TextFormatSource: &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: line + "\n"}},
		}}
	}
	fields := &structpb.Struct{}
	if l.format == nil || fields.UnmarshalJSON(l.format) != nil {
		fields = &structpb.Struct{Fields: map[string]*structpb.Value{}}
		for name, template := range defaultJSONLog {
			fields.Fields[name] = structpb.NewStringValue(template)
		}
	}
	if datadog {
		fields.Fields["dd.trace_id"] = structpb.NewStringValue("%REQ(X-DATADOG-TRACE-ID)%")
		fields.Fields["dd.span_id"] = structpb.NewStringValue("%REQ(X-DATADOG-PARENT-ID)%")
	}
	return &corev3.SubstitutionFormatString{Format: &corev3.SubstitutionFormatString_JsonFormat{JsonFormat: fields}}
}
