// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package drill breaks a shop by a plan, has a collector watch, and scores what that said.
package drill
