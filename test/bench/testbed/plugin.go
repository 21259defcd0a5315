package testbed

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// Terraform's handshake with a plugin, and what it asks first.
const (
	magicCookie  = "TF_PLUGIN_MAGIC_COOKIE=d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2"
	schemaMethod = "/tfplugin6.Provider/GetProviderSchema"
	// mostSchema bounds the answer, in bytes.
	mostSchema = 64 << 20
)

// StartPlugin starts the provider as an engine does and returns what it takes until it has served its schema.
func StartPlugin(ctx context.Context, binary string) (cost Cost, err error) {
	command := exec.CommandContext(ctx, binary)
	command.Env = append(os.Environ(), magicCookie, "PLUGIN_PROTOCOL_VERSIONS=6")
	output, err := command.StdoutPipe()
	if err != nil {
		return Cost{}, err
	}
	began := time.Now()
	if err := command.Start(); err != nil {
		return Cost{}, err
	}
	defer func() {
		_ = command.Process.Kill() // it has nothing to lose
		_ = command.Wait()
	}()
	// "1|6|unix|/tmp/plugin123|grpc|"
	line, err := bufio.NewReader(output).ReadString('\n')
	fields := strings.Split(line, "|")
	if err != nil || len(fields) < 5 {
		return Cost{}, fmt.Errorf("the handshake of %s: %q, %w", binary, line, err)
	}
	connection, err := grpc.NewClient(fields[2]+":"+fields[3], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return Cost{}, err
	}
	defer func() { err = errors.Join(err, connection.Close()) }()
	var schema raw
	if err := connection.Invoke(ctx, schemaMethod, &raw{}, &schema, grpc.ForceCodec(rawCodec{}), grpc.MaxCallRecvMsgSize(mostSchema)); err != nil {
		return Cost{}, fmt.Errorf("the schema of %s: %w", binary, err)
	}
	if len(schema.bytes) == 0 {
		return Cost{}, fmt.Errorf("the schema of %s: %w", binary, io.ErrUnexpectedEOF)
	}
	cost.Wall = time.Since(began)
	used, err := usage(command.Process.Pid)
	cost.CPU = used.CPU
	return cost, err
}

// raw is a message of the protocol as it is: nobody looks into it.
type raw struct{ bytes []byte }

type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }

func (rawCodec) Marshal(message any) ([]byte, error) {
	m, ok := message.(*raw)
	if !ok {
		return nil, fmt.Errorf("%T is no raw message", message)
	}
	return m.bytes, nil
}

func (rawCodec) Unmarshal(data []byte, message any) error {
	m, ok := message.(*raw)
	if !ok {
		return fmt.Errorf("%T is no raw message", message)
	}
	m.bytes = append([]byte{}, data...)
	return nil
}
