// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package module finds a kernel's modules and what they need.
package module

import (
	"bufio"
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/ulikunitz/xz"
)

// A Tree is the folder of one kernel's modules.
type Tree struct {
	folder  fs.FS
	files   map[string]string // path in the folder, by name
	builtin map[string]bool
}

// A Module is one that can be loaded, its content as the kernel takes it.
type Module struct {
	Name    string
	Content []byte
}

// Open reads the names in a folder such as /lib/modules/6.1.0-40-cloud-amd64.
func Open(folder string) (*Tree, error) {
	return open(os.DirFS(folder))
}

func open(folder fs.FS) (*Tree, error) {
	t := &Tree{folder: folder, files: make(map[string]string), builtin: make(map[string]bool)}
	err := fs.WalkDir(folder, ".", func(file string, entry fs.DirEntry, err error) error {
		if name, is := nameOf(file); is && err == nil && !entry.IsDir() {
			t.files[name] = file
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list modules: %w", err)
	}
	list, err := fs.ReadFile(folder, "modules.builtin")
	if err != nil {
		return nil, fmt.Errorf("list built-in modules: %w", err)
	}
	for lines := bufio.NewScanner(bytes.NewReader(list)); lines.Scan(); {
		if name, is := nameOf(lines.Text()); is {
			t.builtin[name] = true
		}
	}
	return t, nil
}

// nameOf returns the name of the module in a file. The kernel takes - and _ for the same.
func nameOf(file string) (name string, is bool) {
	base := strings.TrimSuffix(path.Base(file), ".xz")
	name, is = strings.CutSuffix(base, ".ko")
	return strings.ReplaceAll(name, "-", "_"), is
}

// Load returns modules and all that they need, each after what it needs. Those
// that are built in are left out; one that this kernel has not is an error.
func (t *Tree) Load(names ...string) ([]Module, error) {
	l := loader{tree: t, seen: make(map[string]bool)}
	for _, name := range names {
		if err := l.add(strings.ReplaceAll(name, "-", "_")); err != nil {
			return nil, err
		}
	}
	return l.order, nil
}

type loader struct {
	tree  *Tree
	seen  map[string]bool
	order []Module
}

func (l *loader) add(name string) error {
	if l.seen[name] || l.tree.builtin[name] {
		return nil
	}
	l.seen[name] = true
	content, err := l.tree.read(name)
	if err != nil {
		return fmt.Errorf("read module %q: %w", name, err)
	}
	needs, err := needs(content)
	if err != nil {
		return fmt.Errorf("read needs of module %q: %w", name, err)
	}
	for _, need := range needs {
		if err := l.add(need); err != nil {
			return fmt.Errorf("%q needs: %w", name, err)
		}
	}
	l.order = append(l.order, Module{Name: name, Content: content})
	return nil
}

func (t *Tree) read(name string) ([]byte, error) {
	file, found := t.files[name]
	if !found {
		return nil, fs.ErrNotExist
	}
	content, err := fs.ReadFile(t.folder, file)
	if err != nil || path.Ext(file) != ".xz" {
		return content, err
	}
	r, err := xz.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("decompress: %w", err)
	}
	return io.ReadAll(r)
}

// needs returns the modules that the linker noted in a module's .modinfo.
func needs(content []byte) ([]string, error) {
	file, err := elf.NewFile(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	section := file.Section(".modinfo")
	if section == nil {
		return nil, errors.New("find section .modinfo: not there")
	}
	info, err := section.Data()
	if err != nil {
		return nil, err
	}
	for _, entry := range bytes.Split(info, []byte{0}) {
		if list, is := strings.CutPrefix(string(entry), "depends="); is {
			return strings.FieldsFunc(strings.ReplaceAll(list, "-", "_"), func(r rune) bool { return r == ',' }), nil
		}
	}
	return nil, nil
}
