package envoy

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
)

// logFormat has Envoy write "level|component|message", which forward takes
// apart.
const logFormat = "%l|%n|%v"

var logLevels = map[string]slog.Level{
	"trace":    slog.LevelDebug,
	"debug":    slog.LevelDebug,
	"info":     slog.LevelInfo,
	"warning":  slog.LevelWarn,
	"error":    slog.LevelError,
	"critical": slog.LevelError,
}

// forward passes Envoy's lines on until its output ends. A line in no format of
// ours continues the one before, as Envoy's backtraces do.
func forward(log *slog.Logger, output io.Reader) {
	level, component := slog.LevelInfo, ""
	r := bufio.NewReaderSize(output, 64<<10)
	for {
		line, err := r.ReadSlice('\n') // a longer line arrives in parts
		if text := strings.TrimRight(string(line), "\n"); text != "" {
			if first, rest, ok := strings.Cut(text, "|"); ok {
				if l, known := logLevels[first]; known {
					level = l
					component, text, _ = strings.Cut(rest, "|")
				}
			}
			log.Log(context.Background(), level, text, "component", component)
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}
