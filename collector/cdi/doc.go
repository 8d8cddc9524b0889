// Package cdi finds the GPU behind a device of a DRA driver, without asking the
// API server: in the Container Device Interface files from which the container
// runtime learns what a device is.
//
// The kubelet names a device as its driver does (driver, pool, device), and with
// it the CDI devices that the runtime put into the container. The spec file of a
// CDI device says what such a container gets, and that names the GPU:
//
//	deviceNodes /dev/nvidia<m>                 the GPU with that minor number
//	deviceNodes /dev/nvidia-caps/nvidia-cap<c> a MIG instance of it: capability c
//	                                           stands in the driver's mig-minors file
//	env NVIDIA_VISIBLE_DEVICES=<uuid>,…        the GPU or MIG instance itself
//
// Only a device's own edits count: those of the whole file are the same for all
// devices of its kind. A CDI device that has a UUID for its name needs no file.
// A MIG capability that can't be looked up leaves the device unknown, because
// the GPU's own device file would stand for the whole GPU.
//
// A device's name says nothing: NVIDIA's driver calls a GPU gpu-<n>, and n has
// been an index in some versions and a minor number in others.
//
// Where there are no such files, a configured map names the GPU.
package cdi
