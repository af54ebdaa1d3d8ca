// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"errors"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/names"
)

// An EventsConfig switches the events by name, so that an unknown one is an error.
type EventsConfig struct {
	// ConnectionFailed is sent for each connection that was not established.
	ConnectionFailed EventConfig `mapstructure:"tcp.connection.failed"`
	// ConnectionReset is sent for each end of a connection that was reset.
	ConnectionReset EventConfig `mapstructure:"tcp.connection.reset"`

	_ struct{}
}

// An EventConfig switches one event.
type EventConfig struct {
	Enabled bool `mapstructure:"enabled"`
	// MaxPerSecond bounds how many are sent on average, and how many at once
	// after a quiet second.
	MaxPerSecond int `mapstructure:"max_per_second"`

	_ struct{}
}

const (
	defaultEventsPerSecond = 100
	maxEventsPerSecond     = 10_000
)

func defaultEvents() EventsConfig {
	off := EventConfig{MaxPerSecond: defaultEventsPerSecond}
	return EventsConfig{ConnectionFailed: off, ConnectionReset: off}
}

// of returns the switch of each kind of event.
func (cfg *EventsConfig) of() [flow.NumEventKinds]EventConfig {
	return [...]EventConfig{flow.EventFailed: cfg.ConnectionFailed, flow.EventReset: cfg.ConnectionReset}
}

// limits are what the kernel side lets through per second; 0 is off.
func (cfg *EventsConfig) limits() (limits [flow.NumEventKinds]int) {
	for kind, event := range cfg.of() {
		if event.Enabled {
			limits[kind] = event.MaxPerSecond
		}
	}
	return limits
}

// enabled reports whether any event is switched on.
func (cfg *EventsConfig) enabled() bool { return cfg.limits() != [flow.NumEventKinds]int{} }

func (cfg *EventsConfig) check() error {
	var errs []error
	for kind, event := range cfg.of() {
		errs = append(errs, within("events::"+eventNames[kind]+"::max_per_second", event.MaxPerSecond, 1, maxEventsPerSecond))
	}
	return errors.Join(errs...)
}

var eventNames = [...]string{flow.EventFailed: names.ConnectionFailed.Name, flow.EventReset: names.ConnectionReset.Name}
