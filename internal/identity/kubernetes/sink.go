// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/cache"
)

// Sinks are where reflectors put what they see. They keep no objects.
var (
	_ cache.TransformingStore = podSink{}
	_ cache.ReflectorStore    = sink[*corev1.Service]{}
)

type podSink struct{ *Store }

// Transformer makes views of pods, so that a reflector holds no whole ones.
func (s podSink) Transformer() cache.TransformFunc {
	return func(object any) (any, error) {
		if p, ok := object.(*corev1.Pod); ok {
			return viewPod(p, s.labelsName), nil
		}
		return object, nil
	}
}

func (s podSink) view(object any) (*podView, error) {
	switch o := object.(type) {
	case *podView:
		return o, nil
	case *corev1.Pod:
		return viewPod(o, s.labelsName), nil
	}
	return nil, fmt.Errorf("read pod: it is a %T", object)
}

// Add adds or changes a pod.
func (s podSink) Add(object any) error {
	v, err := s.view(object)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.putPod(v, s.look(), false)
	return nil
}

// Update changes a pod.
func (s podSink) Update(object any) error { return s.Add(object) }

// Delete deletes a pod. Its last state comes with it.
func (s podSink) Delete(object any) error {
	v, err := s.view(object)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.look()
	s.putPod(v, seen, false)
	s.deletePod(v.uid, seen)
	return nil
}

// Replace takes a list of all pods. Those that are not in it were deleted.
func (s podSink) Replace(objects []any, _ string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shared.fit(len(objects))
	seen := s.look()
	listed := make(map[string]bool, len(objects))
	for _, object := range objects {
		v, err := s.view(object)
		if err != nil {
			return err
		}
		s.putPod(v, seen, true)
		listed[v.uid] = true
	}
	var missed []string
	s.uids.each(func(p *pod) {
		if uid := p.PodUID(); !listed[uid] {
			missed = append(missed, uid)
		}
	})
	for _, uid := range missed {
		s.deletePod(uid, seen)
	}
	s.gaps.end(seen)
	return nil
}

// Resync has nothing to do.
func (podSink) Resync() error { return nil }

// A sink is one of services or nodes, of which there are few.
type sink[T any] struct {
	*Store
	key func(T) string
	put func(object T, seen moment)
	// remove takes an object by its key, publish shows what was changed.
	remove  func(key string, seen moment)
	known   func() []string
	publish func()
	gaps    *gaps
}

// Add adds or changes an object.
func (s sink[T]) Add(object any) error {
	o, ok := object.(T)
	if !ok {
		return fmt.Errorf("read object: it is a %T", object)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(o, s.look())
	s.publish()
	return nil
}

// Update changes an object.
func (s sink[T]) Update(object any) error { return s.Add(object) }

// Delete deletes an object.
func (s sink[T]) Delete(object any) error {
	o, ok := object.(T)
	if !ok {
		return fmt.Errorf("read object: it is a %T", object)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(s.key(o), s.look())
	s.publish()
	return nil
}

// Replace takes a list of all objects. Those that are not in it were deleted.
func (s sink[T]) Replace(objects []any, _ string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.look()
	listed := make(map[string]bool, len(objects))
	for _, object := range objects {
		o, ok := object.(T)
		if !ok {
			return fmt.Errorf("read object: it is a %T", object)
		}
		s.put(o, seen)
		listed[s.key(o)] = true
	}
	for _, key := range s.known() {
		if !listed[key] {
			s.remove(key, seen)
		}
	}
	s.publish()
	s.gaps.end(seen)
	return nil
}

// Resync has nothing to do.
func (sink[T]) Resync() error { return nil }

// Pods is where pods are put.
func (s *Store) Pods() cache.ReflectorStore { return podSink{s} }

// Services is where services are put.
func (s *Store) Services() cache.ReflectorStore {
	return sink[*corev1.Service]{
		Store: s,
		key:   func(o *corev1.Service) string { return string(o.UID) },
		put: func(o *corev1.Service, seen moment) {
			seen = s.pace.hear(seen, o.CreationTimestamp.UnixNano())
			s.services.put(string(o.UID), claimsOf(o, s.cluster, s.labelsName, seen), seen)
		},
		remove:  func(uid string, seen moment) { s.services.end(uid, seen) },
		known:   s.services.known,
		publish: s.services.publish,
		gaps:    &s.services.gaps,
	}
}

// Nodes is where nodes are put.
func (s *Store) Nodes() cache.ReflectorStore {
	rezone := false
	return sink[*corev1.Node]{
		Store: s,
		key:   func(o *corev1.Node) string { return o.Name },
		put: func(o *corev1.Node, seen moment) {
			rezone = s.putNode(o, seen) || rezone
		},
		remove: s.deleteNode,
		known:  func() []string { return slices.Collect(maps.Keys(s.named)) },
		publish: func() {
			s.publishNodes(rezone)
			rezone = false
		},
		gaps: &s.nodes.gaps,
	}
}
