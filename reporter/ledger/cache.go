package ledger

import (
	"container/list"
	"sync"
)

// cacheBytes bounds what a Ledger remembers: footers, rosters and edges of a few
// hours of some clusters, and never rows.
const cacheBytes = 32 << 20

// cache remembers values by the keys of their objects. What was used longest ago
// goes first. It may be used by many goroutines.
type cache struct {
	mu      sync.Mutex
	free    int // bytes
	entries map[string]*list.Element
	order   *list.List // the latest first
}

type cached struct {
	key   string
	value any
	bytes int
}

func newCache(bytes int) *cache {
	return &cache{free: bytes, entries: map[string]*list.Element{}, order: list.New()}
}

// get gives the value of a key, nil if there is none.
func (c *cache) get(key string) any {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[key]
	if !ok {
		return nil
	}
	c.order.MoveToFront(e)
	return e.Value.(*cached).value
}

// put remembers a value that takes about so many bytes.
func (c *cache) put(key string, value any, bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.entries[key]; ok {
		c.remove(e)
	}
	c.entries[key] = c.order.PushFront(&cached{key, value, bytes})
	c.free -= bytes
	for c.free < 0 {
		c.remove(c.order.Back())
	}
}

// drop forgets a key.
func (c *cache) drop(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.entries[key]; ok {
		c.remove(e)
	}
}

func (c *cache) remove(e *list.Element) {
	entry := c.order.Remove(e).(*cached)
	delete(c.entries, entry.key)
	c.free += entry.bytes
}
