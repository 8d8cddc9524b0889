package rollup

import "github.com/gputally/gputally/reporter/usage"

// memo is what a rollup remembers of the last hour of one cluster.
type memo struct {
	names [usage.Texts]recall
	pods  carry
}

// hour begins an hour of a cluster.
func (r *Rollup) hour(cluster string) (*memo, error) {
	m, ok := r.memos[cluster]
	if !ok {
		m = &memo{pods: carry{groups: r.groups}}
		for column := range m.names {
			m.names[column].names = r.names
		}
		r.memos[cluster] = m
	}
	for column := range m.names {
		m.names[column].hour()
	}
	return m, m.pods.hour()
}

// settle adds all that is still carried to its rows.
func (r *Rollup) settle() error {
	for _, m := range r.memos {
		if err := m.pods.settle(); err != nil {
			return err
		}
	}
	return nil
}
