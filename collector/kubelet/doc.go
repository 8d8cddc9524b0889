// Package kubelet reads from the kubelet which container holds which devices.
// It is the only importer of the kubelet's pod-resources API and of gRPC.
//
// The pod-resources API names namespace, pod and container of a holder, but not
// the pod's UID. The UID stands in the checkpoint of the kubelet's device
// manager, an internal JSON file that has kept its form since Kubernetes 1.20:
// pod UID, container, resource and device ids, but neither namespace nor name.
// The two are joined on what both have: a pod's UID is the one whose entries
// have the same container, resource and at least one of the device ids.
//
// Two readings of one kubelet are never taken at the same instant. The kubelet
// books a pod's devices, answers List with them, and writes the checkpoint a
// moment later, so that the checkpoint may still have the pod that had the
// devices before. Therefore, while more than one UID is possible, the pod's
// allocations are withheld and counted as ambiguous:
//   - several UIDs hold the pod's devices under its containers' names, or
//     several pods match the same UID;
//   - the pod is new, and the UID that it matches was known as another pod's,
//     perhaps of the same name: the entry may be the former pod's. Or the pod is
//     new and not in the checkpoint. Both waits end after settleTime at the
//     latest.
//
// Where the checkpoint can't be read, is switched off, or lacks a pod (devices of
// DRA drivers are not in it), the UID is taken from the names of log folders, if
// they are read: these consist of namespace, pod and UID. The kubelet makes a
// pod's folder late and removes it late. So a folder that was there before the pod
// may belong to a former pod of the same name, and counts only when it outlives
// folderTime; two folders are two possible UIDs for as long. A folder that came
// after the pod was first listed is its own, if it is the only one.
//
// A pod that holds claims only is never withheld: the checkpoint can't say that they
// are another pod's. Its UID is pending (device.Stay) for up to nameTime until it has
// a folder, or while folders are in doubt.
//
// A pod is metered under an empty UID where there is nothing to wait for: no
// source can be read, none knows the pod after settleTime, or folders are left
// over. A checkpoint that can't be read does not take the UIDs away from pods
// that have theirs; CheckpointErr has the error.
//
// A kubelet that has restarted lists nobody until it has heard from the API server,
// static pods before others, and its checkpoint is older than the list. So for
// Config.Grace after a new connection, a pod that was listed before and is missing
// goes on as estimated (device.Holders.Estimated) until the list is complete: as
// long as the checkpoint has it with the same devices, none of them is listed with
// another pod, and the pod is not listed with other devices. What no checkpoint
// says, because it can't be read or the pod has claims only, a list that names no
// pod at all does not deny either. One that is listed after that time goes on under
// the UID that it had. A client that is new, too, withholds the devices that the
// checkpoint has while nobody is listed with them, if the pods' cgroups are there,
// or if nobody is listed at all.
//
// Before Kubernetes 1.34 the kubelet lists pods that have ended as holders of
// their devices. Config.Pods says which UIDs have ended; so have those that were in
// the checkpoint before anybody looked, and have no cgroup for beginTime. A pod of
// such a UID holds nothing, and its UID is nobody's any more. The listed pod may be that one,
// or a new one of the same name that got the same devices. It counts as new when
// a UID that has not ended, and that no other pod has, is there in two polls; as
// long as no source has the new UID, it counts as ended.
//
// A device has one pod at a time. Where the kubelet lists it with several, those
// have ended that the checkpoint does not have with it, and of the others all but
// the one that was listed last. They are remembered for overFor, because the kubelet
// may restart and list them later than their successor.
//
// The checkpoint's checksum is not verified: it hashes a Go-specific dump of
// the kubelet's own types, and the kubelet replaces the file by renaming, so
// that a half-written one is not seen.
package kubelet
