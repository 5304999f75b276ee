//go:build tools

// Package tools names the command that tests/tools/install builds, so that go.mod and go.sum pin it.
package tools

import _ "helm.sh/helm/v4/cmd/helm"
