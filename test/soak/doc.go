// Package soak lets a controller and its Envoy work for a while on objects that come, change and go, and holds what both
// of them use at the end against what they used at the beginning: a leak of a kilobyte for each change is found within
// seconds.
//
// `make test` soaks for 20 seconds, `make soak` for as long as it is told.
package soak
