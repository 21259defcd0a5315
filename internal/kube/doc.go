// Package kube is the product's plain Kubernetes client layer: connection
// options become a rest.Config, objects are written with server-side apply,
// read, deleted and waited for, and every failure becomes one sentence that
// names the server, the verb and the object.
//
// The package knows nothing of Terraform. Nothing in it dials before the first
// call that needs an answer.
package kube
