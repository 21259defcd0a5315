package backend

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	ratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
)

// grpcServices are the gRPC halves of a backend: an AuthService with proto grpc and a RateLimitService
// call them on the same address that echoes everything else.
func grpcServices(observe func(*http.Request) *Seen) *grpc.Server {
	server := grpc.NewServer()
	authv3.RegisterAuthorizationServer(server, &authorization{observe: observe})
	ratelimitv3.RegisterRateLimitServiceServer(server, &rateLimit{})
	return server
}

// authorization answers as the echo server would answer the request itself: 200 allows, and the headers
// the request asks back are added to it; any other status denies with that status and the echo as body.
type authorization struct {
	authv3.UnimplementedAuthorizationServer
	observe func(*http.Request) *Seen
}

func (a *authorization) Check(ctx context.Context, in *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	request := requestUnderCheck(ctx, in)
	seen := a.observe(request)
	answer := http.Header{}
	respondWith(answer, request)
	headers := headerOptions(answer)
	if code := requestedStatus(request.Header); code != http.StatusOK {
		body, err := json.Marshal(seen)
		if err != nil {
			return nil, err
		}
		return &authv3.CheckResponse{
			Status: &rpcstatus.Status{Code: int32(codes.PermissionDenied)},
			HttpResponse: &authv3.CheckResponse_DeniedResponse{DeniedResponse: &authv3.DeniedHttpResponse{
				Status:  &typev3.HttpStatus{Code: typev3.StatusCode(code)},
				Headers: headers,
				Body:    string(body),
			}},
		}, nil
	}
	return &authv3.CheckResponse{
		Status:       &rpcstatus.Status{Code: int32(codes.OK)},
		HttpResponse: &authv3.CheckResponse_OkResponse{OkResponse: &authv3.OkHttpResponse{Headers: headers}},
	}, nil
}

// requestUnderCheck rebuilds the client's request from what the gateway says about it.
func requestUnderCheck(ctx context.Context, in *authv3.CheckRequest) *http.Request {
	attributes := in.GetAttributes().GetRequest().GetHttp()
	request, err := http.NewRequestWithContext(ctx, attributes.GetMethod(), "http://auth/", nil)
	if err != nil {
		request, _ = http.NewRequestWithContext(ctx, http.MethodGet, "http://auth/", nil)
	}
	if parsed, err := request.URL.Parse(attributes.GetPath()); err == nil {
		request.URL = parsed
	}
	request.Host, request.RequestURI = attributes.GetHost(), attributes.GetPath()
	for name, value := range attributes.GetHeaders() {
		request.Header.Add(name, value)
		// The older gRPC test backends answer to names of their own.
		if old, ok := strings.CutPrefix(strings.ToLower(name), "kat-req-extauth-"); ok {
			request.Header.Add("Kat-Req-Http-"+old, value)
		}
	}
	return request
}

func headerOptions(h http.Header) []*corev3.HeaderValueOption {
	var options []*corev3.HeaderValueOption
	for name, values := range h {
		for _, value := range values {
			options = append(options, &corev3.HeaderValueOption{
				Header:       &corev3.HeaderValue{Key: strings.ToLower(name), Value: value},
				AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
			})
		}
	}
	return options
}

// overLimit are the descriptor values that a rate limit backend refuses; it allows all others.
var overLimit = []string{"over-limit", "over-my-dead-body"}

type rateLimit struct {
	ratelimitv3.UnimplementedRateLimitServiceServer
}

func (*rateLimit) ShouldRateLimit(_ context.Context, in *ratelimitv3.RateLimitRequest) (*ratelimitv3.RateLimitResponse, error) {
	code := ratelimitv3.RateLimitResponse_OK
	for _, descriptor := range in.GetDescriptors() {
		for _, entry := range descriptor.GetEntries() {
			if slices.Contains(overLimit, entry.GetValue()) {
				code = ratelimitv3.RateLimitResponse_OVER_LIMIT
			}
		}
	}
	return &ratelimitv3.RateLimitResponse{
		OverallCode: code,
		ResponseHeadersToAdd: []*corev3.HeaderValue{{
			Key: "x-ratelimit-descriptors", Value: strconv.Itoa(len(in.GetDescriptors())),
		}},
	}, nil
}
