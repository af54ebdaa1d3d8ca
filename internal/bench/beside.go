// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/k8sattributesprocessor"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	stage "go.opentelemetry.io/collector/processor" // processor is the machine's here
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/tcpwhy/tcpwhy/processor/tcpanomalyprocessor"
)

// Both are to name the local end alike, by what the receiver says of it, and wait until
// all is known.
const (
	theirSettings = `auth_type: kubeConfig
wait_for_metadata: true
wait_for_metadata_timeout: 5m
extract:
  metadata: [k8s.namespace.name, k8s.pod.name, k8s.pod.uid, k8s.deployment.name, k8s.node.name, service.name, service.namespace]
pod_association: [{sources: [{from: resource_attribute, name: k8s.pod.uid}]}]
`
	ourSettings = `identity: {kubernetes: {auth_type: kubeConfig, wait_for_metadata: true, wait_for_metadata_timeout: 5m}}
aggregate: %s
interval: 24h
max_stale: 24h
detection: {enabled: false}
`
)

// beside prints what contrib's k8s_attributes takes to name the local end, and what
// tcp_anomaly does with the same pods and the same data.
func (b *bench) beside() (err error) {
	l, err := newLister(manyPods)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.stop()) }()
	theirs, before, err := begin(k8sattributesprocessor.NewFactory(), theirSettings)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, theirs.Shutdown(context.Background())) }()
	ours, after, err := begin(tcpanomalyprocessor.NewFactory(), fmt.Sprintf(ourSettings, "none"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ours.Shutdown(context.Background())) }()
	t := newTable(fmt.Sprintf("Beside contrib's k8s_attributes: %d pods", manyPods), "", "k8s_attributes", "tcp_anomaly", "ratio")
	t.row("heap, bytes a pod", number(before.heap/manyPods), number(after.heap/manyPods), number(after.heap/before.heap))
	t.row("CPU to list all, ms", number(before.cpu), number(after.cpu), number(after.cpu/before.cpu))
	if err := b.compare(t, "local end alone, ns a resource", theirs, ours, locals); err != nil {
		return err
	}
	if err := b.compare(t, "both ends of each point, ns a point", theirs, ours, (*shop).next); err != nil {
		return err
	}
	for _, level := range []string{"pod", "workload"} {
		adding, _, err := begin(tcpanomalyprocessor.NewFactory(), fmt.Sprintf(ourSettings, level))
		if err != nil {
			return err
		}
		err = b.compare(t, "both ends, added up by "+level+", ns a point", theirs, adding, (*shop).next)
		if err := errors.Join(err, adding.Shutdown(context.Background())); err != nil {
			return err
		}
	}
	t.note("ratios: median of interleaved runs, with bounds that hold it at 95 %%; k8s_attributes names the local end, once for each resource")
	t.note("CPU to list: with the server's, which is the same; from JSON, where an API server sends protobuf to tcp_anomaly")
	return t.print(b.out)
}

// A beginning is what it takes to know all pods.
type beginning struct{ heap, cpu float64 } // bytes, ms

// begin starts a processor.
func begin(factory stage.Factory, settings string) (stage.Metrics, beginning, error) {
	var took beginning
	read, err := confmap.NewRetrievedFromYAML([]byte(settings))
	if err != nil {
		return nil, took, err
	}
	conf, err := read.AsConf()
	if err != nil {
		return nil, took, err
	}
	cfg := factory.CreateDefaultConfig()
	if err := errors.Join(conf.Unmarshal(cfg), confmap.Validate(cfg)); err != nil {
		return nil, took, fmt.Errorf("configure %s: %w", factory.Type(), err)
	}
	ctx := context.Background()
	p, err := factory.CreateMetrics(ctx, processortest.NewNopSettings(factory.Type()), cfg, consumertest.NewNop())
	if err != nil {
		return nil, took, err
	}
	size := heap()
	var used usage
	if err := used.measure(func() error { return p.Start(ctx, componenttest.NewNopHost()) }); err != nil {
		return nil, took, fmt.Errorf("start %s: %w", factory.Type(), err)
	}
	took.cpu = float64(used.cpu) / float64(time.Millisecond)
	took.heap = float64(heap()) - float64(size)
	return p, took, nil
}

// compare measures two processors in turn, on equal data.
func (b *bench) compare(t *table, what string, theirs, ours stage.Metrics, next func(*shop) pmetric.Metrics) error {
	var costs, objects [2][]float64
	var ratios []float64
	shops := [2]*shop{newTown(), newTown()}
	for n := range b.repetitions + 1 {
		for i, p := range []stage.Metrics{theirs, ours} {
			md := next(shops[i])
			points := float64(md.DataPointCount())
			var used usage
			if err := used.measure(func() error { return p.ConsumeMetrics(context.Background(), md) }); err != nil {
				return err
			}
			if n > 0 { // the first one meets everything for the first time
				costs[i] = append(costs[i], float64(used.cpu.Nanoseconds())/points)
				objects[i] = append(objects[i], float64(used.objects)/points)
			}
		}
		if n > 0 {
			ratios = append(ratios, costs[1][n-1]/costs[0][n-1])
		}
	}
	ratio := number(median(ratios))
	if low, high, ok := interval(ratios); ok {
		ratio += fmt.Sprintf(" (%s–%s)", number(low), number(high))
	}
	t.row(what, number(median(costs[0])), number(median(costs[1])), ratio)
	t.row("    objects", fmt.Sprintf("%.3f", median(objects[0])), fmt.Sprintf("%.3f", median(objects[1])))
	return nil
}
