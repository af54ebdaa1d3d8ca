// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build amd64 || arm64

package ebpftcpreceiver

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/conntrack"
	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/tcpbpf"
)

var granularityValues = map[Granularity]tcpbpf.Granularity{
	GranularityConnection: tcpbpf.GranularityConnection,
	GranularityEndpoint:   tcpbpf.GranularityEndpoint,
	GranularityPeer:       tcpbpf.GranularityPeer,
}

func openBPF(cfg *Config) (kernel, error) {
	pairs, err := openPairer(cfg)
	if err != nil {
		return nil, err
	}
	t, natErr := openTranslator(cfg, pairs)
	k, err := openTranslated(cfg, t)
	if err != nil {
		if t != nil {
			_ = t.Close()
		}
		return nil, err // not k: an interface that holds nil is not nil
	}
	return bpfKernel{k, t, natErr, pairs}, nil
}

// openPairer returns nil if nobody wants to know pairs.
func openPairer(cfg *Config) (*pairer, error) {
	if !cfg.Attributes.FlowPair.Enabled {
		return nil, nil
	}
	host, err := readHost(os.DirFS("/"))
	if err != nil {
		return nil, err
	}
	return newPairer(cfg, host.instance), nil
}

// openTranslator returns nil if no translations are wanted, or an error says why none
// are known: all else works without.
func openTranslator(cfg *Config, pairs *pairer) (*translator, error) {
	if !cfg.NAT.Enabled {
		return nil, nil
	}
	t := newTranslator(cfg, pairs, func() uint64 { return now().Boot })
	w, err := conntrack.Open(conntrack.Settings{MaxEntries: cfg.NAT.MaxEntries, Now: t.now, Learn: t.learn})
	if err != nil {
		return nil, err
	}
	t.translations = w
	return t, nil
}

// openTranslated opens the kernel side after all translations are known: connections
// that are older are told apart by these.
func openTranslated(cfg *Config, t *translator) (*tcpbpf.Kernel, error) {
	c := cfg.kernelSide()
	if t == nil {
		return tcpbpf.Open(c)
	}
	c.Apart, c.Virtual = true, t.known()
	k, err := tcpbpf.Open(c)
	if err != nil {
		return nil, err
	}
	if err := t.connect(bpfEnds{k}); err != nil {
		_ = k.Close()
		return nil, err
	}
	return k, nil
}

// tryBPF tells where each job would be done.
func tryBPF(cfg *Config) ([]hook, error) {
	side := cfg.kernelSide()
	side.MaxFlows = 1 // none will come
	all, err := tcpbpf.Try(side)
	return hooks(all), err
}

func (cfg *Config) kernelSide() tcpbpf.Config {
	return tcpbpf.Config{
		Cgroup:       cfg.Cgroup,
		Granularity:  granularityValues[cfg.Granularity],
		MaxFlows:     cfg.MaxFlows,
		EventLimits:  cfg.Events.limits(),
		MaskPublic:   cfg.RemoteAddresses == RemoteAddressesPrivate,
		ClusterCIDRs: cfg.ClusterCIDRs,
		Include:      bpfRules(cfg.Include),
		Exclude:      bpfRules(cfg.Exclude),
	}
}

// bpfEnds tells the kernel side which addresses stand for others.
type bpfEnds struct{ *tcpbpf.Kernel }

func (k bpfEnds) SetVirtual(end netip.AddrPort, virtual bool) error {
	if virtual {
		return k.SetEnd(end, tcpbpf.EndVirtual)
	}
	return k.SetEnd(end, tcpbpf.EndItself)
}

// A bpfKernel says what the kernel side knows of itself in the receiver's words.
type bpfKernel struct {
	*tcpbpf.Kernel
	translator *translator // nil if there is none
	natErr     error       // why
	pairs      *pairer
}

func (k bpfKernel) Collect(ctx context.Context, visit func(*flow.Delta)) (flow.Report, error) {
	if k.translator == nil {
		return k.Kernel.Collect(ctx, k.pairs.ofServers(visit))
	}
	if err := k.translator.begin(); err != nil {
		return flow.Report{}, err
	}
	defer k.translator.end()
	var held []*flow.Delta
	return k.CollectThen(ctx, func(d *flow.Delta) {
		if k.translator.meets(d) {
			held = append(held, d.Clone())
			return
		}
		k.translator.translate(d)
		visit(d)
	}, func() {
		for _, d := range held {
			k.translator.translate(d)
			visit(d)
		}
	})
}

func (k bpfKernel) natVitals(v *vitals, counts tcpbpf.Counts) {
	v.nat = natVitals{enabled: k.translator != nil || k.natErr != nil, err: k.natErr, notLookedFor: counts.NotApart}
	hooked := hook{job: "translation"}
	if k.translator != nil {
		hooked.name = "nfnetlink/conntrack"
		k.translator.vitals(&v.nat)
	}
	if v.nat.enabled {
		v.hooks = append(v.hooks, hooked)
	}
}

func (k bpfKernel) Close() error {
	if k.translator == nil {
		return k.Kernel.Close()
	}
	return errors.Join(k.translator.Close(), k.Kernel.Close())
}

func (k bpfKernel) Vitals() (v vitals, err error) {
	v.hooks = k.Hooks()
	for _, f := range k.Fills() {
		v.fills = append(v.fills, fill{name: f.Map, entries: f.Entries, limit: f.Limit})
	}
	programs, err := k.Programs()
	if err != nil {
		return v, err
	}
	for _, p := range programs {
		v.programs = append(v.programs, program{name: p.Name, runs: p.Runs, skipped: p.Skipped, time: p.Time})
	}
	counts, err := k.Counts()
	v.excluded, v.collisions, v.deferred = counts.Excluded, counts.Collisions, counts.Deferred
	v.attempts, v.reasons = counts.Attempts, counts.Reasons
	v.unfound = []unfound{{tcpbpf.SearchPorts, counts.Ports}, {tcpbpf.SearchHolders, counts.Holders}}
	k.natVitals(&v, counts)
	return v, err
}

func (k bpfKernel) Hooks() []hook { return hooks(k.Kernel.Hooks()) }

func hooks(all []tcpbpf.Hook) []hook {
	out := make([]hook, len(all))
	for i, h := range all {
		out[i] = hook{job: h.Job, name: h.Name, reason: h.Reason, lost: h.Lost, never: h.Never}
	}
	return out
}

func (k bpfKernel) Events() (eventReader, error) {
	e, err := k.Kernel.Events()
	if err != nil {
		return nil, err // not e: an interface that holds nil is not nil
	}
	if t := k.translator; t != nil {
		return &eventTranslator{eventReader: e, translations: t.translations, now: t.now, mask: t.mask}, nil
	}
	return e, nil
}

func bpfRules(configs []RuleConfig) []tcpbpf.Rule {
	rules := make([]tcpbpf.Rule, len(configs))
	for i, cfg := range configs {
		rules[i] = tcpbpf.Rule{CIDRs: cfg.CIDRs, Processes: cfg.Processes}
		for _, port := range cfg.Ports {
			rules[i].Ports = append(rules[i].Ports, uint16(port))
		}
	}
	return rules
}

// now reads both clocks.
func now() flow.Instant {
	var boot unix.Timespec
	// CLOCK_MONOTONIC is there on every Linux. If it were not, flows would start
	// with the interval that saw them.
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &boot)
	return flow.Instant{Wall: uint64(time.Now().UnixNano()), Boot: uint64(boot.Nano())}
}
