// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package level finds the moment from which a gauge is far from where it
// usually is: one number a window, of which nothing is known but its past. It
// compares with an exponentially weighted mean and deviation (EWMA), and wants
// to see the same three times. Where there is a count of trials use ratio, where
// there is a distribution use shift: they know more.
package level
