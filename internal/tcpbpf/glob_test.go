// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/testutil/socket"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// A street is processes of many names that connect to one.
type street struct {
	place
	path    traffic.Path
	server  *traffic.Process
	clients []*traffic.Process
	at      netip.AddrPort
}

func newStreet(t *testing.T, server string, clients ...string) *street {
	p := newPlace(t)
	s := &street{place: p, path: traffic.Loopback(p.NS, p.IPv4.String()), server: traffic.Start(t, p.NS, server)}
	s.at = s.server.Listen(socket.Config{}, netip.AddrPortFrom(p.IPv4, 0))
	for _, name := range clients {
		s.clients = append(s.clients, traffic.Start(t, p.NS, name))
	}
	return s
}

// visit lets each client connect once.
func (s *street) visit() {
	script := traffic.Exchange(1, 1, 1)
	served := s.server.Serve(s.path.Socket, len(s.clients), script.Server)
	for _, client := range s.clients {
		client.Connect(s.path, s.at, 1, 1, script.Client)()
	}
	served()
}

// seen returns the executables of the flows that were observed in the street, as
// the kernel side names them.
func (s *street) seen(k *collector) (names []string) {
	for _, key := range k.keys(s.here()) {
		names = append(names, k.Owner(key.Owner).Executable)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// TestGlobs has processes with short, similar, long and too long names. Of a name
// the kernel side knows the first 63 bytes. Each pattern is a rule of its own.
func TestGlobs(t *testing.T) {
	long := strings.Repeat("n", 62) + "z"
	tooLong := strings.Repeat("n", 63) + "z"
	cut := tooLong[:63]
	street := newStreet(t, "shop", "nginx", "nginx-debug", "x", long, tooLong)
	everybody := []string{"nginx", "nginx-debug", cut, long, "shop", "x"}

	table := map[string][]string{
		"nginx":                            {"nginx"},
		"nginx*":                           {"nginx", "nginx-debug"},
		"*nginx":                           {"nginx"},
		"*debug":                           {"nginx-debug"},
		"*-*":                              {"nginx-debug"},
		"n*n*d*g":                          {"nginx-debug"},
		"n*n*d*u":                          nil,
		"*n?gx*":                           nil,
		"n?inx":                            {"nginx"},
		"?????":                            {"nginx"},
		"??????*":                          {"nginx-debug", cut, long},
		"?":                                {"x"},
		"?*":                               everybody,
		"*?":                               everybody,
		"*":                                everybody,
		"**":                               everybody,
		"*p":                               {"shop"},
		"shop":                             {"shop"},
		"Shop":                             nil,
		"ngin":                             nil,
		"nginx?":                           nil,
		"[n]ginx":                          nil,
		"":                                 nil,
		"*z":                               {long},
		"*nz*":                             {long},
		"*n*n*n*n*n*n*n*n*n*n*n*n*n*n*n*z": {long},
		"*n*n*n*n*n*n*n*n*n*n*n*n*n*n*n*y": nil,
		strings.Repeat("n", 32):            nil,
		strings.Repeat("n", 31) + "*":      {cut, long},
		strings.Repeat("?", 32):            nil,
		strings.Repeat("?", 31) + "*":      {cut, long},
	}
	patterns := slices.Sorted(maps.Keys(table))
	var rules []Rule
	for _, pattern := range patterns {
		rules = append(rules, Rule{Processes: []string{pattern}})
	}
	k := observe(t, Config{Include: rules[:MaxRules], Exclude: rules[MaxRules:]})
	street.visit()
	for i, pattern := range patterns {
		require.Equal(t, table[pattern], street.matching(k, i), "pattern %q", pattern)
	}
}

// matching returns the executables in the street that match the only pattern of
// the i-th rule, those of the second list counted on.
func (s *street) matching(k *collector, i int) (names []string) {
	var key tcpwhyOwnerKey
	var record tcpwhyOwner
	records := k.objects.Owners.Iterate()
	for records.Next(&key, &record) {
		known := slices.ContainsFunc(s.everybody(), func(p *traffic.Process) bool { return p.PID == int(decodeOwner(key).PID()) })
		if known && record.Matches[i/MaxRules]>>(i%MaxRules)&1 == 1 {
			names = append(names, text(record.Exe[:]))
		}
	}
	slices.Sort(names)
	return names
}

func (s *street) everybody() []*traffic.Process {
	return append(s.clients[:len(s.clients):len(s.clients)], s.server)
}

// TestFilterByProcess puts process names together with other lists and rules, and
// the limits of all of them.
func TestFilterByProcess(t *testing.T) {
	street := newStreet(t, "shop", "nginx", "curl")
	port := street.at.Port()
	processes := func(patterns ...string) Rule { return Rule{Processes: patterns} }
	with := func(r Rule, ports ...uint16) Rule { r.Ports = ports; return r }

	for name, test := range map[string]struct {
		include, exclude []Rule
		want             []string
	}{
		"include one or other":        {[]Rule{processes("nginx", "shop")}, nil, []string{"nginx", "shop"}},
		"include at the port":         {[]Rule{with(processes("nginx"), port)}, nil, []string{"nginx"}},
		"include at another port":     {[]Rule{with(processes("nginx"), port+1)}, nil, nil},
		"include the last of globs":   {[]Rule{processes(append(slices.Repeat([]string{"?"}, MaxProcesses-1), "curl")...)}, nil, []string{"curl"}},
		"exclude a process":           {nil, []Rule{processes("nginx")}, []string{"curl", "shop"}},
		"exclude wins":                {[]Rule{processes("*")}, []Rule{processes("shop")}, []string{"curl", "nginx"}},
		"exclude the last of globs":   {nil, []Rule{processes(append(slices.Repeat([]string{"?"}, MaxProcesses-1), "*r*")...)}, []string{"nginx", "shop"}},
		"include and exclude overlap": {[]Rule{with(processes("?*x", "sh*"), port)}, []Rule{processes("shop")}, []string{"nginx"}},
	} {
		t.Run(name, func(t *testing.T) {
			k := observe(t, Config{Include: test.include, Exclude: test.exclude})
			street.visit()
			k.collect()
			require.Equal(t, test.want, street.seen(k))
		})
	}
}
