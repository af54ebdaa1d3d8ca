// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
	"github.com/ulikunitz/xz"
)

func TestEachModuleComesAfterWhatItNeeds(t *testing.T) {
	tree := newTree(t, fstest.MapFS{
		"modules.builtin":         {Data: []byte("kernel/net/core/sock.ko\nkernel/lib/lib-crc.ko\n")},
		"kernel/net/a.ko":         {Data: object(t, "depends=b,nf-c,sock")},
		"kernel/net/b.ko.xz":      {Data: compressed(t, object(t, "alias=x", "depends=nf_c"))},
		"kernel/net/nf/nf-c.ko":   {Data: object(t, "license=GPL", "depends=", "depends_not=a")},
		"kernel/net/nf/unused.ko": {Data: []byte("not even ELF")},
	})
	loaded, err := tree.Load("a", "lib_crc", "b", "nf-c")
	require.NoError(t, err)
	require.Equal(t, []Module{
		{Name: "nf_c", Content: object(t, "license=GPL", "depends=", "depends_not=a")},
		{Name: "b", Content: object(t, "alias=x", "depends=nf_c")},
		{Name: "a", Content: object(t, "depends=b,nf-c,sock")},
	}, loaded)
}

func TestModulesThatDependOnEachOtherEnd(t *testing.T) {
	tree := newTree(t, fstest.MapFS{
		"modules.builtin": {},
		"a.ko":            {Data: object(t, "depends=b")},
		"b.ko":            {Data: object(t, "depends=a")},
	})
	loaded, err := tree.Load("a")
	require.NoError(t, err)
	require.Len(t, loaded, 2)
}

func TestModulesThatCannotBeHad(t *testing.T) {
	tree := newTree(t, fstest.MapFS{
		"modules.builtin": {},
		"needy.ko":        {Data: object(t, "depends=magic")},
		"text.ko":         {Data: []byte("text")},
		"text2.ko.xz":     {Data: []byte("text")},
		"bare.ko":         {Data: object(t)},
	})
	for name, want := range map[string]string{
		"magic": `read module "magic": file does not exist`,
		"needy": `"needy" needs: read module "magic": file does not exist`,
		"text":  `read needs of module "text": `,
		"text2": `read module "text2": decompress: `,
		"bare":  `read needs of module "bare": find section .modinfo: not there`,
	} {
		_, err := tree.Load(name)
		require.ErrorContains(t, err, want)
	}
}

func TestFolderWithoutModules(t *testing.T) {
	_, err := Open(t.TempDir())
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func newTree(t *testing.T, folder fs.FS) *Tree {
	t.Helper()
	tree, err := open(folder)
	require.NoError(t, err)
	return tree
}

func compressed(t *testing.T, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := xz.NewWriter(&b)
	require.NoError(t, err)
	_, err = w.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

// object returns the smallest object file that has a section .modinfo of these
// entries, or without any entry none.
func object(t *testing.T, entries ...string) []byte {
	t.Helper()
	names := []byte("\x00.modinfo\x00.shstrtab\x00")
	var info []byte
	for _, entry := range entries {
		info = append(append(info, entry...), 0)
	}
	const header, section = 64, 64
	sections := []elf.Section64{
		{},
		{Name: 10, Type: uint32(elf.SHT_STRTAB), Off: header, Size: uint64(len(names))},
	}
	if len(entries) > 0 {
		sections = append(sections, elf.Section64{Name: 1, Type: uint32(elf.SHT_PROGBITS), Off: header + uint64(len(names)), Size: uint64(len(info))})
	}
	var b bytes.Buffer
	write := func(v any) { require.NoError(t, binary.Write(&b, binary.LittleEndian, v)) }
	write(elf.Header64{
		Ident:   [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:    uint16(elf.ET_REL),
		Machine: uint16(elf.EM_X86_64), Version: uint32(elf.EV_CURRENT), Ehsize: header,
		Shoff: header + uint64(len(names)+len(info)), Shentsize: section, Shnum: uint16(len(sections)), Shstrndx: 1,
	})
	write(names)
	write(info)
	write(sections)
	return b.Bytes()
}
