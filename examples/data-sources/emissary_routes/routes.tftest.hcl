# terraform test: a plan answers, and needs no cluster.
run "routes" {
  command = plan

  assert {
    condition     = data.emissary_routes.shop.routes["images"].mapping == "media/images"
    error_message = data.emissary_routes.shop.routes["images"].text
  }

  assert {
    condition     = !data.emissary_routes.shop.routes["carts"].served
    error_message = "Nothing is at /carts."
  }
}
