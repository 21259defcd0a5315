package compile

import (
	"time"

	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/config/accesslog/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	grpclogv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/grpc/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/crds/v3alpha1"
)

// Defaults of a LogService's buffer: seconds and bytes.
const (
	logFlushSeconds = 1
	logFlushBytes   = 16384
)

// readLogServices builds a gRPC access logger for every usable LogService.
func (c *Compiler) readLogServices() []*accesslogv3.AccessLog {
	var loggers []*accesslogv3.AccessLog
	for _, object := range c.store.LogServices() {
		if !c.member(object) {
			continue
		}
		ref, _ := c.ledger.open(object)
		if logger := c.logService(ref, object.Name, &object.Spec); logger != nil {
			loggers = append(loggers, logger)
		}
	}
	return loggers
}

func (c *Compiler) logService(ref store.Ref, name string, spec *v3alpha1.LogServiceSpec) *accesslogv3.AccessLog {
	for _, err := range []error{
		checkOneOf("protocol_version", spec.ProtocolVersion, "v3"),
		checkOneOf("driver", spec.Driver, "tcp", "http"),
		checkAboveZero("flush_interval_time", spec.FlushIntervalTime),
		checkNotNegative("flush_interval_byte_size", spec.FlushIntervalByteSize),
	} {
		if err != nil {
			c.ledger[ref].refuse(ReasonInvalid, "%v", err)
			return nil
		}
	}
	u, err := c.externalService(ref, spec.Service, "")
	if err != nil {
		c.refuseService(ref, err)
		return nil
	}
	u.Marker, u.GRPC, u.StatsName = "log", true, spec.StatsName
	common := &grpclogv3.CommonGrpcAccessLogConfig{
		LogName:             name,
		GrpcService:         grpcService(c.cluster(c.ledger[ref], u), nil),
		TransportApiVersion: corev3.ApiVersion_V3,
		BufferFlushInterval: durationpb.New(time.Duration(valueOr(spec.FlushIntervalTime, logFlushSeconds)) * time.Second),
		BufferSizeBytes:     wrapperspb.UInt32(uint32(valueOr(spec.FlushIntervalByteSize, logFlushBytes))),
	}
	if spec.Driver == "tcp" {
		return accessLogger("envoy.access_loggers.tcp_grpc", &grpclogv3.TcpGrpcAccessLogConfig{CommonConfig: common})
	}
	config := &grpclogv3.HttpGrpcAccessLogConfig{CommonConfig: common}
	if spec.DriverConfig != nil {
		for _, header := range spec.DriverConfig.AdditionalLogHeaders {
			if err := checkHeaderName("driver_config.additional_log_headers", header.HeaderName); err != nil {
				c.ledger[ref].refuse(ReasonInvalid, "%v", err)
				return nil
			}
			if valueOr(header.DuringRequest, true) {
				config.AdditionalRequestHeadersToLog = append(config.AdditionalRequestHeadersToLog, header.HeaderName)
			}
			if valueOr(header.DuringResponse, true) {
				config.AdditionalResponseHeadersToLog = append(config.AdditionalResponseHeadersToLog, header.HeaderName)
			}
			if valueOr(header.DuringTrailer, true) {
				config.AdditionalResponseTrailersToLog = append(config.AdditionalResponseTrailersToLog, header.HeaderName)
			}
		}
	}
	return accessLogger("envoy.access_loggers.http_grpc", config)
}

func accessLogger(name string, config proto.Message) *accesslogv3.AccessLog {
	return &accesslogv3.AccessLog{Name: name, ConfigType: &accesslogv3.AccessLog_TypedConfig{TypedConfig: packed(config)}}
}

// newAccessLogs lists the access loggers of every HTTP connection: the LogServices, then the file.
func (c *Compiler) newAccessLogs() []*accesslogv3.AccessLog {
	return append(c.logging, c.module.http.log.fileLog(c.tracing.logsDatadog()))
}
