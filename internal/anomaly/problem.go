// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"fmt"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/tcpwhy/tcpwhy/internal/localize"
	"github.com/tcpwhy/tcpwhy/internal/names"
	"github.com/tcpwhy/tcpwhy/internal/problem"
)

// writeProblem writes what a person should look at.
func writeProblem(record plog.LogRecord, change *problem.Change, s *sieve) {
	severity(record, severityOf(change))
	p, attributes := &change.Problem, record.Attributes()
	record.Body().SetStr(p.Title)
	for name, value := range map[string]string{
		names.ProblemID: p.ID, names.ProblemDisplayID: p.DisplayID, names.ProblemState: string(change.State),
		names.ProblemType: p.Type, names.ProblemTitle: p.Title, names.ProblemNode: p.Node.Name,
		names.ProblemRemote: p.Remote.Name, names.ProblemAdvice: p.Advice, names.ProblemAdviceID: p.AdviceID,
		names.ProblemMergedInto: p.MergedInto, names.ProblemFilter: s.filter(p),
	} {
		putKnown(attributes, name, value)
	}
	writeTimes(attributes, p)
	writeRoot(attributes, p)
	services := make([]string, 0, len(p.Services()))
	for _, service := range p.Services() {
		services = append(services, service.Name)
	}
	putStrings(attributes, names.ProblemAffectedServices, services)
	attributes.PutInt(names.ProblemAffectedCount, int64(len(p.Direct)+len(p.Affected)))
	attributes.PutInt(names.ProblemAffectedDirect, int64(len(p.Direct)))
	putStrings(attributes, names.ProblemMembers, p.MemberIDs)
	attributes.PutInt(names.ProblemAnomalyCount, int64(p.Anomalies))
	if p.Reopened > 0 {
		attributes.PutInt(names.ProblemReopened, int64(p.Reopened))
	}
}

func writeTimes(attributes pcommon.Map, p *problem.Problem) {
	putTime(attributes, names.ProblemStartTime, p.Start)
	putTime(attributes, names.ProblemDetectedTime, p.Detected)
	putTime(attributes, names.ProblemAcknowledgedTime, p.Acknowledged)
	attributes.PutBool(names.ProblemAcknowledgedAuto, p.AckAuto)
	attributes.PutDouble(names.ProblemMTTA, p.MTTA().Seconds())
	if !p.End.IsZero() {
		putTime(attributes, names.ProblemEndTime, p.End)
		attributes.PutDouble(names.ProblemMTTR, p.MTTR().Seconds())
	}
}

func writeRoot(attributes pcommon.Map, p *problem.Problem) {
	r := &p.Root
	attributes.PutStr(names.ProblemRootKind, r.Place.Word())
	attributes.PutStr(names.ProblemRootName, placeName(&r.Place))
	putKnown(attributes, names.ProblemRootCluster, r.Place.A.Cluster)
	putKnown(attributes, names.ProblemRootNamespace, r.Place.A.Namespace)
	attributes.PutStr(names.ProblemRootSide, p.Side)
	attributes.PutDouble(names.ProblemRootConfidence, r.Confidence)
	attributes.PutStr(names.ProblemRootEvidence, r.Sentence())
	candidates := make([]string, 0, len(r.Candidates))
	for i := range r.Candidates {
		c := &r.Candidates[i]
		candidates = append(candidates, fmt.Sprintf("%s: %d of %d edges are bad", c.Place, c.Bad, c.Total))
	}
	putStrings(attributes, names.ProblemCandidates, candidates)
	attributes.PutInt(names.ProblemEdgesBad, int64(r.Bad))
	attributes.PutInt(names.ProblemEdgesTotal, int64(r.Total))
}

// placeName is the name of a place, without its kind and namespace.
func placeName(p *localize.Place) string {
	switch {
	case p.Kind == localize.KindListener:
		return fmt.Sprintf("%s:%d", p.A.Name, p.Port)
	case p.B.Name == "":
		return p.A.Name
	case p.Both:
		return p.A.Name + " ↔ " + p.B.Name
	}
	return p.A.Name + " → " + p.B.Name
}

func putStrings(attributes pcommon.Map, name string, values []string) {
	list := attributes.PutEmptySlice(name)
	list.EnsureCapacity(len(values))
	for _, value := range values {
		list.AppendEmpty().SetStr(value)
	}
}
