// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package debian fetches kernels from Debian's archive, without installing them.
// Point releases move, so it asks apt for the present one each time, and keeps
// what it fetched.
package debian

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// A Kernel is one that was fetched.
type Kernel struct {
	Release string // such as "6.1.0-40-cloud-amd64"
	Image   string // path of the compressed kernel
	Modules string // path of the modules' folder
}

// Fetch returns the newest kernel that a metapackage leads to. It comes from
// the archive if it is not in the cache folder, where it takes older ones' place.
func Fetch(ctx context.Context, metapackage, cache string) (*Kernel, error) {
	name, err := resolve(ctx, metapackage)
	if err != nil {
		return nil, fmt.Errorf("resolve package %q: %w", metapackage, err)
	}
	file, err := fileOf(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("find package %q: %w", name, err)
	}
	folder := filepath.Join(cache, metapackage, strings.TrimSuffix(file, ".deb"))
	if _, err := os.Stat(folder); errors.Is(err, os.ErrNotExist) {
		err = download(ctx, name, folder)
		if err != nil {
			return nil, fmt.Errorf("fetch package %q: %w", name, err)
		}
	}
	release := strings.TrimPrefix(name, "linux-image-")
	return &Kernel{
		Release: release,
		Image:   filepath.Join(folder, "boot", "vmlinuz-"+release),
		Modules: filepath.Join(folder, "lib", "modules", release),
	}, nil
}

// resolve returns the package of a kernel that a metapackage depends on.
func resolve(ctx context.Context, metapackage string) (name string, err error) {
	output, err := run(ctx, "", "apt-cache", "depends", "--important", metapackage)
	if err != nil {
		return "", err
	}
	return imageIn(output)
}

// imageIn finds the kernel in the output of apt-cache depends.
func imageIn(dependencies []byte) (name string, err error) {
	for lines := bufio.NewScanner(bytes.NewReader(dependencies)); lines.Scan(); {
		kind, name, _ := strings.Cut(strings.TrimSpace(lines.Text()), ": ")
		if kind == "Depends" && strings.HasPrefix(name, "linux-image-") {
			return name, nil
		}
	}
	return "", fmt.Errorf("find a dependency linux-image-*: none in %q", dependencies)
}

// fileOf returns the name of the package's file, which holds its version.
func fileOf(ctx context.Context, name string) (string, error) {
	output, err := run(ctx, "", "apt-get", "download", "--print-uris", name)
	if err != nil {
		return "", err
	}
	return fileIn(output)
}

// fileIn finds the file in the output of apt-get download --print-uris: lines
// of URL, file, size and hash.
func fileIn(uris []byte) (string, error) {
	for lines := bufio.NewScanner(bytes.NewReader(uris)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) > 1 && path.Ext(fields[1]) == ".deb" {
			return path.Base(fields[1]), nil
		}
	}
	return "", fmt.Errorf("find a file *.deb: none in %q", uris)
}

// unfinished begins the names of folders that are being filled.
const unfinished = "unfinished-"

// download fills a folder with the package's files, or leaves none.
func download(ctx context.Context, name, folder string) error {
	parent := filepath.Dir(folder)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	place, err := os.MkdirTemp(parent, unfinished)
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(place) }()
	if _, err := run(ctx, place, "apt-get", "download", "-q", name); err != nil {
		return err
	}
	archives, err := filepath.Glob(filepath.Join(place, "*.deb"))
	if err != nil || len(archives) != 1 {
		return errors.Join(err, fmt.Errorf("find one file *.deb: found %q", archives))
	}
	if _, err := run(ctx, place, "dpkg-deb", "--extract", archives[0], "files"); err != nil {
		return err
	}
	if err := forget(parent); err != nil {
		return err
	}
	return os.Rename(filepath.Join(place, "files"), folder)
}

// forget removes what was fetched before. What somebody else is fetching stays.
func forget(parent string) error {
	entries, err := os.ReadDir(parent)
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), unfinished) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(parent, entry.Name())))
		}
	}
	return err
}

func run(ctx context.Context, folder, name string, args ...string) ([]byte, error) {
	command := exec.CommandContext(ctx, name, args...)
	command.Dir = folder
	output, err := command.Output()
	var exit *exec.ExitError
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return nil, fmt.Errorf("run %s: not found: kernels come from Debian's archive", name)
	case errors.As(err, &exit):
		return nil, fmt.Errorf("run %s: %w: %s (apt-get update may help)", command, err, bytes.TrimSpace(exit.Stderr))
	}
	return output, err
}
