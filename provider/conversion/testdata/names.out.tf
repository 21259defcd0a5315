# error: Mapping default/1st: it is there twice: the second one is left out

import {
  to = emissary_mapping.a_quote
  id = "a/quote"
}

resource "emissary_mapping" "a_quote" {
  name      = "quote"
  namespace = "a"
  hostname  = "*"
  prefix    = "/"
  service   = "quote"
}

import {
  to = emissary_mapping.b_quote
  id = "b/quote"
}

resource "emissary_mapping" "b_quote" {
  name      = "quote"
  namespace = "b"
  hostname  = "*"
  prefix    = "/"
  service   = "quote"
}

import {
  to = emissary_mapping._1st
  id = "default/1st"
}

resource "emissary_mapping" "_1st" {
  name      = "1st"
  namespace = "default"
  hostname  = "*"
  prefix    = "/"
  service   = "quote"
}

import {
  to = emissary_mapping.default_a_b
  id = "default/a-b"
}

resource "emissary_mapping" "default_a_b" {
  name      = "a-b"
  namespace = "default"
  hostname  = "*"
  prefix    = "/"
  service   = "quote"
}

import {
  to = emissary_mapping.default_a_b_2
  id = "default/a.b"
}

resource "emissary_mapping" "default_a_b_2" {
  name      = "a.b"
  namespace = "default"
  hostname  = "*"
  prefix    = "/"
  service   = "quote"
}
