// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Files in a drill's folder.
const (
	configFile    = "collector.yaml"
	recordingFile = "recording.yaml"
	collectorLog  = "collector.log"
	verdictFile   = "verdicts.json"
	identityFile  = "identities.yaml"
	reportFile    = "report.json"
	pageFile      = "report.html"
)

// recordings are the names of all files that a drill, and a replay of it, leave in its folder.
var recordings = []string{
	configFile, recordingFile, collectorLog, identityFile, reportFile, pageFile,
	"verdicts*.json", "metrics*.json", "flows*.binpb.zst",
	"history.json", "truth-*.csv", // the shop's
}

// empty removes what another drill left in a folder, so that none of it is taken for this
// one's. What is not a drill's stays.
func empty(folder string) error {
	var errs []error
	for _, pattern := range recordings {
		files, err := filepath.Glob(filepath.Join(folder, pattern))
		errs = append(errs, err)
		for _, file := range files {
			if err := os.Remove(file); !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, err)
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("empty drill's folder: %w", err)
	}
	return nil
}

// keep copies files of the shop's, which go with it or with the next one.
func keep(folder string, files ...string) error {
	var errs []error
	for _, file := range files {
		errs = append(errs, keepOne(file, filepath.Join(folder, filepath.Base(file))))
	}
	return errors.Join(errs...)
}

func keepOne(from, to string) error {
	raw, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, raw, 0o644)
	}
	if err != nil {
		return fmt.Errorf("keep %s: %w", from, err)
	}
	return nil
}
