// Package bounds knows what a card can be, and leaves out of an inventory what
// can't be so. It believes no single reading of the driver:
//
//   - A momentary reading has a range: a ratio is 0 to 1, memory in use at most
//     what the GPU has, power at most what the card can be set to. What is
//     outside is unknown for that reading.
//   - Memory installed does not change while the driver is loaded. Another
//     size is believed when it stays.
//   - The counter of energy grows, by no more than the card's highest power
//     limit × the time since the latest good reading, with slack, so that no
//     honest reading is cut. The next good reading goes on from where the latest
//     one was. A fall is a reset only in a new session of the driver, and then
//     what the counter has since is the growth.
//   - A counter that goes on somewhere else (a fall or a jump that stays) is
//     followed from there after a while. What lies between is left out: a jump
//     is never energy, and the cost of one is at most some seconds of it.
//
// Energy leaves here as a counter of this package's own that never falls.
//
// What is left out is counted by kind and named in the log, once for each GPU
// and kind.
package bounds
