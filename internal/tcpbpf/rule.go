// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import "fmt"

// ruleTable is indexed by the kernel side's enum rule_list, then by rule.
type ruleTable [2][MaxRules]tcpwhyRule

func compileRules(cfg Config) (ruleTable, []tcpwhyGlob, error) {
	var table ruleTable
	var globs []tcpwhyGlob
	for list, rules := range [2][]Rule{cfg.Include, cfg.Exclude} {
		if len(rules) > MaxRules {
			return table, nil, fmt.Errorf("compile rules: %d in a list, at most %d", len(rules), MaxRules)
		}
		for i, r := range rules {
			if err := compileRule(&table[list][i], r); err != nil {
				return table, nil, err
			}
			for _, p := range r.Processes {
				g, err := compileGlob(p, list, i)
				if err != nil {
					return table, nil, err
				}
				globs = append(globs, g)
			}
		}
	}
	if len(globs) > MaxProcesses {
		return table, nil, fmt.Errorf("compile processes: %d in all rules, at most %d", len(globs), MaxProcesses)
	}
	return table, globs, nil
}

func compileRule(out *tcpwhyRule, r Rule) error {
	if len(r.CIDRs) > MaxRuleCIDRs {
		return fmt.Errorf("compile rule: %d CIDRs, at most %d", len(r.CIDRs), MaxRuleCIDRs)
	}
	if len(r.Ports) > MaxRulePorts {
		return fmt.Errorf("compile rule: %d ports, at most %d", len(r.Ports), MaxRulePorts)
	}
	for i, p := range r.CIDRs {
		out.Cidrs[i] = compileCIDR(p)
	}
	copy(out.Ports[:], r.Ports)
	out.N_cidrs = uint8(len(r.CIDRs))
	out.N_ports = uint8(len(r.Ports))
	out.HasGlobs = uint8(flag(len(r.Processes) > 0))
	return nil
}

func compileGlob(pattern string, list, rule int) (tcpwhyGlob, error) {
	if len(pattern) > MaxProcessLen {
		return tcpwhyGlob{}, fmt.Errorf("compile process %q: %d bytes, at most %d", pattern, len(pattern), MaxProcessLen)
	}
	g := tcpwhyGlob{List: uint8(list), Rule: uint8(rule)}
	for i := range len(pattern) {
		g.Pattern[i] = int8(pattern[i])
	}
	return g, nil
}

func padGlobs(globs []tcpwhyGlob) (out [MaxProcesses]tcpwhyGlob) {
	copy(out[:], globs)
	return out
}
