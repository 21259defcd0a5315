// Package atlantis plays an Atlantis server with examples/atlantis: the commands
// that the server would run for a pull request, in the server's order and
// environment, each plan and each apply in a clone of its own, several pull
// requests at once. It needs no network: the providers come from a filesystem
// mirror, the state and the objects are in a test cluster.
package atlantis
