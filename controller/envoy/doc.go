// Package envoy owns the Envoy process beside the controller: the bootstrap it
// starts with, its supervision, its graceful end, and the client of its admin
// interface. What Envoy serves comes from package xds.
//
// # Ready
//
// The ready listener is not part of the bootstrap: it is an ordinary listener
// (ReadyListener) that the controller adds to the resources it serves. A
// listener in the bootstrap would answer before Envoy has any configuration;
// one that arrives by LDS exists only once a first configuration has, opens
// when every other listener of that configuration has its routes, and answers
// 503 as soon as draining starts, through Envoy's health check filter.
package envoy
