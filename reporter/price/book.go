package price

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync"

	"github.com/gputally/gputally/reporter/glob"
)

// Book is a price book. It does not change, and many goroutines may use it.
type Book struct {
	currency string
	rates    []rate // by precedence
	allowed  []glob.Pattern
	revision string
	found    sync.Map // resource → []rate, by precedence; there are few resources
}

var currencyCode = regexp.MustCompile(`^[A-Z]{3}$`)

// New checks the rates and makes a book of them. Models that match one of the
// patterns in allowUnpriced may be used without a price. All problems come
// back at once, joined, as *RateError and *BookError.
func New(currency string, rates []Rate, allowUnpriced []string) (*Book, error) {
	b := &Book{currency: currency}
	var errs []error
	if !currencyCode.MatchString(currency) {
		errs = append(errs, &BookError{"currency", fmt.Sprintf("%q is not a three-letter code such as EUR", currency)})
	}
	for i, r := range rates {
		compiled, problems := compile(i, r)
		errs = append(errs, problems...)
		if problems == nil {
			errs = append(errs, clashes(b.rates, compiled)...)
			b.rates = append(b.rates, compiled)
		}
	}
	for i, pattern := range allowUnpriced {
		if pattern == "" {
			errs = append(errs, &BookError{fmt.Sprintf("allow_unpriced[%d]", i), `is empty; write "*" for all models`})
		}
		b.allowed = append(b.allowed, glob.Compile(pattern))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	slices.SortStableFunc(b.rates, compare)
	b.revision = revision(b)
	return b, nil
}

// clashes names the earlier rates that leave open which of the two applies.
func clashes(earlier []rate, r rate) []error {
	var errs []error
	for _, e := range earlier {
		if e.clashes(r) {
			errs = append(errs, &RateError{r.index, "model", fmt.Sprintf(
				"matches the same GPUs at the same time as rates[%d] and is no more specific; end one before the other begins or narrow one", e.index)})
		}
	}
	return errs
}

// Currency is the code of the book's currency, EUR.
func (b *Book) Currency() string { return b.currency }

// Revision is a hash of what the book says: equal for books that give the
// same prices by the same rates, in whatever order and spelling.
func (b *Book) Revision() string { return b.revision }

// AllowsUnpriced reports whether a model may be used without a price.
func (b *Book) AllowsUnpriced(model string) bool {
	return slices.ContainsFunc(b.allowed, func(p glob.Pattern) bool { return p.Match(model) })
}

func revision(b *Book) string {
	lines := []string{fmt.Sprintf("currency %q", b.currency)}
	for _, r := range b.rates {
		lines = append(lines, r.line())
	}
	return digest(append(lines, allowLines(b.allowed)...))
}

// ratesFor returns the rates that match a resource, by precedence.
func (b *Book) ratesFor(k resource) []rate {
	if found, ok := b.found.Load(k); ok {
		return found.([]rate)
	}
	var matching []rate
	for _, r := range b.rates {
		if r.matches(k) {
			matching = append(matching, r)
		}
	}
	b.found.Store(k, matching)
	return matching
}
