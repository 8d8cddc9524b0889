package attribution

import (
	"strconv"
	"strings"
)

const none = -1 // a number that the id does not have

// ID is a device id in the form of a known device plugin. Either UUID is set
// or Minor is.
type ID struct {
	UUID        string // "GPU-…" or "MIG-…"
	Minor       int    // N of /dev/nvidiaN, -1 if there is a UUID
	GPUInstance int    // id of the GPU instance on the GPU with this minor number, -1 for the GPU itself
	Slot        int    // number of the slot, from 0; -1 for the whole device
}

// ParseID takes a device id apart. It reports false for a form that it does not
// know. Each ID has one spelling: ParseID(s) implies s == ID.String().
func ParseID(s string) (ID, bool) {
	switch {
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
	if id.UUID != "" {
		if id.Slot == none {
			return id.UUID
		}
		return id.UUID + "::" + strconv.Itoa(id.Slot)
	}
	s := "nvidia" + strconv.Itoa(id.Minor)
	if id.GPUInstance != none {
		s += "/gi" + strconv.Itoa(id.GPUInstance)
	}
	if id.Slot != none {
		s += "/vgpu" + strconv.Itoa(id.Slot)
	}
	return s
}

func parseUUID(s string) (ID, bool) {
	uuid, slot, cut := strings.Cut(s, "::")
	id := ID{UUID: uuid, Minor: none, GPUInstance: none, Slot: none}
	if len(uuid) <= len("GPU-") || strings.ContainsFunc(uuid, notUUID) {
		return ID{}, false
	}
	if !cut {
		return id, true
	}
	var ok bool
	id.Slot, ok = number(slot, "")
	return id, ok
}

func notUUID(r rune) bool {
	return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
}

func parseFile(s string) (ID, bool) {
	id := ID{GPUInstance: none, Slot: none}
	file, rest, more := strings.Cut(s, "/")
	var ok bool
	if id.Minor, ok = number(file, "nvidia"); !ok || !more {
		return id, ok
	}
	if strings.HasPrefix(rest, "gi") {
		var instance string
		instance, rest, more = strings.Cut(rest, "/")
		if id.GPUInstance, ok = number(instance, "gi"); !ok || !more {
			return id, ok
		}
	}
	id.Slot, ok = number(rest, "vgpu")
	return id, ok
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
