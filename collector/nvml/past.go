//go:build linux && cgo

package nvml

// past is what the driver said earlier of one GPU, as far as it takes two
// answers to know something. It belongs to the GPU's lane and needs no lock.
type past struct {
	session int
	uuid    string
	busy    busy
	work    work
	gpm     gpm
	limit   limit
	watched bool // for errors, or can't be
	// measured is true if the GPU could ever measure something, in whatever session.
	measured bool
	layout   layout // whatever the session
}

// concern forgets what is of another GPU, or of a session that has ended. What
// the driver lent to an ended session is left to it.
func (p *past) concern(s session, uuid string) {
	if p.session == s.number && p.uuid == uuid {
		return
	}
	if p.session == s.number {
		p.release()
	}
	now := past{session: s.number, uuid: uuid}
	if p.uuid == uuid {
		now.measured, now.layout = p.measured, p.layout
	}
	*p = now
}

// release gives back what the driver lent.
func (p *past) release() {
	p.gpm.retain(func(string) bool { return false })
}

// interrupt forgets what must not go on over a reading that nobody got.
func (p *past) interrupt() {
	p.busy, p.work = busy{}, work{}
}
