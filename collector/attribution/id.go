package attribution

import (
	"strconv"
	"strings"
)

const none = -1 // a number that the id does not have

// oldMIG begins the names that drivers before 470 gave to MIG instances.
const oldMIG = "MIG-GPU-"

// ID is a device id in the form of a known device plugin. Either UUID is set
// or Minor is.
type ID struct {
	UUID            string // "GPU-…" or "MIG-…"
	Minor           int    // N of /dev/nvidiaN, -1 if there is a UUID
	GPUInstance     int    // id of the GPU instance on that GPU, -1 if the UUID or the minor number says all
	ComputeInstance int    // id of the compute instance in that GPU instance, -1 for all of it
	Slot            int    // number of the slot, from 0; -1 for the whole device
}

// ParseID takes a device id apart. It reports false for a form that it does not
// know. Each ID has one spelling: ParseID(s) implies s == ID.String().
func ParseID(s string) (ID, bool) {
	switch {
	case strings.HasPrefix(s, oldMIG):
		return parseOldMIG(s)
	case strings.HasPrefix(s, "GPU-"), strings.HasPrefix(s, "MIG-"):
		return parseUUID(s)
	case strings.HasPrefix(s, "nvidia"):
		return parseFile(s)
	default:
		return ID{}, false
	}
}

// String spells the id as the device plugin does.
func (id ID) String() string {
	if id.UUID == "" {
		return id.file()
	}
	s := id.UUID
	if id.GPUInstance != none {
		s = "MIG-" + s + "/" + strconv.Itoa(id.GPUInstance) + "/" + strconv.Itoa(id.ComputeInstance)
	}
	if id.Slot != none {
		s += "::" + strconv.Itoa(id.Slot)
	}
	return s
}

func (id ID) file() string {
	s := "nvidia" + strconv.Itoa(id.Minor)
	if id.GPUInstance != none {
		s += "/gi" + strconv.Itoa(id.GPUInstance)
	}
	if id.ComputeInstance != none {
		s += "/ci" + strconv.Itoa(id.ComputeInstance)
	}
	if id.Slot != none {
		s += "/vgpu" + strconv.Itoa(id.Slot)
	}
	return s
}

func parseUUID(s string) (ID, bool) {
	uuid, slot, ok := cutSlot(s)
	id := ID{UUID: uuid, Minor: none, GPUInstance: none, ComputeInstance: none, Slot: slot}
	return id, ok && len(uuid) > len("GPU-") && !strings.ContainsFunc(uuid, notUUID)
}

func parseOldMIG(s string) (ID, bool) {
	name, slot, ok := cutSlot(s)
	parts := strings.Split(strings.TrimPrefix(name, "MIG-"), "/")
	if !ok || len(parts) != 3 || parts[0] == "GPU-" || strings.ContainsFunc(parts[0], notUUID) {
		return ID{}, false
	}
	gi, ok1 := number(parts[1], "")
	ci, ok2 := number(parts[2], "")
	return ID{UUID: parts[0], Minor: none, GPUInstance: gi, ComputeInstance: ci, Slot: slot}, ok1 && ok2
}

// cutSlot cuts the number of a replica off, none if there is not one.
func cutSlot(s string) (name string, slot int, ok bool) {
	name, digits, cut := strings.Cut(s, "::")
	if !cut {
		return name, none, true
	}
	slot, ok = number(digits, "")
	return name, slot, ok
}

func notUUID(r rune) bool {
	return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
}

func parseFile(s string) (ID, bool) {
	id := ID{GPUInstance: none, ComputeInstance: none, Slot: none}
	parts := strings.Split(s, "/")
	var ok bool
	if id.Minor, ok = number(parts[0], "nvidia"); !ok {
		return ID{}, false
	}
	parts = parts[1:]
	if n, ok := leading(parts, "gi"); ok {
		id.GPUInstance, parts = n, parts[1:]
		if n, ok := leading(parts, "ci"); ok {
			id.ComputeInstance, parts = n, parts[1:]
		}
	}
	if n, ok := leading(parts, "vgpu"); ok {
		id.Slot, parts = n, parts[1:]
	}
	return id, len(parts) == 0
}

func leading(parts []string, prefix string) (int, bool) {
	if len(parts) == 0 {
		return none, false
	}
	return number(parts[0], prefix)
}

// number reads the decimal number after the prefix: digits only, no leading
// zero, and few enough of them for any int.
func number(s, prefix string) (int, bool) {
	digits, ok := strings.CutPrefix(s, prefix)
	if !ok || digits == "" || len(digits) > 6 || (digits[0] == '0' && digits != "0") {
		return none, false
	}
	n := 0
	for _, c := range []byte(digits) {
		if c < '0' || c > '9' {
			return none, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}
