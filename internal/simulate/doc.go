// Package simulate is a scripted node: GPUs, and containers that hold them from
// one instant to another. A Player says at any time what the driver and the kubelet
// of such a node would say, so that the real meter can be driven without
// hardware, on a live or a simulated clock.
//
// Below it, trace turns a recorded trace of GPU pods into scripts with their
// truth, and history writes what Prometheus would have scraped.
package simulate
