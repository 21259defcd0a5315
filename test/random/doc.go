// Package random makes random configurations of all kinds, applies, changes and
// destroys them with the real Terraform and OpenTofu, and expects that after each step there is
// nothing more to do and the cluster has exactly what was configured.
//
// `make test` does it with some, `make random N=500` with many. A configuration
// depends on its number alone, so `make random N=1 FIRST=317` repeats one.
package random
