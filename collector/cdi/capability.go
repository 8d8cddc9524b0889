package cdi

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
)

// capability names a MIG instance by what grants access to it.
type capability struct {
	gpu      int // minor number
	instance int // GPU instance
	compute  int // compute instance, -1 for the access to the GPU instance
}

// readCapabilities reads the driver's table of capability device files, by
// their minor number. Lines look like
//
//	gpu0/gi1/access 12
//	gpu0/gi1/ci0/access 13
//
// and others ("config 1") are about something else.
func readCapabilities(r io.Reader) (map[int]capability, error) {
	table := map[int]capability{}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		c := capability{compute: none}
		var minor int
		if n, _ := fmt.Sscanf(lines.Text(), "gpu%d/gi%d/access %d", &c.gpu, &c.instance, &minor); n == 3 {
			table[minor] = c
			continue
		}
		if n, _ := fmt.Sscanf(lines.Text(), "gpu%d/gi%d/ci%d/access %d", &c.gpu, &c.instance, &c.compute, &minor); n == 4 {
			table[minor] = c
		}
	}
	return table, lines.Err()
}

const none = -1

// id spells the compute instance as collector/attribution reads it.
func (c capability) id() string {
	return "nvidia" + strconv.Itoa(c.gpu) + "/gi" + strconv.Itoa(c.instance) + "/ci" + strconv.Itoa(c.compute)
}
