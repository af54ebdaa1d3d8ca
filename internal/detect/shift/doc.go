// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package shift finds the moment from which a series' values are larger than
// usual: round-trip times, their variation. Values come as histograms, one a
// window, and are judged as wholes against the series' own distribution by
// log-likelihood ratios that are added up (CUSUM). That neighbouring windows and
// values resemble each other is measured and allowed for: it is what most false
// alarms of simpler tests come from.
//
// A change of spread alone is invisible to it: feed it the variation, too.
package shift
