// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package static

import (
	"strings"
	"testing"
)

func TestParseNamesFileLineAndRule(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"an empty file", "", `f.yaml: is empty: must have workloads or services`},
		{"two documents", "services: []\n---\nservices: []\n", `f.yaml:2: must be one YAML document`},
		{"a list for the file", "- a\n", `f.yaml:1: file: must be a mapping with keys of services, workloads`},
		{"an unknown section", "workload: []\n", `f.yaml:1: file.workload: unknown key: must be one of services, workloads`},
		{"a section twice", "services: []\nservices: []\n", `f.yaml:2: file.services: is there twice, first on line 1`},
		{"a mapping for a section", "services: {}\n", `f.yaml:1: file.services: must be a list`},
		{
			"an unknown key", "workloads:\n  - workload: a\n    adresses: [10.0.0.1]\n",
			`f.yaml:3: file.workloads[0].adresses: unknown key: must be one of addresses, cidrs, container_ids, kind, namespace, node, pod, processes, service, workload, zone
f.yaml:2: file.workloads[0]: must have addresses, cidrs, container_ids or processes to be recognised by`,
		},
		{
			"nobody", "workloads:\n  - namespace: a\n    addresses: [10.0.0.1]\n",
			`f.yaml:2: file.workloads[0]: must have workload, pod or node`,
		},
		{
			"a bad address", "workloads:\n  - workload: a\n    addresses:\n      - 10.0.0.1\n      - 10.0.0.256\n",
			`f.yaml:5: file.workloads[0].addresses: "10.0.0.256" must be an IP address, without a zone`,
		},
		{
			"an address with a zone", "workloads:\n  - {workload: a, addresses: ['fe80::1%eth0']}\n",
			`f.yaml:2: file.workloads[0].addresses: "fe80::1%eth0" must be an IP address, without a zone`,
		},
		{
			"a bad CIDR", "workloads:\n  - {workload: a, cidrs: [10.0.0.0]}\n",
			`f.yaml:2: file.workloads[0].cidrs: "10.0.0.0" must be a CIDR such as 192.0.2.0/24 or 2001:db8::/32`,
		},
		{
			"a CIDR with bits of a host", "workloads:\n  - {workload: a, cidrs: [10.0.0.1/8]}\n",
			`f.yaml:2: file.workloads[0].cidrs: "10.0.0.1/8" has bits behind its mask: must be "10.0.0.0/8"`,
		},
		{
			"an address of two workloads", "workloads:\n  - {workload: a, addresses: [10.0.0.1]}\n  - {workload: b, addresses: ['::ffff:10.0.0.1']}\n",
			`f.yaml:3: file.workloads[1].addresses: "::ffff:10.0.0.1" must be there once, first on line 2`,
		},
		{
			"a CIDR of two workloads", "workloads:\n  - {workload: a, cidrs: [10.0.0.0/8]}\n  - {workload: b, cidrs: [10.0.0.0/8]}\n",
			`f.yaml:3: file.workloads[1].cidrs: "10.0.0.0/8" must be there once, first on line 2`,
		},
		{
			"a container of two workloads", "workloads:\n  - {workload: a, container_ids: [4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c]}\n  - {workload: b, container_ids: ['docker://4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c']}\n",
			`f.yaml:3: file.workloads[1].container_ids: "docker://4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c" must be there once, first on line 2`,
		},
		{
			"a process of two workloads on a node", "workloads:\n  - {workload: a, node: n, processes: [x]}\n  - {workload: b, node: n, processes: [x]}\n",
			`f.yaml:3: file.workloads[1].processes: "x" must be there once, first on line 2`,
		},
		{
			"a pod on two nodes", "workloads:\n  - {namespace: a, pod: p, node: n, processes: [x]}\n  - {namespace: b, pod: p, node: m, processes: [x]}\n  - {namespace: a, pod: p, processes: [y]}\n  - {namespace: a, pod: p, node: m, processes: [z]}\n",
			`f.yaml:5: file.workloads[3].node: "m" must be "n", where pod "p" is by line 2`,
		},
		{
			"ranges of nobody", "workloads:\n  - {workload: a, cidrs: [224.0.0.0/4]}\n  - {workload: b, cidrs: ['ff02::/16', 0.0.0.0/0, '::/0', 192.0.0.0/2]}\n  - {workload: c, cidrs: [255.255.255.255/32, '::/128']}\n",
			`f.yaml:2: file.workloads[0].cidrs: "224.0.0.0/4" must be addresses that a connection can have, not multicast (224.0.0.0/4)
f.yaml:3: file.workloads[1].cidrs: "ff02::/16" must be addresses that a connection can have, not multicast (ff00::/8)
f.yaml:4: file.workloads[2].cidrs: "255.255.255.255/32" must be an address that a connection can have, not unspecified, multicast or broadcast
f.yaml:4: file.workloads[2].cidrs: "::/128" must be an address that a connection can have, not unspecified, multicast or broadcast`,
		},
		{
			"the broadcast address", "services:\n  - {service: a, addresses: [255.255.255.255]}\n",
			`f.yaml:2: file.services[0].addresses: "255.255.255.255" must be an address that a connection can have, not unspecified, multicast or broadcast`,
		},
		{
			"an empty name beside another", "workloads:\n  - {workload: '', node: n, addresses: [10.0.0.1]}\n  - {workload: a, zone: \"\", addresses: [10.0.0.2]}\nservices:\n  - {namespace: '', service: a, addresses: [10.0.0.3]}\n",
			`f.yaml:2: file.workloads[0].workload: must not be empty: leave it out
f.yaml:3: file.workloads[1].zone: must not be empty: leave it out
f.yaml:5: file.services[0].namespace: must not be empty: leave it out`,
		},
		{
			"a null name", "workloads:\n  - {workload: , addresses: [10.0.0.1]}\n",
			`f.yaml:2: file.workloads[0].workload: must be a string
f.yaml:2: file.workloads[0]: must have workload, pod or node`,
		},
		{
			"half an id of a container", "workloads:\n  - {workload: a, container_ids: [4f1c4f1c4f1c]}\n",
			`f.yaml:2: file.workloads[0].container_ids: "4f1c4f1c4f1c" must be the id of a container, 64 hexadecimal digits, not 12`,
		}, {
			"the path of a process", "workloads:\n  - {workload: a, processes: [/usr/bin/postgres]}\n",
			`f.yaml:2: file.workloads[0].processes: "/usr/bin/postgres" must be the name of an executable, such as "postgres", not a path`,
		}, {
			"an empty container", "workloads:\n  - {workload: a, container_ids: ['']}\n",
			`f.yaml:2: file.workloads[0].container_ids[0]: must be a value, not empty
f.yaml:2: file.workloads[0]: must have addresses, cidrs, container_ids or processes to be recognised by`,
		},
		{
			"a service without a name and addresses", "services:\n  - namespace: a\n",
			"f.yaml:2: file.services[0]: must have service\nf.yaml:2: file.services[0]: must have addresses",
		},
		{
			"a bad port", "services:\n  - {service: a, addresses: [10.0.0.1], ports: [0]}\n",
			`f.yaml:2: file.services[0].ports: "0" must be a port from 1 to 65535`,
		},
		{
			"a port of two services", "services:\n  - {service: a, addresses: [10.0.0.1], ports: [80]}\n  - {service: b, addresses: [10.0.0.1], ports: [443, 80]}\n",
			`f.yaml:3: file.services[1].addresses: "10.0.0.1:80" must be there once, first on line 2`,
		},
		{
			"all ports of two services", "services:\n  - {service: a, addresses: [10.0.0.1]}\n  - {service: b, addresses: [10.0.0.1]}\n",
			`f.yaml:3: file.services[1].addresses: "10.0.0.1" must be there once, first on line 2`,
		},
		{
			"an address beside itself as a CIDR", "workloads:\n  - {workload: a, addresses: [10.0.0.1]}\n  - {workload: b, cidrs: [10.0.0.0/8, 10.0.0.1/32]}\n",
			`f.yaml:3: file.workloads[1].cidrs: "10.0.0.1/32" must be there once, first on line 2`,
		},
		{
			"a CIDR beside itself as an address", "workloads:\n  - {workload: a, cidrs: ['2001:db8::1/128']}\n  - {workload: b, addresses: ['2001:db8::1']}\n",
			`f.yaml:3: file.workloads[1].addresses: "2001:db8::1" must be there once, first on line 2`,
		},
		{
			"a CIDR of the address of a service", "workloads:\n  - {workload: b, cidrs: [10.0.0.1/32]}\nservices:\n  - {service: a, addresses: [10.0.0.1]}\n",
			`f.yaml:2: workloads: "10.0.0.1" must not be the address of a service, too`,
		},
		{
			"a node in two zones", "workloads:\n  - {node: n, zone: y, addresses: [10.0.0.1]}\n  - workload: b\n    node: n\n    zone: z\n    addresses: [10.0.0.2]\n  - {node: n, addresses: [10.0.0.3]}\n",
			`f.yaml:5: file.workloads[1].zone: "z" must be "y", where node "n" is by line 2`,
		},
		{
			"a kind of nothing", "workloads:\n  - pod: a\n    kind: Deployment\n    addresses: [10.0.0.1]\n",
			`f.yaml:3: file.workloads[0].kind: "Deployment" must not be there without workload, whose kind it is`,
		},
		{
			"a blank name", "workloads:\n  - workload: ' '\n    addresses: [10.0.0.1]\n",
			`f.yaml:2: file.workloads[0].workload: " " must not begin or end with a space`,
		},
		{
			"a name with the end of its line", "services:\n  - addresses: [10.0.0.1]\n    service: |\n      a\n",
			`f.yaml:3: file.services[0].service: "a\n" must not begin or end with a space`,
		},
		{
			"a blank process", "workloads:\n  - workload: a\n    processes:\n      - b\n      - ' '\n",
			`f.yaml:5: file.workloads[0].processes[1]: must be a value, not empty`,
		},
		{
			"a process with a space", "workloads:\n  - workload: a\n    processes: [b, ' c', 'd ']\n",
			`f.yaml:3: file.workloads[0].processes[1]: " c" must not begin or end with a space
f.yaml:3: file.workloads[0].processes[2]: "d " must not begin or end with a space`,
		},
		{
			"addresses of nobody", "workloads:\n  - workload: a\n    addresses:\n      - 0.0.0.0\n      - '::'\n      - 224.0.0.1\n      - ff02::1\n      - ::ffff:0.0.0.0\n",
			`f.yaml:4: file.workloads[0].addresses: "0.0.0.0" must be an address that a connection can have, not unspecified, multicast or broadcast
f.yaml:5: file.workloads[0].addresses: "::" must be an address that a connection can have, not unspecified, multicast or broadcast
f.yaml:6: file.workloads[0].addresses: "224.0.0.1" must be an address that a connection can have, not unspecified, multicast or broadcast
f.yaml:7: file.workloads[0].addresses: "ff02::1" must be an address that a connection can have, not unspecified, multicast or broadcast
f.yaml:8: file.workloads[0].addresses: "::ffff:0.0.0.0" must be an address that a connection can have, not unspecified, multicast or broadcast`,
		},
		{
			"a CIDR of nobody", "workloads:\n  - {workload: a, cidrs: [0.0.0.0/32]}\n",
			`f.yaml:2: file.workloads[0].cidrs: "0.0.0.0/32" must be an address that a connection can have, not unspecified, multicast or broadcast`,
		},
		{
			"a service at no address", "services:\n  - {service: a, addresses: ['::']}\n",
			`f.yaml:2: file.services[0].addresses: "::" must be an address that a connection can have, not unspecified, multicast or broadcast`,
		},
		{
			"empty entries", "workloads:\n  - {}\nservices:\n  - {}\n  -\n",
			`f.yaml:2: file.workloads[0]: must have workload, pod or node
f.yaml:2: file.workloads[0]: must have addresses, cidrs, container_ids or processes to be recognised by
f.yaml:4: file.services[0]: must have service
f.yaml:4: file.services[0]: must have addresses
f.yaml:5: file.services[1]: must be a mapping with keys of addresses, namespace, ports, service
f.yaml:5: file.services[1]: must have service
f.yaml:5: file.services[1]: must have addresses`,
		},
		{
			"an address of a workload and a service", "services:\n  - {service: a, addresses: [10.0.0.1]}\nworkloads:\n  - {workload: b, addresses: [10.0.0.1]}\n",
			`f.yaml:4: workloads: "10.0.0.1" must not be the address of a service, too`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			table, err := Parse("f.yaml", []byte(c.text))
			if err == nil || table != nil || err.Error() != c.want {
				t.Errorf("Parse = %v, error\n%v\nwant\n%s", table, err, c.want)
			}
		})
	}
}

// FuzzParse takes any text: an error names the file, and a table answers.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"", shop, "workloads: &a [*a]", "workloads:\n- <<: {a: b}", "a: &a {a: *a}", "services: [{addresses: [::1]}]"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		table, err := Parse("f.yaml", []byte(text))
		if err != nil && !strings.HasPrefix(err.Error(), "f.yaml:") {
			t.Errorf("error does not begin with the file: %v", err)
		}
		if err == nil {
			table.Remote(visitor, 1)
		}
	})
}
