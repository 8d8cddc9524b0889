package cdi

import (
	"errors"
	"log/slog"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gputally/gputally/collector/device"
)

// MIGMinors is where the driver lists the capability files of MIG instances.
const MIGMinors = "/proc/driver/nvidia-caps/mig-minors"

// DefaultDirs are the folders that container runtimes read, the latter before
// the former where both know a device.
func DefaultDirs() []string { return []string{"/etc/cdi", "/var/run/cdi"} }

// Config of a Finder.
type Config struct {
	Dirs      []string // default DefaultDirs
	MIGMinors string   // default MIGMinors
	// Devices maps "driver/pool/device" to a device id in a form that
	// collector/attribution reads; it goes before the files.
	Devices map[string]string
	Now     func() time.Time // required
	Logger  *slog.Logger     // default: discards
}

func (c *Config) defaults() error {
	if len(c.Dirs) == 0 {
		c.Dirs = DefaultDirs()
	}
	if c.MIGMinors == "" {
		c.MIGMinors = MIGMinors
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		return errors.New("cdi: Config.Now is required")
	}
	return nil
}

// Finder finds the GPUs of claims. It is not safe for concurrent use.
type Finder struct {
	cfg   Config
	files files
	minor map[int]capability // nil until one is looked up
}

// New returns a Finder that has read nothing yet.
func New(cfg Config) (*Finder, error) {
	if err := cfg.defaults(); err != nil {
		return nil, err
	}
	return &Finder{cfg: cfg, files: newFiles(cfg.Dirs, cfg.Logger)}, nil
}

// Find returns the ids of the devices that a claim is, in forms that
// collector/attribution reads: "GPU-…", "MIG-…", "nvidia0", "nvidia0/gi1/ci0".
// Nil means that it is not known. One GPU may come under two names.
func (f *Finder) Find(c device.Claim) []string {
	if id, ok := f.cfg.Devices[c.Driver+"/"+c.Pool+"/"+c.Device]; ok {
		return []string{id}
	}
	f.files.refresh(f.cfg.Now())
	var ids []string
	for _, name := range c.CDI {
		if _, device, _ := strings.Cut(name, "="); isUUID(device) {
			ids = append(ids, device)
			continue
		}
		d, ok := f.files.find(name)
		if !ok {
			continue
		}
		found, ok := f.idsOf(d)
		if !ok {
			return nil
		}
		ids = append(ids, found...)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// idsOf reads the edits of a device; false if they stand for a part of a GPU that
// can't be named.
func (f *Finder) idsOf(d Device) ([]string, bool) {
	if len(d.UUIDs) > 0 {
		return d.UUIDs, true
	}
	var whole, parts []string
	mig := false
	for _, node := range d.Nodes {
		if minor, ok := number(node, "/dev/nvidia"); ok {
			whole = append(whole, "nvidia"+strconv.Itoa(minor))
		} else if minor, ok := number(node, "/dev/nvidia-caps/nvidia-cap"); ok {
			mig = true
			if c, ok := f.capability(minor); ok && c.compute != none {
				parts = append(parts, c.id())
			}
		}
	}
	if !mig {
		return whole, true
	}
	return parts, len(parts) > 0
}

// capability looks a capability file up. The table never changes while the
// driver is loaded.
func (f *Finder) capability(minor int) (capability, bool) {
	if f.minor == nil {
		file, err := os.Open(f.cfg.MIGMinors)
		if err != nil {
			return capability{}, false
		}
		defer file.Close()
		table, err := readCapabilities(file)
		if err != nil {
			return capability{}, false
		}
		f.minor = table
	}
	c, ok := f.minor[minor]
	return c, ok
}

// number reads N of a device file whose path ends in the given one and N. The
// driver may have a root of its own before /dev.
func number(node, file string) (int, bool) {
	dir, base := path.Split(file)
	parent, name := path.Split(node)
	digits, ok := strings.CutPrefix(name, base)
	if !ok || !strings.HasSuffix(parent, dir) {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 16)
	return int(n), err == nil
}
