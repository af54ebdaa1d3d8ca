// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package guest runs test binaries on another kernel, in a virtual machine of
// QEMU that lives as long as they run. Its init process is internal/vmtest/pid1.
package guest

import (
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// A Plan is what the guest's init process is to do.
type Plan struct {
	Modules []string  // files to load, in this order
	Now     time.Time // guests have no clock
	Tests   []Command
}

// A Command is one test binary and how to run it.
type Command struct {
	Path        string
	Folder      string // to run it in
	Arguments   []string
	Environment []string // beside the guest's own
}

// planFile is where the plan lies in the guest.
const planFile = "/plan.json"

// ReadPlan returns the plan of the guest that it is called in.
func ReadPlan() (*Plan, error) {
	content, err := os.ReadFile(planFile)
	if err != nil {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	plan := new(Plan)
	if err := json.Unmarshal(content, plan); err != nil {
		return nil, fmt.Errorf("decode plan: %w", err)
	}
	return plan, nil
}
