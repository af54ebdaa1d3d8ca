// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package conntrack

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	client  = netip.MustParseAddrPort("10.0.0.1:40000")
	router  = netip.MustParseAddrPort("10.0.0.254:50000")
	virtual = netip.MustParseAddrPort("10.96.0.1:80")
	one     = netip.MustParseAddrPort("10.1.0.1:8080")
	two     = netip.MustParseAddrPort("10.1.0.2:8080")

	toOne = Entry{Before: Tuple{client, virtual}, After: Tuple{client, one}}
	toTwo = Entry{Before: Tuple{client, virtual}, After: Tuple{client, two}}
)

const here, there Place = 1, 2

func TestFollow(t *testing.T) {
	masked := Entry{Before: Tuple{client, one}, After: Tuple{router, one}}
	for _, test := range []struct {
		name    string
		prepare func(*Table)
		at      uint64
		want    Tuple
		verdict Verdict
	}{
		{"nobody translates", func(*Table) {}, 100, Tuple{client, virtual}, Untranslated},
		{"an event after the question's time, read later", func(t *Table) { t.Add(here, toOne, 50, 150) },
			100, toOne.After, Translated},
		{"an event before it", func(t *Table) { t.Add(here, toOne, 50, 60) }, 100, toOne.After, Translated},
		{"it began later", func(t *Table) { t.Add(here, toOne, 101, 150) }, 100, Tuple{client, virtual}, Untranslated},
		{"it ended before", func(t *Table) { t.Add(here, toOne, 10, 20); t.End(here, toOne, 99) },
			100, Tuple{client, virtual}, Untranslated},
		{"the first one of two", func(t *Table) {
			t.Add(here, toOne, 10, 20)
			t.End(here, toOne, 90)
			t.Add(here, toTwo, 91, 95)
		}, 80, toOne.After, Translated},
		{"the second one of two", func(t *Table) {
			t.Add(here, toOne, 10, 20)
			t.End(here, toOne, 90)
			t.Add(here, toTwo, 91, 95)
		}, 100, toTwo.After, Translated},
		{"either of two, read late", func(t *Table) {
			t.Add(here, toOne, 10, 200)
			t.End(here, toOne, 201)
			t.Add(here, toTwo, 10, 202)
		}, 100, Tuple{client, virtual}, Unknown},
		{"two to the same, read late", func(t *Table) {
			t.Add(here, toOne, 10, 200)
			t.End(here, toOne, 201)
			t.Add(here, toOne, 10, 202)
		}, 100, toOne.After, Translated},
		{"the end alone, of one that was there before", func(t *Table) { t.End(here, toOne, 150) },
			100, toOne.After, Translated},
		{"its successor begins without its end", func(t *Table) { t.Add(here, toOne, 10, 20); t.Add(here, toTwo, 89, 90) },
			100, toTwo.After, Translated},
		{"found by a dump", func(t *Table) { t.Dumped(here, toOne, 1, 10, 0, 20); t.Blind(30) },
			100, toOne.After, Translated},
		{"found by a dump, but perhaps another's", func(t *Table) { t.Dumped(here, toOne, 1, 110, 0, 120); t.Blind(130) },
			100, Tuple{client, virtual}, Unknown},
		{"missed", func(t *Table) { t.Blind(130) }, 100, Tuple{client, virtual}, Unknown},
		{"a dump finds what has ended since", func(t *Table) {
			t.Add(here, toOne, 10, 20)
			t.End(here, toOne, 40)
			t.Dumped(here, toOne, 1, 30, 0, 45)
		}, 100, Tuple{client, virtual}, Untranslated},
		{"a dump does not find it any more", func(t *Table) {
			t.Add(here, toOne, 10, 20)
			t.Dumped(here, toTwo, 1, 30, 0, 45)
			t.EndOthers(here, 1, 30, 50)
		}, 100, toTwo.After, Translated},
		{"two namespaces disagree", func(t *Table) { t.Add(here, toOne, 10, 20); t.Add(there, toTwo, 10, 20) },
			100, Tuple{client, virtual}, Unknown},
		{"two namespaces agree", func(t *Table) { t.Add(here, toOne, 10, 20); t.Add(there, toOne, 10, 20) },
			100, toOne.After, Translated},
		{"one namespace after the other", func(t *Table) { t.Add(here, toOne, 10, 20); t.Add(there, masked, 10, 20) },
			100, Tuple{router, one}, Translated},
		{"another connection of the same namespace", func(t *Table) { t.Add(here, toOne, 10, 20); t.Add(here, masked, 10, 20) },
			100, toOne.After, Translated},
		{"in circles", func(t *Table) {
			back := Entry{Before: toOne.After, After: toOne.Before}
			for p := here; p < here+2*maxHops; p += 2 {
				t.Add(p, toOne, 10, 20)
				t.Add(p+1, back, 10, 20)
			}
		}, 100, Tuple{client, virtual}, Unknown},
	} {
		t.Run(test.name, func(t *testing.T) {
			table := NewTable(100)
			test.prepare(table)
			got, verdict := table.Follow(Question{Seen: Tuple{client, virtual}, From: test.at, To: test.at})
			require.Equal(t, test.verdict, verdict)
			require.Equal(t, test.want, got)
		})
	}
}

