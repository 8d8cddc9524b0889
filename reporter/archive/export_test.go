package archive

// Cache is a cache of numbers by name.
type Cache struct{ c *cache[string, int] }

// NewCache returns a cache of at most so many numbers.
func NewCache(most int) Cache { return Cache{newCache[string, int](most)} }

// Get returns what Put last said.
func (c Cache) Get(key string) (int, bool) { return c.c.get(key) }

// Put remembers a number.
func (c Cache) Put(key string, value int) { c.c.put(key, value) }
