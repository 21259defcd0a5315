package compile

import (
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"
)

func (c *compiler) openServices() {
	for _, object := range c.store.AuthServices() {
		if c.member(object) {
			c.denyAll = true
			c.ledger.refuse(c.ledger.open(object), ReasonNotImplemented, "AuthService is not supported yet: every request but the probes is refused")
		}
	}
}

func (c *compiler) addAuthFilter(add func(string, proto.Message)) {
	if c.denyAll {
		add("emissary.auth.deny", luaScript(denyScript))
	}
}

func (c *compiler) authorizeRoute(route *routev3.Route, m *mapping) {}
func (c *compiler) bypassAuth(route *routev3.Route)                 {}

// denyScript answers every request but the probes with 500, in place of an AuthService that cannot be asked.
const denyScript = `
function envoy_on_request(request_handle)
  local path = request_handle:headers():get(':path')
  if path == '/ambassador/v0/check_alive' or path == '/ambassador/v0/check_ready' then
    return
  end
  request_handle:respond({[':status'] = '500', ['content-type'] = 'application/json'},
    '{"message": "the AuthService is misconfigured; see its status for more information", "status_code": 500}\n')
end
`
