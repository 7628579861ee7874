module gitops

go 1.26.0

require (
	github.com/yuin/gopher-lua v1.1.1
	k8s.io/apimachinery v0.37.2
	sigs.k8s.io/cli-utils v0.37.2
)
