package gputally

import (
	"maps"
	"slices"
	"strings"

	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/reporter/fold"
	"github.com/gputally/gputally/reporter/series"
)

// nameLabel is the label under which Prometheus keeps the name of a metric.
const nameLabel = "__name__"

// role says what a series of a family is for.
type role int

const (
	processStart role = iota
	pollAge
	pollInterval
	node
	deviceInfo
	deviceSeconds
	holdingStart
	holdingEnd
	holdingShare
	holdingTotal
)

// family is what the source needs to know of a metric family.
type family struct {
	role     role
	quantity int     // of holdingTotal
	most     float64 // larger values are impossible
}

// Larger values would not fit into the ledger, or into times in milliseconds.
const (
	mostSeconds  = 1 << 52 / 1000
	mostInterval = 3600
	mostAmount   = 1 << 61
)

type families map[string]family

// ofTargets are the families that say what is known of collectors: of themselves,
// and which GPUs they have.
func ofTargets() families {
	return families{
		metric.DeviceInfo.Name:            {role: deviceInfo, most: mostAmount},
		metric.CollectorStartTime.Name:    {role: processStart, most: mostSeconds},
		metric.CollectorPollAge.Name:      {role: pollAge, most: mostAge / 1000},
		metric.CollectorPollInterval.Name: {role: pollInterval, most: mostInterval},
		metric.NodeInfo.Name:              {role: node, most: mostAmount},
	}
}

// ofGPUs are the families that name a GPU.
func ofGPUs() families {
	return families{
		metric.DeviceInfo.Name:                 {role: deviceInfo, most: mostAmount},
		metric.DeviceSeconds.Name:              {role: deviceSeconds, most: mostSeconds},
		metric.ContainerStartTime.Name:         {role: holdingStart, most: mostSeconds},
		metric.ContainerEndTime.Name:           {role: holdingEnd, most: mostSeconds},
		metric.ContainerShare.Name:             {role: holdingShare, most: mostAmount},
		metric.ContainerAllocatedSeconds.Name:  {role: holdingTotal, quantity: fold.Held, most: mostSeconds},
		metric.ContainerActiveSeconds.Name:     {role: holdingTotal, quantity: fold.Active, most: mostSeconds},
		metric.ContainerIdleSeconds.Name:       {role: holdingTotal, quantity: fold.Idle, most: mostSeconds},
		metric.ContainerObservedSeconds.Name:   {role: holdingTotal, quantity: fold.Observed, most: mostSeconds},
		metric.ContainerMemoryByteSeconds.Name: {role: holdingTotal, quantity: fold.Memory, most: mostAmount},
		metric.ContainerEnergy.Name:            {role: holdingTotal, quantity: fold.Energy, most: mostAmount / 1000},
	}
}

// Families are the names of the families without which no hour can be closed.
func Families() []string {
	return []string{
		metric.DeviceInfo.Name, metric.DeviceSeconds.Name, metric.CollectorStartTime.Name,
		metric.ContainerAllocatedSeconds.Name, metric.ContainerStartTime.Name, metric.ContainerShare.Name,
	}
}

// only is one of the families.
func (fs families) only(name string) families { return families{name: fs[name]} }

// matchers pick the series of the families.
func (fs families) matchers() []series.Matcher {
	names := slices.Sorted(maps.Keys(fs))
	return []series.Matcher{{Name: nameLabel, Op: series.Match, Value: strings.Join(names, "|")}}
}
