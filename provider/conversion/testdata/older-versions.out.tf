# error: Mapping web/broken: it is left out: spec.ambassador_id: a list of text, or one text is wanted, not 7
# error: Mapping web/broken: it is left out: spec.tls: the name of a TLSContext, true or false is wanted, not 1
# note: 1 object: fields that are there for conversion back to v2 (v2ExplicitTLS and the like) are left out: they mean nothing in v3alpha1

import {
  to = emissary_host.www
  id = "web/www"
}

resource "emissary_host" "www" {
  name          = "www"
  namespace     = "web"
  ambassador_id = ["edge"]
  hostname      = "www.example.com"
  mapping_selector = {
    match_labels = { host = "www" }
  }
  tls_secret = { name = "tls" }
}

import {
  to = emissary_mapping.quote
  id = "web/quote"
}

resource "emissary_mapping" "quote" {
  name      = "quote"
  namespace = "web"
  add_request_headers = {
    x-added = { value = "value" }
  }
  ambassador_id = ["edge"]
  headers       = { x-version = "2" }
  hostname      = "www.example.com"
  prefix        = "/backend/"
  rate_limit_labels = {
    ambassador = [
      {
        request_group = [
          {
            generic_key = { value = "backend" }
          },
          {
            remote_address = { key = "remote_address" }
          },
        ]
      },
    ]
  }
  regex_headers = { x-present = ".*" }
  service       = "https://quote"
}

import {
  to = emissary_tls_context.tls
  id = "web/tls"
}

resource "emissary_tls_context" "tls" {
  name      = "tls"
  namespace = "web"
  hosts     = ["www.example.com"]
  secret    = "tls"
}
