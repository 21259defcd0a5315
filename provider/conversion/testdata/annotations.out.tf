# warning: Mapping web/quote: spec.typo: the kind has no such field; it is left out
# error: Mapping web/declared: that of the annotation of Service web/quote is left out: there is an object of this name
# error: Service web/quote: getambassador.io/config, document 3: Mapping web/nameless-prefix is left out: spec.prefix: Required value
# note: Service web/quote: its annotation getambassador.io/config becomes 1 object of its own: the first apply creates them; then remove the annotation
# note: Service web/quote: it is left out: no resource of this provider manages it
# note: 1 object: fields that are there for conversion back to v2 (v2ExplicitTLS and the like) are left out: they mean nothing in v3alpha1

import {
  to = emissary_mapping.declared
  id = "web/declared"
}

resource "emissary_mapping" "declared" {
  name      = "declared"
  namespace = "web"
  hostname  = "*"
  prefix    = "/declared/"
  service   = "quote"
}

# From the annotation of Service web/quote.
resource "emissary_mapping" "quote" {
  name      = "quote"
  namespace = "web"
  labels    = { app = "quote" }
  hostname  = "*"
  prefix    = "/quote/"
  rate_limit_labels = {
    ambassador = [
      {
        group = [
          {
            generic_key = { value = "quote" }
          },
        ]
      },
    ]
  }
  service = "quote"
}
