// Package device holds the nouns of the collector: the GPU, the MIG instance,
// what the driver says of them at one moment (Inventory), what the kubelet
// says of who holds them (Holders), and the holding that follows from both.
//
// It imports nothing of the project. The adapters (collector/nvml,
// collector/kubelet, internal/simulate) produce these values, collector/attribution
// joins them, collector/meter integrates them.
package device
