// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package names holds every metric, attribute and event name, unit and
// histogram bound of tcpwhy once, so that following a future version of the
// semantic conventions is one edit.
//
// Names without a comment are those of the OpenTelemetry semantic conventions;
// own names stand under the root "tcp.", which the conventions do not use.
package names

import semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

// SchemaURL identifies the version of the semantic conventions in force.
const SchemaURL = semconv.SchemaURL
