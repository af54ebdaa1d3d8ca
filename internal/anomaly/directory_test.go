// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"context"
	"net/netip"

	"go.uber.org/zap"

	"github.com/tcpwhy/tcpwhy/internal/identity"
	"github.com/tcpwhy/tcpwhy/internal/identity/directory"
)

// A town is a directory of two functions. Who is not found is a stranger.
type town struct {
	local  func(identity.Local, uint64) *identity.Identity
	remote func(netip.AddrPort, uint64) *identity.Identity
}

func (t town) Local(end identity.Local, at uint64) *identity.Identity {
	if t.local == nil {
		return nil
	}
	return t.local(end, at)
}

func (town) ContainerName(id string) string {
	if id == "facade" {
		return "proxy"
	}
	return ""
}

func (t town) Remote(address netip.Addr, port uint16, at uint64) *identity.Identity {
	if t.remote != nil {
		if id := t.remote(netip.AddrPortFrom(address, port), at); id != nil {
			return id
		}
	}
	return strangers.Remote(address, port, at)
}

func (town) Close() error { return nil }

// strangers is the directory without anything configured.
var strangers = func() openDirectory {
	d, err := directory.Open(context.Background(), &directory.Config{}, directory.Settings{Logger: zap.NewNop()})
	if err != nil {
		panic(err)
	}
	return d
}()

var (
	web = &identity.Identity{
		Kind: identity.KindPod, Pod: "web-5d4-x2", Place: &identity.Place{Node: "node-1", Zone: "eu-1a"},
		Common: &identity.Common{
			OtherUID: "uid-web", Cluster: "c1", Namespace: "shop", Container: "nginx", Workload: identity.Workload{Kind: "Deployment", Name: "web"},
			ServiceName: "web", ServiceNamespace: "shop",
		},
	}
	meshed = &identity.Identity{
		Kind: identity.KindPod, Pod: "meshed-0", Place: &identity.Place{}, Common: &identity.Common{OtherUID: "uid-meshed"},
	}
	db = &identity.Identity{
		Kind: identity.KindPod, Pod: "db-0", Place: &identity.Place{Node: "node-2", Zone: "eu-1b"},
		Common: &identity.Common{
			OtherUID: "uid-db", Cluster: "c1", Namespace: "data", Workload: identity.Workload{Kind: "StatefulSet", Name: "db"},
			ServiceName: "postgres", ServiceNamespace: "data",
		},
	}
	dbService = &identity.Identity{
		Kind: identity.KindService, Common: &identity.Common{Cluster: "c1", Namespace: "data", Service: "db"}, Place: &identity.Place{},
	}
	node1 = &identity.Identity{
		Kind: identity.KindNode, Common: &identity.Common{Cluster: "c1"}, Place: &identity.Place{Node: "node-1", Zone: "eu-1a"},
	}
)

// market is where the tests' web server and data base live. At second 100 the address of
// web belongs to db.
func market() town {
	return town{
		local: func(end identity.Local, _ uint64) *identity.Identity {
			switch {
			case end.PodUID == "config-hash-of-web" || end.PodUID == "uid-web" || end.ContainerID == "c0ffee":
				return web
			case end.ContainerID == "facade":
				return meshed
			case end.PodUID == "uid-db" || end.Address == netip.MustParseAddr("10.0.2.1"):
				return db
			case end.HostName == "node-1":
				return node1
			default:
				return nil
			}
		},
		remote: func(address netip.AddrPort, at uint64) *identity.Identity {
			switch address.Addr().String() {
			case "10.0.1.1":
				if at >= uint64(second(100)) {
					return db
				}
				return web
			case "10.0.2.1":
				return db
			case "10.96.0.7":
				if address.Port() == 5432 {
					return dbService
				}
			case "192.168.0.1":
				return node1
			}
			return nil
		},
	}
}