// TestTrace asks from the server's side, through two namespaces.
// TestSharedAddresses has sockets of two namespaces with the same ends.
func TestSharedAddresses(t *testing.T) {
	for _, test := range []struct {
		name    string
		places  []Place // that translate, each to another one
		home    Place
		shared  bool
		want    Tuple
		verdict Verdict
	}{
		{"translated at home alone", []Place{here}, here, true, toOne.After, Translated},
		{"translated elsewhere, for either", []Place{there}, here, true, toOne.Before, Unknown},
		{"translated elsewhere, for it alone", []Place{there}, here, false, toOne.After, Translated},
		{"at both homes", []Place{here, there}, here, true, toOne.After, Translated},
		{"at both homes, the other's", []Place{here, there}, there, true, toTwo.After, Translated},
		{"home is not known", []Place{here}, 0, true, toOne.Before, Unknown},
		{"nobody translates", nil, here, true, toOne.Before, Untranslated},
		{"home goes before what is left of others", []Place{here, there}, here, false, toOne.After, Translated},
	} {
		t.Run(test.name, func(t *testing.T) {
			table := NewTable(10)
			for i, place := range test.places {
				table.Add(place, []Entry{toOne, toTwo}[i], 50, 60)
			}
			q := Question{Seen: toOne.Before, From: 100, To: 100, Shared: test.shared, home: test.home}
			got, verdict := table.Follow(q)
			require.Equal(t, test.verdict, verdict)
			require.Equal(t, test.want, got)
		})
	}
}

func TestTrace(t *testing.T) {
	table := NewTable(100)
	table.Add(here, Entry{Before: Tuple{client, one}, After: Tuple{router, one}}, 10, 20)
	table.Add(there, toOne, 10, 20)
	got, verdict := table.Trace(Question{Seen: Tuple{router, one}, From: 100, To: 100})
	require.Equal(t, Translated, verdict)
	require.Equal(t, client, got.Source)
	_, verdict = table.Trace(Question{Seen: Tuple{client, one}, From: 100, To: 100})
	require.Equal(t, Untranslated, verdict, "its source is who is there")
}

// TestInterval asks for a connection that was tried, and does not know when it was there.
func TestInterval(t *testing.T) {
	table := NewTable(100)
	table.Add(here, toOne, 150, 160)
	_, verdict := table.Follow(Question{Seen: toOne.Before, From: 100, To: 100})
	require.Equal(t, Untranslated, verdict)
	got, verdict := table.Follow(Question{Seen: toOne.Before, From: 100, To: 200})
	require.Equal(t, Translated, verdict)
	require.Equal(t, toOne.After, got)
}

func TestTableIsBounded(t *testing.T) {
	const limit = 10
	table := NewTable(limit)
	entry := func(port uint16) Entry {
		from := netip.AddrPortFrom(client.Addr(), port)
		return Entry{Before: Tuple{from, virtual}, After: Tuple{from, one}}
	}
	for i := range uint16(limit) {
		table.Add(here, entry(i), uint64(i), uint64(i))
	}
	table.Add(here, entry(100), 20, 20)
	require.Equal(t, limit, table.Len())
	require.EqualValues(t, 1, table.Refused())
	_, verdict := table.Follow(Question{Seen: entry(100).Before, From: 20, To: 20})
	require.Equal(t, Unknown, verdict, "refused, but not denied")

	table.Forget(5) // of those before, everybody has asked
	for i := range uint16(5) {
		table.Add(here, entry(200+i), 30, 30)
	}
	table.Add(here, entry(300), 30, 30)
	require.Equal(t, limit, table.Len())
	require.EqualValues(t, 2, table.Refused())
	_, verdict = table.Follow(Question{Seen: entry(4).Before, From: 40, To: 40})
	require.Equal(t, Untranslated, verdict, "made room")
	_, verdict = table.Follow(Question{Seen: entry(5).Before, From: 40, To: 40})
	require.Equal(t, Translated, verdict)

	for i := range uint16(limit) {
		table.End(here, entry(i), 50)
	}
	table.Forget(51)
	require.Equal(t, 5, table.Len())
	require.Len(t, table.before, 5)
	require.Empty(t, table.after)
}

// TestIndexIsKept adds and forgets entries of one tuple in every order.
func TestIndexIsKept(t *testing.T) {
	masked := func(p uint16) Entry {
		return Entry{Before: Tuple{client, virtual}, After: Tuple{netip.AddrPortFrom(router.Addr(), p%2), one}}
	}
	for gone := range uint64(5) {
		table := NewTable(100)
		for i := range uint16(5) {
			table.Add(Place(i), masked(i), 0, 1)
		}
		table.End(Place(gone), masked(uint16(gone)), 2)
		table.Forget(3)
		require.Equal(t, 4, table.Len())
		before, after := 0, 0
		for i := table.before[masked(0).Before]; i != nil; i = i.nextBefore {
			before++
		}
		for _, first := range table.after {
			for i := first; i != nil; i = i.nextAfter {
				after++
			}
		}
		require.Equal(t, 4, before)
		require.Equal(t, 4, after)
	}
}
