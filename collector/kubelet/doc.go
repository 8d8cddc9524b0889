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
// moment later, so that the checkpoint can still tell of the pod that had the
// devices before. Therefore, while more than one UID is possible, the pod's
// allocations are withheld and counted as ambiguous:
//   - several UIDs hold the pod's devices under its containers' names, or
//     several pods match the same UID;
//   - the pod is new, and the UID that it matches was known as another pod's,
//     perhaps of the same name: the entry may be the former pod's. Or the pod is
//     new and the checkpoint does not tell of it. Both waits end after
//     settleTime at the latest.
//
// Where the checkpoint can't be read, is switched off, or does not tell of a pod
// (devices of DRA drivers are not in it), the names of log folders do, if they
// are read: namespace, pod and UID. The kubelet makes a pod's folder late and
// removes it late. So a folder that was there before the pod may be a former
// pod's of the same name, and counts only when it outlives folderTime; and two
// folders are two possible UIDs for as long.
//
// A pod is metered under an empty UID where there is nothing to wait for: no
// source can be read, none knows the pod after settleTime, or folders are left
// over. A checkpoint that can't be read does not take the UIDs away from pods
// that have theirs; CheckpointErr tells of it.
//
// Before Kubernetes 1.34 the kubelet lists pods that have ended as holders of
// their devices. Config.Ended tells of a UID that it is over. A pod of that UID
// holds nothing, and its UID is nobody's any more. Whether it is that pod that is
// listed, or one of the same name that got the same devices, is told by a UID
// that has not ended: if it is there in two polls and no other pod has it, the
// pod is a new one. A recreated pod whose new UID no source tells of yet counts
// as ended until then.
//
// The checkpoint's checksum is not verified: it hashes a Go-specific dump of
// the kubelet's own types, and the kubelet replaces the file by renaming, so
// that a half-written one is not seen.
package kubelet
