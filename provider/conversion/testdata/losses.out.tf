# warning: Mapping web/quote: data: the kind has no such field; it is left out
# warning: Mapping web/quote: metadata.finalizers: a resource does not manage it; it is left out
# warning: Mapping web/quote: metadata.ownerReferences: something in the cluster made the object, and may change or delete it; it is left out
# warning: Mapping web/quote: spec.cors: it is empty, which configuration cannot say; it is left out
# warning: Mapping web/quote: spec.prefx: the kind has no such field; it is left out
# warning: Mapping web/quote: spec.retry_policy.retry_onn: the kind has no such field; it is left out
# warning: Mapping web/quote: a plan will refuse it: weight is 200; it is a percentage and must be from 0 to 100
# note: Mapping web/quote: it belongs to the Helm release web/web, which is not in the input: Helm will go on changing and deleting it unless it leaves the release
# error: Mapping web/mistyped: it is left out: spec.timeout_ms is soon, not a number
# error: Filter web/jwt: it is left out: no resource manages the kind Filter of getambassador.io/v3alpha1
# error: Mapping web/newer: it is left out: apiVersion: "getambassador.io/v4" is not known: use getambassador.io/v3alpha1; v1 and v2 of the same group are converted
# note: Deployment web/quote: it is left out: no resource of this provider manages it

import {
  to = emissary_mapping.quote
  id = "web/quote"
}

resource "emissary_mapping" "quote" {
  name      = "quote"
  namespace = "web"
  annotations = {
    "meta.helm.sh/release-name"      = "web"
    "meta.helm.sh/release-namespace" = "web"
  }
  hostname = "*"
  prefix   = "/"
  service  = "quote"
  weight   = 200
}
