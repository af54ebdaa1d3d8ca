// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package suite finds the packages whose tests touch the kernel, and builds
// their test binaries.
package suite

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// A Package is one whose tests touch the kernel.
type Package struct {
	Path   string // as it is imported
	Folder string
	Binary string // path, once it is built
	// Left says why it is left out, if it is.
	Left string
}

// support is the folder of what tests of the kernel use: namespaces, traffic,
// witnesses. What imports it, or lies in it, touches the kernel.
const support = "internal/testutil"

// left are packages whose tests touch the kernel but do not run elsewhere.
var left = map[string]string{
	"internal/bench":        "it measures speed, of which a guest tells nothing: make bench",
	"internal/distribution": "it starts what make build builds, and Prometheus: make test-distribution",
}

// Find returns the packages that patterns match, as go list understands them.
func Find(ctx context.Context, patterns ...string) ([]Package, error) {
	args := append([]string{"list", "-tags=distribution", "-json=Dir,ImportPath,Module,TestGoFiles,XTestGoFiles,TestImports,XTestImports"}, patterns...)
	output, err := run(ctx, args...)
	if err != nil {
		return nil, err
	}
	return choose(bytes.NewReader(output))
}

// listed is what go list tells of a package.
type listed struct {
	Dir, ImportPath                                      string
	Module                                               struct{ Path string }
	TestGoFiles, XTestGoFiles, TestImports, XTestImports []string
}

func choose(list io.Reader) (packages []Package, err error) {
	for decoder := json.NewDecoder(list); ; {
		var l listed
		switch err := decoder.Decode(&l); {
		case errors.Is(err, io.EOF):
			return packages, nil
		case err != nil:
			return nil, fmt.Errorf("decode list of packages: %w", err)
		}
		if l.touchesKernel() {
			relative := strings.TrimPrefix(l.ImportPath, l.Module.Path+"/")
			packages = append(packages, Package{Path: l.ImportPath, Folder: l.Dir, Left: left[relative]})
		}
	}
}

func (l *listed) touchesKernel() bool {
	if len(l.TestGoFiles)+len(l.XTestGoFiles) == 0 {
		return false
	}
	supports := func(path string) bool { return strings.HasPrefix(path, l.Module.Path+"/"+support+"/") }
	return supports(l.ImportPath) || slices.ContainsFunc(slices.Concat(l.TestImports, l.XTestImports), supports)
}

// Build builds the packages' test binaries into a folder, statically for Linux
// on x86-64.
func Build(ctx context.Context, folder string, packages []Package) error {
	for i := range packages {
		p := &packages[i]
		p.Binary = filepath.Join(folder, strings.ReplaceAll(p.Path, "/", "_")+".test")
		if _, err := run(ctx, "test", "-c", "-vet=off", "-ldflags=-s -w", "-o", p.Binary, p.Path); err != nil {
			return fmt.Errorf("build tests of %s: %w", p.Path, err)
		}
	}
	return nil
}

// BuildProgram builds a command in the same way.
func BuildProgram(ctx context.Context, file, path string) error {
	_, err := run(ctx, "build", "-ldflags=-s -w", "-o", file, path)
	return err
}

func run(ctx context.Context, args ...string) ([]byte, error) {
	command := exec.CommandContext(ctx, "go", args...)
	command.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
	complaint := new(bytes.Buffer)
	command.Stderr = complaint
	output, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("run %s: %w: %s", command, err, bytes.TrimSpace(complaint.Bytes()))
	}
	return output, nil
}
