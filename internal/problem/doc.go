// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package problem turns what is found wrong at one moment after the other into problems:
// one for each fault, with a beginning, a root that may be seen better later, and an end.
//
// Time is the data's. A [Register] is not safe for concurrent use.
package problem
