// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/cavaliergopher/cpio"
)

// An Image is the file system that a guest starts with, as a kernel takes it.
type Image struct {
	archive *cpio.Writer
	made    map[string]bool // folders
}

// NewImage begins an image.
func NewImage(w io.Writer) *Image {
	return &Image{archive: cpio.NewWriter(w), made: map[string]bool{"/": true, ".": true}}
}

// Add adds a file and the folders it lies in, by its path in the guest.
func (i *Image) Add(name string, mode os.FileMode, content []byte) error {
	if err := i.AddFolder(path.Dir(name)); err != nil {
		return err
	}
	err := i.archive.WriteHeader(&cpio.Header{
		Name: strings.TrimPrefix(name, "/"), Mode: cpio.TypeReg | cpio.FileMode(mode.Perm()), Size: int64(len(content)),
	})
	if err != nil {
		return fmt.Errorf("add file %q: %w", name, err)
	}
	_, err = i.archive.Write(content)
	return err
}

// AddFolder adds a folder and those it lies in, unless they are there.
func (i *Image) AddFolder(name string) error {
	if i.made[name] {
		return nil
	}
	i.made[name] = true
	if err := i.AddFolder(path.Dir(name)); err != nil {
		return err
	}
	err := i.archive.WriteHeader(&cpio.Header{Name: strings.TrimPrefix(name, "/"), Mode: cpio.TypeDir | 0o755, Links: 2})
	if err != nil {
		return fmt.Errorf("add folder %q: %w", name, err)
	}
	return nil
}

// AddFile adds a file of the host.
func (i *Image) AddFile(name, source string) error {
	content, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	info, err := os.Stat(source)
	if err != nil {
		return err
	}
	return i.Add(name, info.Mode(), content)
}

// AddTree adds those files of a folder of the host, and of the folders in it,
// that are wanted.
func (i *Image) AddTree(name, source string, want func(file string) bool) error {
	return filepath.WalkDir(source, func(file string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || !want(file) {
			return err
		}
		relative, err := filepath.Rel(source, file)
		if err != nil {
			return err
		}
		return i.AddFile(path.Join(name, filepath.ToSlash(relative)), file)
	})
}

// Close adds the plan and ends the image. It does not close the writer.
func (i *Image) Close(plan *Plan) error {
	content, err := json.Marshal(plan)
	if err != nil {
		return err
	}
	if err := i.Add(planFile, 0o444, content); err != nil {
		return err
	}
	return i.archive.Close()
}
