package archive

import (
	"container/list"
	"sync"
)

// cache remembers the values that were used last, at most so many. It may be
// used by many goroutines.
type cache[K comparable, V any] struct {
	most int

	mu    sync.Mutex
	by    map[K]*list.Element // of entries
	order *list.List          // the one that was used last in front
}

type entry[K comparable, V any] struct {
	key   K
	value V
}

func newCache[K comparable, V any](most int) *cache[K, V] {
	return &cache[K, V]{most: most, by: map[K]*list.Element{}, order: list.New()}
}

func (c *cache[K, V]) get(key K) (value V, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, known := c.by[key]
	if !known {
		return value, false
	}
	c.order.MoveToFront(e)
	return e.Value.(entry[K, V]).value, true
}

func (c *cache[K, V]) put(key K, value V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, known := c.by[key]; known {
		e.Value = entry[K, V]{key, value}
		c.order.MoveToFront(e)
		return
	}
	c.by[key] = c.order.PushFront(entry[K, V]{key, value})
	if c.order.Len() > c.most {
		delete(c.by, c.order.Remove(c.order.Back()).(entry[K, V]).key)
	}
}
