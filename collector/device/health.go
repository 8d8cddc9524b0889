package device

// Health is the state of a GPU's hardware. A nil field is unknown, or wasn't asked
// for. Counters are the driver's: they fall when it says so, as when it is loaded
// again.
type Health struct {
	// ECCCorrected and ECCUncorrected count errors of the GPU's memories over
	// the life of the card (the aggregate counters, which the card remembers,
	// so that a card's past is known on whatever node it is).
	ECCCorrected, ECCUncorrected *float64
	// RemappedCorrectable and RemappedUncorrectable are rows of memory that
	// were replaced for errors of the one or the other kind.
	RemappedCorrectable, RemappedUncorrectable *float64
	RemapPending                               *bool // a replacement waits for a reset of the GPU
	RemapFailed                                *bool // a row could not be replaced
	Throttled                                  Throttled
	// Bytes that the GPU sent and received: over all NVLinks without (Payload)
	// and with the protocol's overhead (Wire), and over PCIe.
	NVLinkPayloadSent, NVLinkPayloadReceived *float64
	NVLinkWireSent, NVLinkWireReceived       *float64
	PCIeSent, PCIeReceived                   *float64 // the driver says that these may wrap
}

// Throttled is the time in seconds during which the GPU's clocks were held
// down, by reason. Reasons overlap.
type Throttled struct {
	PowerCap        *float64 // to stay within the power limit
	SyncBoost       *float64 // to keep pace with a slower GPU of its group
	Thermal         *float64 // to stay below the highest temperature to work at, by the driver
	HardwareThermal *float64 // too hot: by half or more, by the hardware
	PowerBrake      *float64 // a signal from outside, as of the power supply: by half or more
}
