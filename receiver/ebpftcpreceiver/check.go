// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

func notNegative(key string, value time.Duration) error {
	if value < 0 {
		return fmt.Errorf("%s: %s is below 0s", key, value)
	}
	return nil
}

func within[T cmp.Ordered](key string, value, low, high T) error {
	switch {
	case value < low:
		return fmt.Errorf("%s: %v is below %v", key, value, low)
	case value > high:
		return fmt.Errorf("%s: %v is above %v", key, value, high)
	}
	return nil
}

func oneOf[T ~string](key string, value T, choices []T) error {
	if slices.Contains(choices, value) {
		return nil
	}
	known := make([]string, len(choices))
	for i, choice := range choices {
		known[i] = string(choice)
	}
	return fmt.Errorf("%s: %q is none of %s", key, value, strings.Join(known, ", "))
}

// checkAll applies check to each value of a list, whose length it bounds.
func checkAll[T any](key string, values []T, limit int, check func(string, T) error) error {
	var errs []error
	if len(values) > limit {
		errs = append(errs, fmt.Errorf("%s: has %d values, more than %d", key, len(values), limit))
	}
	for i, value := range values {
		errs = append(errs, check(fmt.Sprintf("%s::%d", key, i), value))
	}
	return errors.Join(errs...)
}
