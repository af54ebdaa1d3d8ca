// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tcpwhy/tcpwhy/internal/vmtest/debian"
	"github.com/tcpwhy/tcpwhy/internal/vmtest/guest"
	"github.com/tcpwhy/tcpwhy/internal/vmtest/module"
	"github.com/tcpwhy/tcpwhy/internal/vmtest/suite"
)

// host is the name of the host's kernel on the command line.
const host = "host"

// A series of kernels, of which the newest is taken.
type series struct {
	metapackage string
	modules     []string // beside those that all have
}

var guests = map[string]series{
	"6.1":  {metapackage: "linux-image-cloud-amd64", modules: []string{"nft_objref"}}, // later part of nf_tables
	"6.12": {metapackage: "linux-image-6.12-cloud-amd64"},
}

// known returns the kernels that the command line may name.
func known() []string {
	return append(slices.Sorted(maps.Keys(guests)), host)
}

// modules are those that tests use. A guest loads none by itself.
var modules = []string{
	"veth", "bridge", "tun",
	"nf_tables", "nft_numgen", "nft_reject", "nft_reject_inet", "nft_ct", "nft_limit", "nft_quota",
	"nft_chain_nat", "nft_nat", "nft_masq", "nft_redir", "nft_queue", "nfnetlink_queue", "nf_conntrack_netlink",
	"sch_ingress", "sch_netem", "sch_tbf", "sch_fq", "cls_bpf", "act_bpf",
	"tcp_bbr", "tcp_diag", "tls", "gcm", "ctr", "ghash_generic",
}

// boot runs the binaries one after the other on a kernel of Debian.
func (w *workshop) boot(ctx context.Context, l *leg) error {
	series, is := guests[l.Kernel]
	if !is {
		return fmt.Errorf("kernel must be one of %s, is %q", strings.Join(known(), ", "), l.Kernel)
	}
	kernel, err := debian.Fetch(ctx, series.metapackage, w.cache)
	if err != nil {
		return err
	}
	l.Release = kernel.Release
	image := filepath.Join(w.folder, l.Kernel+".cpio")
	if err := w.pack(ctx, kernel, series, image); err != nil {
		return fmt.Errorf("pack file system: %w", err)
	}
	r := &recorder{leg: l, workshop: w}
	machine := guest.Machine{Kernel: kernel.Image, Image: image, CPUs: 2, Memory: 3072}
	err = machine.Run(ctx, r)
	r.close()
	if err != nil {
		return err
	}
	return r.err
}

// pack writes a guest's file system. The tests lie where they lie on the host,
// each with the files beside it, and the BPF programs' source.
func (w *workshop) pack(ctx context.Context, kernel *debian.Kernel, series series, file string) error {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }()
	image := guest.NewImage(out)
	plan := &guest.Plan{Now: time.Now()}
	init := filepath.Join(w.folder, path.Base(kernel.Release)+".init")
	if err := suite.BuildProgram(ctx, init, "./internal/vmtest/pid1"); err != nil {
		return err
	}
	if err := image.AddFile("/init", init); err != nil {
		return err
	}
	if err := packModules(image, plan, kernel.Modules, slices.Concat(modules, series.modules)); err != nil {
		return err
	}
	if err := w.packTests(image, plan); err != nil {
		return err
	}
	if err := image.Close(plan); err != nil {
		return err
	}
	return out.Close()
}

func packModules(image *guest.Image, plan *guest.Plan, folder string, names []string) error {
	tree, err := module.Open(folder)
	if err != nil {
		return err
	}
	loaded, err := tree.Load(names...)
	if err != nil {
		return err
	}
	for _, m := range loaded {
		name := path.Join("/modules", m.Name+".ko")
		plan.Modules = append(plan.Modules, name)
		if err := image.Add(name, 0o444, m.Content); err != nil {
			return err
		}
	}
	return nil
}

// source is where the guest has the module. Not where the host has it: that may be a place
// over which the guest mounts something.
const source = "/source"

func (w *workshop) packTests(image *guest.Image, plan *guest.Plan) error {
	root, err := filepath.Abs(".")
	if err != nil {
		return err
	}
	if err := image.AddTree(path.Join(source, "bpf"), "bpf", func(string) bool { return true }); err != nil {
		return err
	}
	for _, p := range w.tests {
		name := path.Join("/tests", filepath.Base(p.Binary))
		if err := image.AddFile(name, p.Binary); err != nil {
			return err
		}
		relative, err := filepath.Rel(root, p.Folder)
		if err != nil {
			return err
		}
		folder := path.Join(source, filepath.ToSlash(relative))
		if err := packFolder(image, folder, p.Folder); err != nil {
			return err
		}
		plan.Tests = append(plan.Tests, guest.Command{
			Path: name, Folder: folder, Arguments: w.arguments(), Environment: environment,
		})
	}
	return nil
}

// packFolder adds the files of a package that its tests may read: all but Go's
// and those of packages below it.
func packFolder(image *guest.Image, name, folder string) error {
	if err := image.AddFolder(name); err != nil {
		return err
	}
	data := filepath.Join(folder, "testdata") + string(filepath.Separator)
	return image.AddTree(name, folder, func(file string) bool {
		inside := filepath.Dir(file) == folder || strings.HasPrefix(file, data)
		return inside && filepath.Ext(file) != ".go" && filepath.Ext(file) != ".o"
	})
}
