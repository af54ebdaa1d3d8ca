// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// TestAWatchThatEndsIsLost unless nobody wants it any more: at an orderly stop nothing is said.
func TestAWatchThatEndsIsLost(t *testing.T) {
	for _, test := range []struct {
		name   string
		before func(stop context.CancelFunc)
		error  bool
		lost   int
	}{
		{"the API server ends it", func(context.CancelFunc) {}, false, 1},
		{"the API server ends it with an error", func(context.CancelFunc) {}, true, 1},
		{"an orderly stop", func(stop context.CancelFunc) { stop() }, false, 0},
		{"an orderly stop cuts an event off", func(stop context.CancelFunc) { stop() }, true, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			core, logs := observer.New(zapcore.InfoLevel)
			g := &gaps{}
			g.init()
			l := &link{resource: "pods", logger: zap.New(core), now: time.Now, synced: make(chan struct{}), gaps: g}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			from := watch.NewFake()
			w := newTap(ctx, from, l)
			from.Action(watch.Bookmark, &metav1.PartialObjectMetadata{})
			<-w.ResultChan()
			test.before(stop)
			if test.error {
				from.Error(&metav1.Status{Message: "cut off"})
				<-w.ResultChan()
			}
			from.Stop()
			for range w.ResultChan() { // until it ends
			}
			require.Equal(t, test.lost, logs.FilterMessage("Watch is lost: what is known stays").Len())
			require.Equal(t, test.lost == 0, l.get().Watching)
			require.Equal(t, test.lost == 0, l.get().Lost.IsZero())
		})
	}
}
