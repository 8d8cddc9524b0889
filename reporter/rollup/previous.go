package rollup

import (
	"github.com/gputally/gputally/reporter/rollup/intern"
	"github.com/gputally/gputally/reporter/usage"
)

// previous is what a rollup remembers of the previous hour of one cluster.
type previous struct {
	names [usage.Texts]*intern.Recall
	pods  carry
}

// beginHour begins an hour of a cluster.
func (r *Rollup) beginHour(cluster string) (*previous, error) {
	p, ok := r.previous[cluster]
	if !ok {
		p = &previous{pods: carry{groups: r.groups}}
		for column := range p.names {
			p.names[column] = intern.NewRecall(r.names)
		}
		r.previous[cluster] = p
	}
	for column := range p.names {
		p.names[column].Hour()
	}
	return p, p.pods.hour()
}

// flush adds the cells of pods that are still carried to their rows.
func (r *Rollup) flush() error {
	for _, p := range r.previous {
		if err := p.pods.flush(); err != nil {
			return err
		}
	}
	return nil
}
