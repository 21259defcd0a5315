package crds

// The generator is pinned in tools/go.mod, which keeps its dependencies out of
// the provider's own.

//go:generate go tool -modfile=../tools/go.mod controller-gen object paths=./v3alpha1
//go:generate go tool -modfile=../tools/go.mod controller-gen crd:maxDescLen=2000 paths=./v3alpha1 output:crd:dir=./yaml
