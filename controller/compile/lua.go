package compile

import (
	"fmt"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	luav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/lua/v3"
	luaparse "github.com/yuin/gopher-lua/parse"
)

// luaScript is the configuration of a Lua filter.
func luaScript(code string) *luav3.Lua {
	return &luav3.Lua{DefaultSourceCode: &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: code}}}
}

// checkLua reports a script that cannot be parsed.
func checkLua(code string) error {
	if err := checkText(code); err != nil {
		return err
	}
	if _, err := luaparse.Parse(strings.NewReader(code), "lua_scripts"); err != nil {
		return fmt.Errorf("the script cannot be read: %s", strings.TrimSpace(err.Error()))
	}
	return nil
}

// guarded wraps a script so that loading it cannot fail: Envoy refuses a listener, and so all that is served there, for
// a script that fails while it loads. Such a script does nothing.
func guarded(code string) string {
	level := "="
	for strings.Contains(code, "]"+level+"]") {
		level += "="
	}
	return "local script = loadstring([" + level + "[\n" + code + "\n]" + level + "], 'lua_scripts')\nif script then pcall(script) end\n"
}
